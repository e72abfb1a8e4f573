import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EnvVar, FileContent, JobSpec, TaskGroup } from '#gen/isobar/v1/job.ts';
import { assignmentOf, key, variable } from '../agent.contract.ts';
import { DEMO_SITE, type SiteRules } from '../site.ts';
import type { LocalDevice } from './devices.ts';
import { type PlanOptions, type Planned, planOf } from './plan.ts';
import type { Plan } from './protocol.ts';

/** Outside a demo: one tenant, some programs. */
const STRICT: SiteRules = { demo: false, tenants: {}, denyImages: [], denyEnv: [] };
const TRUE = { command: ['/bin/true'] };

const DEVICES: readonly LocalDevice[] = [
  { model: 'A100', memoryMib: 81_920, id: '0', vendor: 'nvidia' },
  { model: 'A100', memoryMib: 81_920, id: 'GPU-7f', vendor: 'nvidia' },
  { model: 'MI300', memoryMib: 196_608, id: '5', vendor: 'amd' },
];

let secretsDir: string;
beforeAll(() => {
  secretsDir = mkdtempSync(join(tmpdir(), 'isobar-secrets-'));
  mkdirSync(join(secretsDir, 'database'));
  writeFileSync(join(secretsDir, 'database', 'password'), 'geheim\n');
});
afterAll(() => rmSync(secretsDir, { recursive: true }));

describe('the environment', () => {
  test('tells each task its place among all', () => {
    const assignment = assignmentOf(key(7, 3), [
      { name: 'a', command: ['x'], replicas: 2 },
      { name: '', command: ['y'] },
    ]);
    const allocations = [
      { node: 'n1', group: 0, tasks: 1, devices: [] },
      { node: 'n9', group: 1, tasks: 1, devices: [] },
      { node: 'n2', group: 0, tasks: 1, devices: [] },
    ];
    const plan = made(planOf({ ...assignment, allocations }, key(7, 3), options()));
    expect(plan.ranks).toEqual([0, 0, 1]);
    expect(plan.groups.map((group) => group.env)).toMatchObject([
      { ISOBAR_GROUP: 'a', ISOBAR_PEERS: 'n1,n2,n9', ISOBAR_SIZE: '3', ISOBAR_EPOCH: '3' },
      { ISOBAR_GROUP: 'main', ISOBAR_UID: '7', ISOBAR_JOB: 'tenants/health/jobs/job-7' },
    ]);
  });

  test('leaves out what the site does not pass', () => {
    const env = [variable('LD_PRELOAD', 'evil.so'), variable('GOOD', '1')];
    const plan = made(planned([{ ...TRUE, env }], { denyEnv: ['LD_*'] }));
    expect(plan.groups[0]?.env).toMatchObject({ GOOD: '1' });
    expect(plan.groups[0]?.env).not.toHaveProperty('LD_PRELOAD');
  });

  test.each(['ISOBAR_RANK', '1A', 'A-B', ''])('refuses the name %j', (name) => {
    expect(refused(planned([{ ...TRUE, env: [variable(name, 'x')] }]))).toMatch(/^START_FAILED/);
  });
});

