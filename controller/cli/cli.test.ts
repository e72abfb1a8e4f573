import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IsobarError } from '#client/isobar-error.ts';
import { canned } from './canned.ts';
import { EXIT, exitOf, Failure, UsageError } from './exit.ts';
import { runCaptured, startTestbed, words } from './testbed.ts';
import { examples, type Verb } from './verb.ts';
import { VERBS } from './verbs.ts';

describe('help', () => {
  test('of the command lists every verb and the exit codes', async () => {
    const { code, out } = await runCaptured(['--help'], {});
    expect(code).toBe(0);
    for (const { name, summary } of VERBS)
      expect(out).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20)}`, 'm'));
    expect(out).toContain('  130  interrupted by SIGINT');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test('is what the command says when it is told nothing', async () => {
    expect(await runCaptured([], {})).toEqual(await runCaptured(['--help'], {}));
  });

  const SUBVERBS = {
    create: ['tenant', 'data-center', 'link', 'token'],
    audit: ['list', 'export', 'verify'],
    user: ['invite', 'revoke', 'list'],
    config: ['get-contexts', 'current-context', 'use-context', 'set-context', 'delete-context'],
  };
  const all = VERBS.flatMap(({ name }) => {
    const subverbs = Object.entries(SUBVERBS).find(([verb]) => verb === name)?.[1] ?? [];
    return [name, ...subverbs.map((sub) => `${name} ${sub}`)];
  });
  test.each(all)('of %s has an example', async (line) => {
    const { code, out } = await runCaptured([...words(line), '--help'], {});
    expect(code).toBe(0);
    expect(out).toContain(`Usage: isobar ${line}`);
    expect(out).toMatch(/\nExamples:\n {2}\S/);
  });
});

describe('a slip of the hand', () => {
  test.each([
    ['gte jobs', "unknown command 'gte'", 'Did you mean get?'],
    ['get jobs --wacth', "unknown option '--wacth'", 'Did you mean --watch?'],
    ['get jbos', 'unknown kind jbos', 'did you mean jobs?'],
    ['get jobs -o jsno', '-o jsno: expected one of', 'did you mean json?'],
    ['get jobs --state runing', '--state runing: expected', 'did you mean running?'],
    ['completion bsh', 'unknown shell bsh', 'did you mean bash?'],
    ['get jobs --timeout soon', '--timeout soon: expected a duration', ''],
    ['get nodes --set night', 'nodes cannot be selected by --set', ''],
    ['get jobs -w -o json', '--watch prints lines', ''],
    ['describe events x', 'events cannot be used here', ''],
    ['describe job', "missing required argument 'name'", ''],
    ['describe node n01', 'a node is DATA_CENTER/NODE', ''],
    ['get jobs -l team', 'expected KEY=VALUE', ''],
  ])('%s', async (line, what, meant) => {
    await using bed = await startTestbed(canned());
    const { code, out, err } = await bed.run(...words(line));
    expect({ code, out }).toEqual({ code: EXIT.USAGE, out: '' });
    expect(err).toContain(what);
    expect(err).toContain(meant);
  });
});

describe('exit codes', () => {
  test.each([
    ['refused', new IsobarError('', { code: 'FAILED_PRECONDITION', reason: 'X' }), EXIT.REFUSED],
    ['not allowed', new IsobarError('', { code: 'PERMISSION_DENIED', reason: 'X' }), EXIT.REFUSED],
    ['not found', new IsobarError('', { code: 'NOT_FOUND', reason: 'X' }), EXIT.NOT_FOUND],
    ['nobody answers', new IsobarError('', { code: 'UNAVAILABLE' }), EXIT.NO_ACCESS],
    ['not known', new IsobarError('', { code: 'UNAUTHENTICATED' }), EXIT.NO_ACCESS],
    ['cannot serve', new IsobarError('', { code: 'UNAVAILABLE', reason: 'X' }), EXIT.UNAVAILABLE],
    ['too slow', new IsobarError('', { code: 'DEADLINE_EXCEEDED' }), EXIT.UNAVAILABLE],
    ['a defect there', new IsobarError('', { code: 'INTERNAL', reason: 'X' }), EXIT.INTERNAL],
    ['a defect here', new TypeError('x is not a function'), EXIT.INTERNAL],
    ['a wrong line', new UsageError('x'), EXIT.USAGE],
    ['no file', new Failure('x', EXIT.NO_FILE), EXIT.NO_FILE],
    ['a full disk', Object.assign(new Error('ENOSPC'), { syscall: 'write' }), EXIT.NO_FILE],
  ])('%s', (_, error, code) => expect(exitOf(error)).toBe(code));

  test('a controller that is not there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isobar-gone-'));
    const { Channel, credentials } = await import('@grpc/grpc-js');
    const { Isobar } = await import('#client/isobar.ts');
    const { runCli } = await import('./cli.ts');
    writeFileSync(
      join(folder, 'c.yaml'),
      '{current: a, contexts: [{name: a, addresses: ["127.0.0.1:1"], tenant: t}]}',
    );
    const err: string[] = [];
    const sink = (into: string[]) => ({
      write: async (chunk: string | Uint8Array) => void into.push(String(chunk)),
      isTerminal: false,
      columns: 80,
    });
    const code = await runCli(['get', 'jobs'], {
      io: {
        stdin: (async function* () {})(),
        stdinIsTerminal: false,
        stdout: sink([]),
        stderr: sink(err),
        env: { ISOBAR_CONFIG: join(folder, 'c.yaml') },
        cwd: folder,
        now: () => 0,
        interrupted: new AbortController().signal,
      },
      connector: async (_, tenant) =>
        new Isobar(new Channel('127.0.0.1:1', credentials.createInsecure(), {}), tenant),
    });
    rmSync(folder, { recursive: true });
    expect(code).toBe(EXIT.NO_ACCESS);
    expect(err.join('')).toMatchInlineSnapshot(`
      "error: the controller cannot be reached
        127.0.0.1:1: ECONNREFUSED
      next: is it running? \`isobar doctor\` looks closer, \`isobar config get-contexts\` tells where it is expected
      "
    `);
  });
});

