// What a task finds when it starts, and what is left of it on disk.
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import type { Assignment } from '#gen/isobar/v1/agent.ts';
import type { TaskGroup } from '#gen/isobar/v1/job.ts';
import { Agent, assignmentOf, key, variable } from '../agent.contract.ts';
import { DEMO_SITE, type SiteRules } from '../site.ts';
import type { LocalOptions } from './local.ts';
import { LocalPlace, until } from './machine.contract.ts';
import { thisMachine } from './nodes.ts';
import { commandOf, isAlive } from './proc.ts';
import { readIfThere } from './store.ts';

const places: LocalPlace[] = [];

function newPlace(options: Partial<LocalOptions> = {}): LocalPlace {
  const place = new LocalPlace(options);
  places.push(place);
  return place;
}

afterEach(async () => {
  for (const place of places.splice(0)) await place.dispose();
});

describe('a task of the local executor', () => {
  let place: LocalPlace;
  let agent: Agent;

  beforeEach(async () => {
    place = newPlace();
    agent = await Agent.open(place);
  });

  const output = async (group: Partial<TaskGroup>, rank = 0): Promise<string> => {
    agent.executor.start(assignmentOf(key(1), [group]));
    await agent.ended(key(1));
    return await agent.log(key(1), { rank });
  };

  test('has its own directory, a clean environment and its files', async () => {
    process.env['LEAKED'] = 'yes';
    const text = await output(
      {
        replicas: 2,
        command: ['/bin/sh', '-c', 'pwd; env | sort; cat in/a; stat -c %a in/a; cat "$0"', 'b'],
        env: [variable('GREETING', 'hello "there"')],
        files: [
          { path: 'in/a', mode: 0o750, source: { $case: 'content', value: Buffer.from('A\n') } },
          { path: 'b', mode: 0, source: { $case: 'content', value: Buffer.from('B\n') } },
        ],
      },
      1,
    );
    delete process.env['LEAKED'];
    const dir = join(place.stateDir, 'work/1-0-1.1');
    expect(text.split('\n')).toMatchObject([
      dir,
      'CUDA_VISIBLE_DEVICES=',
      'GREETING=hello "there"',
      'HIP_VISIBLE_DEVICES=-1',
      `HOME=${dir}`,
      'ISOBAR_DEVICES=',
      'ISOBAR_DEVICE_THOUSANDTHS=',
      'ISOBAR_EPOCH=1',
      'ISOBAR_GROUP=main',
      'ISOBAR_INDEX=0',
      'ISOBAR_JOB=tenants/health/jobs/job-1',
      'ISOBAR_PEERS=node-00000,node-00000',
      'ISOBAR_RANK=1',
      expect.stringMatching(/^ISOBAR_RUN_ID=1-0-1\.1@/),
      'ISOBAR_SIZE=2',
      'ISOBAR_UID=1',
      'LANG=C.UTF-8',
      'NVIDIA_VISIBLE_DEVICES=void',
      expect.stringMatching(/^PATH=\//),
      `PWD=${dir}`,
      'ROCR_VISIBLE_DEVICES=-1',
      `TMPDIR=${dir}`,
      'A',
      '750',
      'B',
      '',
    ]);
    await until('its directory is removed', () => !existsSync(dir));
  });

  test('sees the devices that it was given, whatever its job says of them', async () => {
    const node = { ...thisMachine(place.stateDir), node: 'node-00000' };
    const devices = [
      { model: 'A100', memoryMib: 81_920, id: '0', vendor: 'nvidia' as const },
      { model: 'A100', memoryMib: 81_920, id: 'GPU-7f', vendor: 'nvidia' as const },
    ];
    const other = newPlace({ nodes: [{ ...node, devices }] });
    const next = await Agent.open(other);
    const assignment = assignmentOf(key(1), [
      {
        command: ['/bin/sh', '-c', 'echo $ISOBAR_DEVICES $ISOBAR_DEVICE_THOUSANDTHS; env'],
        env: [variable('CUDA_VISIBLE_DEVICES', '0,1')],
      },
    ]);
    const allocations = assignment.allocations.map((allocation) => {
      return { ...allocation, devices: [{ device: 1, thousandths: 500 }] };
    });
    next.executor.start({ ...assignment, allocations });
    await next.ended(key(1));
    const text = await next.log(key(1));
    expect(text).toMatch(/^GPU-7f 500\n/);
    expect(text).toMatch(/^CUDA_VISIBLE_DEVICES=GPU-7f$/m);
  });

  test('keeps the order of what it writes to both outputs', async () => {
    expect(
      await output({ command: ['/bin/sh', '-c', 'echo 1; echo 2 >&2; echo 3; echo 4 >&2'] }),
    ).toBe('1\n2\n3\n4\n');
  });

  test('is run as a program, never as a word of a shell', async () => {
    expect(await output({ command: ['exit', '0'] })).toMatch(/exit: not found/);
    expect(agent.last(key(1))).toMatchObject({ phase: RunState.FAILED, exitCode: 127 });
  });

  test('gets its arguments as they are', async () => {
    const args = ['a b', '$HOME', '"', "'", '*', '', '\\n', 'two\nlines'];
    expect(await output({ command: ['printf', '[%s]'], args })).toBe(
      args.map((arg) => `[${arg}]`).join(''),
    );
  });

  test('has the default action for signals, and its signal is its exit code', async () => {
    await output({ command: ['/bin/sh', '-c', 'kill -USR1 $$'] });
    expect(agent.last(key(1))).toMatchObject({ phase: RunState.FAILED, exitCode: 128 + 10 });
  });

  test('is stopped by the signal that its job names', async () => {
    const command = [
      '/bin/sh',
      '-c',
      "trap 'echo USR2; exit 0' USR2; echo ready; while :; do sleep 0.05; done",
    ];
    agent.executor.start(assignmentOf(key(1), [{ command }], { stopSignal: 'SIGUSR2' }));
    const log = join(place.stateDir, 'logs/1-0-1.0.log');
    await until('it is ready', () => readIfThere(log) === 'ready\n');
    agent.executor.stop(key(1));
    expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.STOPPED, exitCode: 0 });
    expect(await agent.log(key(1))).toMatch(/USR2/);
  });

  test('leaves nothing but its output when it is forgotten', async () => {
    agent.executor.start(assignmentOf(key(1), [place.task({ ms: 1, lines: 1 })]));
    agent.executor.start(assignmentOf(key(2), [place.task({ ms: 1 })]));
    await agent.ended(key(1));
    await agent.ended(key(2));
    for (const run of [key(1), key(2)]) agent.executor.forget(run);
    const left = (dir: string): string[] => readdirSync(join(place.stateDir, dir));
    await until(
      'both are forgotten',
      () => left('control/runs').length + left('work').length === 0,
    );
    expect(left('logs')).toEqual(['1-0-1.0.log']);
    expect(await agent.log(key(1))).toBe('line 1\n');
  });
});