describe('devices', () => {
  const GROUPS = [
    { name: 'learn', command: ['x'], replicas: 2 },
    { name: 'store', command: ['y'] },
  ];
  const given = (node: string, ...devices: [device: number, thousandths: number][]): Planned => {
    const held = devices.map(([device, thousandths]) => ({ device, thousandths }));
    const allocations = [
      { node, group: 0, tasks: 1, devices: held.slice(0, 2) },
      { node, group: 0, tasks: 1, devices: held.slice(2) },
      { node: 'n1', group: 1, tasks: 1, devices: [] },
    ];
    return planOf({ ...assignmentOf(key(1), GROUPS), allocations }, key(1), options());
  };

  test('are told to each task by their ids, in the words of their vendor', () => {
    const plan = made(given('gpus', [1, 1000], [0, 1000], [2, 250]));
    expect(plan.devices).toEqual({
      0: {
        ISOBAR_DEVICES: 'GPU-7f,0',
        ISOBAR_DEVICE_THOUSANDTHS: '1000,1000',
        CUDA_VISIBLE_DEVICES: 'GPU-7f,0',
        NVIDIA_VISIBLE_DEVICES: 'GPU-7f,0',
        ROCR_VISIBLE_DEVICES: '-1',
        HIP_VISIBLE_DEVICES: '-1',
      },
      1: {
        ISOBAR_DEVICES: '5',
        ISOBAR_DEVICE_THOUSANDTHS: '250',
        CUDA_VISIBLE_DEVICES: '',
        NVIDIA_VISIBLE_DEVICES: 'void',
        ROCR_VISIBLE_DEVICES: '5',
        HIP_VISIBLE_DEVICES: '0',
      },
    });
  });

  test('are parted evenly where tasks share an allocation', () => {
    const devices = [0, 1].map((device) => ({ device, thousandths: 1000 }));
    const allocations = [{ node: 'gpus', group: 0, tasks: 2, devices }];
    const plan = made(planOf({ ...assignmentOf(key(1), GROUPS), allocations }, key(1), options()));
    expect(plan.devices).toMatchObject({
      0: { ISOBAR_DEVICES: '0' },
      1: { ISOBAR_DEVICES: 'GPU-7f' },
    });
  });

  test('that the node does not have, as after a change of its file, are no reason to run without', () => {
    const why = 'START_FAILED a device that node gpus does not have';
    expect(refused(given('gpus', [0, 1000], [3, 1000]))).toBe(why);
  });
});

describe('secrets', () => {
  const env = (secret: string, at: string): EnvVar[] => [
    { name: 'PASSWORD', source: { $case: 'secret', value: { secret, key: at } } },
  ];

  test('are read here, the last newline cut from variables and not from files', () => {
    const ref = { secret: 'database', key: 'password' };
    const files = [file('pw', { $case: 'secret', value: ref })];
    const plan = made(planned([{ ...TRUE, env: env('database', 'password'), files }]));
    expect(plan.groups[0]?.env['PASSWORD']).toBe('geheim');
    expect(Buffer.from(plan.groups[0]?.files[0]?.base64 ?? '', 'base64').toString()).toBe(
      'geheim\n',
    );
  });

  test.each([
    ['other', 'password', 'START_FAILED secret other/password (ENOENT)'],
    ['database', 'other', 'START_FAILED secret database/other (ENOENT)'],
    ['..', 'password', 'START_FAILED secret ../password'],
    ['database', '../../etc/passwd', 'START_FAILED secret database/../../etc/passwd'],
  ])('%s/%s is refused by name', (secret, at, why) => {
    expect(refused(planned([{ ...TRUE, env: env(secret, at) }]))).toBe(why);
  });

  test('outside a demo are for the tenants that the site names', () => {
    const run = (rules: Partial<SiteRules>): Planned =>
      planned([{ ...TRUE, env: env('database', 'password') }], {
        ...STRICT,
        allowCommands: ['**'],
        ...rules,
      });
    expect(refused(run({}))).toBe('NOT_ALLOWED_BY_SITE secret database/password for tenant health');
    expect(refused(run({ secrets: { database: ['other'] } }))).toMatch(
      /^NOT_ALLOWED_BY_SITE secret/,
    );
    expect(made(run({ secrets: { database: ['health'] } })).groups[0]?.env['PASSWORD']).toBe(
      'geheim',
    );
  });
});

describe('files', () => {
  test.each(['/etc/passwd', '../x', 'a/../../x', 'a//b', './a', '', 'a/', 'a\0b'])(
    'path %j is refused',
    (path) => {
      expect(refused(planned([{ ...TRUE, files: [file(path)] }]))).toMatch(/^START_FAILED file/);
    },
  );

  test('keep their permissions and nothing above', () => {
    const files = [{ ...file('a'), mode: 0o4755 }, file('b/c')];
    const plan = made(planned([{ ...TRUE, files }]));
    expect(plan.groups[0]?.files.map((each) => each.mode)).toEqual([0o755, 0o644]);
  });
});