describe('verbs of others', () => {
  const verb: Verb = {
    name: 'controller',
    group: 'Processes',
    summary: 'run a controller',
    load: async () => ({
      configure(command, act) {
        command.option('--data-dir <folder>').action(
          act<{ dataDir?: string }>(async (session, _, { dataDir, tenant }) => {
            await session.print(`runs in ${dataDir} for ${tenant}`);
            return 7;
          }),
        );
        examples(command, 'isobar controller');
      },
    }),
  };
  test('stand in the help, and run like the others', async () => {
    const help = await runCaptured(['--help'], { extraVerbs: [verb] });
    expect(help.out).toContain('Processes:\n  controller ');
    const line = words('controller --data-dir d -n health');
    expect(await runCaptured(line, { extraVerbs: [verb] })).toEqual({
      code: 7,
      out: 'runs in d for health\n',
      err: '',
    });
  });
  test('may replace one', async () => {
    const replaced = { ...verb, name: 'version' };
    expect((await runCaptured(['version'], { extraVerbs: [replaced] })).code).toBe(7);
  });
});

describe('completion', () => {
  test('of bash completes verbs, kinds, subcommands and options', async () => {
    const { out } = await runCaptured(['completion', 'bash'], {});
    const complete = (line: string): string[] => {
      const typed = line.split(' ');
      const script = `${out}\nCOMP_WORDS=(${typed.map((word) => `'${word}'`).join(' ')})\nCOMP_CWORD=${typed.length - 1}\n_isobar\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
    };
    expect(complete('isobar de')).toEqual(['describe', 'delete']);
    expect(complete('isobar get d')).toEqual(['data-centers']);
    expect(complete('isobar user ')).toContain('invite');
    expect(complete('isobar user invite --ro')).toEqual(['--role']);
    expect(complete('isobar get jobs --wa')).toEqual(['--watch']);
  });

  test.each([
    ['zsh', '#compdef isobar', "'get:list data centers"],
    ['fish', '# fish completion of isobar', "complete -c isobar -f -n '__isobar_at \"\"' -a 'get'"],
  ])('of %s', async (shell, first, line) => {
    const { code, out } = await runCaptured(['completion', shell], {});
    expect(code).toBe(0);
    expect(out.startsWith(first)).toBe(true);
    expect(out).toContain(line);
  });
});

test('isobar version', async () => {
  await using bed = await startTestbed(canned());
  expect((await bed.run('version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await bed.run('version', '--controller')).out).toContain(
    'controller 0.1.0, federation f00d',
  );
});