describe('the secrets of a data center', () => {
  test('reach the task, and neither the state directory nor a command line', async () => {
    const place = newPlace();
    const secretsDir = join(place.stateDir, 'secrets');
    mkdirSync(join(secretsDir, 'database'), { recursive: true });
    writeFileSync(join(secretsDir, 'database', 'password'), 'geheim-4711');
    const withSecrets = { executor: () => place.executor({ secretsDir }), until };
    const agent = await Agent.open(withSecrets);
    const secret = { secret: 'database', key: 'password' };
    const assignment = assignmentOf(key(1), [
      {
        command: ['/bin/sh', '-c', 'test "$PASSWORD" = "$(cat pw)" && sleep 1000'],
        env: [{ name: 'PASSWORD', source: { $case: 'secret', value: secret } }],
        files: [{ path: 'pw', mode: 0o600, source: { $case: 'secret', value: secret } }],
      },
    ]);
    agent.executor.start(assignment);
    await agent.reached(key(1), RunState.RUNNING);
    const found = filesBelow(place.stateDir).filter(
      (path) =>
        !path.startsWith(secretsDir) &&
        statSync(path).isFile() &&
        readFileSync(path).includes('geheim-4711'),
    );
    expect(found).toEqual([join(place.stateDir, 'work/1-0-1.0/pw')]);
    expect(commandLines()).not.toContain('geheim-4711');

    agent.executor.start(withEnvSecret(key(2).jobUid, 'missing'));
    expect(await agent.ended(key(2))).toMatchObject({
      phase: RunState.FAILED,
      reason: { code: 'START_FAILED', subject: 'secret missing/password (ENOENT)' },
    });
  });
});