describe('a site allows', () => {
  const strict = (rules: Partial<SiteRules>, command: string[]): Planned =>
    planned([{ command }], { ...STRICT, ...rules });

  test('everything in a demo, and nothing otherwise unless it says so', () => {
    expect(made(planned([{ command: ['anything'] }])).groups[0]?.argv).toEqual(['anything']);
    expect(refused(strict({}, ['true']))).toBe('NOT_ALLOWED_BY_SITE program true');
  });

  test.each([
    [['true'], ['true'], '/usr/bin/true'],
    [['/usr/bin/*'], ['true'], '/usr/bin/true'],
    [['/usr/bin/*'], ['/usr/bin/env'], '/usr/bin/env'],
  ])('%j: %j is run by its path', (allowCommands, command, path) => {
    expect(made(strict({ allowCommands }, command)).groups[0]?.argv[0]).toBe(path);
  });

  test.each([
    [['true'], ['/tmp/true']],
    [['/usr/bin/*'], ['/usr/bin/../../tmp/evil']],
    [['/usr/bin/*'], ['./evil']],
    [['no-such-program'], ['no-such-program']],
  ])('%j: %j is refused', (allowCommands, command) => {
    expect(refused(strict({ allowCommands }, command))).toMatch(/^NOT_ALLOWED_BY_SITE program/);
  });

  test('tenants by name', () => {
    expect(refused(planned([TRUE], { allowTenants: ['prov-*'] }))).toBe(
      'NOT_ALLOWED_BY_SITE tenant health',
    );
    expect(made(planned([TRUE], { allowTenants: ['heal*'] })).job).toMatch(/health/);
  });

  test('a second tenant only with users of their own', () => {
    const site = { ...STRICT, allowCommands: ['**'] };
    const first = (tenant: string): Planned =>
      planOf(assignmentOf(key(1), [TRUE]), key(1), { ...options(site), firstTenant: () => tenant });
    expect(made(first('health')).user).toBeUndefined();
    expect(refused(first('transport'))).toMatch(/^NOT_ALLOWED_BY_SITE tenant health, because/);
    const tenants = { health: { uid: 2001, gid: 2001 } };
    expect(made(planned([TRUE], { ...site, tenants })).user).toEqual({ uid: 2001, gid: 2001 });
    const others = { transport: { uid: 2002, gid: 2002 } };
    expect(refused(planned([TRUE], { ...site, tenants: others }))).toMatch(/has no user here/);
  });

  test('run times up to its own', () => {
    const hour = { seconds: 3600, nanos: 0 };
    expect(made(planned([TRUE], {}, { maxRunTime: hour })).maxRunMs).toBe(3_600_000);
    expect(made(planned([TRUE], { maxRunMs: 1000 })).maxRunMs).toBe(1000);
    expect(refused(planned([TRUE], { maxRunMs: 1000 }, { maxRunTime: hour }))).toMatch(
      /run time of 3600 s/,
    );
  });

  test('images where it runs images, and not here', () => {
    const group = { ...TRUE, image: 'registry.example/a:latest' };
    expect(refused(planned([group]))).toMatch(/^START_FAILED image/);
    expect(refused(planned([group], { denyImages: ['**:latest'] }))).toMatch(
      /^NOT_ALLOWED_BY_SITE image/,
    );
  });
});

test('an assignment without room is refused', () => {
  const assignment = { ...assignmentOf(key(1), [TRUE]), allocations: [] };
  expect(refused(planOf(assignment, key(1), options()))).toBe('START_FAILED it was given no room');
});

test('a specification that is none is refused', () => {
  const assignment = { ...assignmentOf(key(1), [TRUE]), spec: Buffer.from([255, 255, 255]) };
  expect(refused(planOf(assignment, key(1), options()))).toMatch(/^START_FAILED its specification/);
});

function options(site: Partial<SiteRules> = {}): PlanOptions {
  return {
    site: { ...DEMO_SITE, ...site },
    secretsDir,
    firstTenant: (tenant) => tenant,
    devicesOf: (node) => (node === 'gpus' ? DEVICES : []),
  };
}

function planned(
  groups: readonly Partial<TaskGroup>[],
  site: Partial<SiteRules> = {},
  spec: Partial<JobSpec> = {},
): Planned {
  return planOf(assignmentOf(key(1), groups, spec), key(1), options(site));
}

function made(result: Planned): Plan {
  if ('refused' in result) throw new Error(`refused: ${result.refused.subject}`);
  return result.plan;
}

function refused(result: Planned): string {
  return 'plan' in result ? 'not refused' : `${result.refused.code} ${result.refused.subject}`;
}

function file(path: string, source?: FileContent['source']): FileContent {
  return { path, mode: 0, source: source ?? { $case: 'content', value: Buffer.from('x') } };
}