// Only root can run tasks as other users.
describe.runIf(process.getuid?.() === 0)('tenants with users of their own', () => {
  const site: SiteRules = {
    ...DEMO_SITE,
    demo: false,
    allowCommands: ['**'],
    tenants: { health: { uid: 54_321, gid: 54_322 }, transport: { uid: 54_323, gid: 54_324 } },
  };

  test('have their environment from the job, and no program of ours has', async () => {
    const place = newPlace({ site });
    const agent = await Agent.open(place);
    const env = [
      variable('QUOTED', `it's "$HOME" \`id\`\n\\ end `),
      variable('PATH', '/nowhere'),
      variable('LD_PRELOAD', '/nowhere/evil.so'),
    ];
    const command = ['/bin/sh', '-c', 'printf "[%s][%s]" "$QUOTED" "$PATH"; exec /bin/sleep 1000'];
    agent.executor.start(assignmentOf(key(1), [{ command, env }]));
    const log = join(place.stateDir, 'logs/1-0-1.0.log');
    await until('it has written', () => readIfThere(log)?.includes('[/nowhere]') === true);
    expect(await agent.log(key(1))).toContain(`[it's "$HOME" \`id\`\n\\ end ][/nowhere]`);
    const journal = readFileSync(join(place.stateDir, 'control/runs/1-0-1'), 'utf8');
    const top = /^task 0 (\d+)/m.exec(journal)?.[1] ?? '';
    expect(readFileSync(`/proc/${top}/environ`, 'utf8').split('\0')).toMatchObject([
      expect.stringMatching(/^ISOBAR_RUN_ID=/),
      expect.stringMatching(/^PATH=\/usr/),
      '',
    ]);
  });

  test('run as them, in directories of theirs, and cannot read each other', async () => {
    const place = newPlace({ site });
    const agent = await Agent.open(place);
    const script = 'id -u; id -g; id -G; echo x >made; cat in; ls ../2-0-1.0 2>/dev/null; exit 0';
    const files = [
      {
        path: 'in',
        mode: 0o600,
        source: { $case: 'content' as const, value: Buffer.from('IN\n') },
      },
    ];
    agent.executor.start({
      ...assignmentOf(key(2), [{ command: ['/bin/sleep', '1000'] }]),
      job: 'tenants/transport/jobs/other',
    });
    await agent.reached(key(2), RunState.RUNNING);
    agent.executor.start(assignmentOf(key(1), [{ command: ['/bin/sh', '-c', script], files }]));
    expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.SUCCEEDED });
    expect(await agent.log(key(1))).toBe('54321\n54322\n54322\nIN\n');
  });
});

test('without users of their own the first tenant stays the only one, also after a restart', async () => {
  const place = newPlace({ site: { ...DEMO_SITE, demo: false, allowCommands: ['**'] } });
  let agent = await Agent.open(place);
  agent.executor.start(assignmentOf(key(1), [place.task({ ms: 1 })]));
  await agent.ended(key(1));
  await agent.executor.close({ stopRuns: false });
  agent = await Agent.open(place);
  agent.executor.start({
    ...assignmentOf(key(2), [place.task({ ms: 1 })]),
    job: 'tenants/transport/jobs/x',
  });
  expect(await agent.ended(key(2))).toMatchObject({
    phase: RunState.FAILED,
    reason: { code: 'NOT_ALLOWED_BY_SITE' },
  });
  expect(agent.phases(key(2))).toEqual([RunState.FAILED]);
});

test('after a reboot what ran is lost, and what had ended is still known', async () => {
  const place = newPlace();
  let agent = await Agent.open(place);
  agent.executor.start(assignmentOf(key(1), [place.task({ ms: Infinity })]));
  agent.executor.start(assignmentOf(key(2), [place.task({ ms: 1, exitCode: 3 })]));
  await agent.ended(key(2));
  await agent.reached(key(1), RunState.RUNNING);
  // As the disk is found: the run is of another boot, and its processes are gone.
  const path = join(place.stateDir, 'control/runs/1-0-1');
  const journal = readFileSync(path, 'utf8');
  agent.executor.stop(key(1));
  await agent.ended(key(1));
  await agent.executor.close({ stopRuns: true });
  const supervisor = place.processIn('supervisor');
  await until('the supervisor has ended', () => !supervisor || !isAlive(supervisor));
  writeFileSync(path, journal.replace(/"bootId":"[^"]*"/, '"bootId":"another"'));

  agent = await Agent.open(place);
  expect(agent.last(key(1))).toMatchObject({ phase: RunState.STOPPED, reason: { code: 'LOST' } });
  expect(agent.last(key(2))).toMatchObject({ phase: RunState.FAILED, exitCode: 3 });
});

test('the supervisor ends by itself when nobody needs it', async () => {
  const place = newPlace();
  const agent = await Agent.open(place);
  agent.executor.start(assignmentOf(key(1), [place.task({ ms: 300 })]));
  await agent.reached(key(1), RunState.RUNNING);
  await agent.executor.close({ stopRuns: false });
  const supervisor = place.processIn('supervisor');
  const guard = place.processIn('guard');
  expect(supervisor !== undefined && isAlive(supervisor)).toBe(true);
  await until('both have ended', () =>
    [supervisor, guard].every((id) => id === undefined || !isAlive(id)),
  );
  const next = await Agent.open(place);
  expect(next.last(key(1))).toMatchObject({ phase: RunState.SUCCEEDED });
});

function withEnvSecret(jobUid: number, secret: string): Assignment {
  const value = { secret, key: 'password' };
  return assignmentOf(key(jobUid), [
    { command: ['/bin/true'], env: [{ name: 'X', source: { $case: 'secret', value } }] },
  ]);
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((path) => join(dir, path));
}

function commandLines(): string {
  return readdirSync('/proc')
    .map((pid) => commandOf(Number(pid)).join(' '))
    .join('\n');
}
