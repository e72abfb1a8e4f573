// The package as somebody gets it who has never seen the checkout: packed, installed by npm into an empty folder, used.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { processesOf, run, startDemo, succeed, type Demo } from './commands.ts';

const checkout = join(import.meta.dirname, '..');
const { version, devDependencies } = JSON.parse(
  readFileSync(join(checkout, 'package.json'), 'utf8'),
) as { version: string; devDependencies: Record<string, string> };

let root: string;
let user: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'isobar-pack-'));
  user = join(root, 'user');
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{"private": true, "type": "module"}');
  // The packed launcher is tried before it is packed, and finds its dependencies here.
  symlinkSync(join(checkout, 'node_modules'), join(root, 'node_modules'));
  await succeed('node', [join(checkout, '.ci/pack.ts'), join(root, 'package')], { cwd: root });
  const tarball = join(root, 'package', `isobar-${version}.tgz`);
  const types = `@types/node@${devDependencies['@types/node'] ?? ''}`;
  await succeed('npm', ['install', '--prefer-offline', tarball, types], { cwd: user });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

test('holds what runs, what it is typed by and the contract, and nothing that only tests need', async () => {
  const { stdout } = await run('tar', ['-tzf', join(root, 'package', `isobar-${version}.tgz`)], {
    cwd: root,
  });
  const files = stdout.trim().split('\n');
  expect(files).toEqual(
    expect.arrayContaining([
      'package/bin/isobar.js',
      'package/controller/client/isobar.d.ts',
      'package/proto/isobar/v1/job.proto',
      'package/README.md',
      'package/LICENSE',
    ]),
  );
  // `isobar replay` needs the simulation, and that the words in which its worlds are written.
  const onlyForTests = /(?<!\.d)\.ts$|\.test\.|contract\.|testing(?!-words)|testbed|fixture|fake/;
  expect(files.filter((file) => onlyForTests.test(file))).toEqual([]);
});

const PROGRAM = `
import { connect, IsobarError, type Job } from 'isobar';

using isobar = await connect();
const job: Job = await isobar.jobs.submit({ command: ['sh', '-c', 'echo task $ISOBAR_RANK'], replicas: 2 });
for await (const { state } of isobar.jobs.watch(job.name, { fromRevision: job.revision })) {
  console.log(state);
  if (state === 'SUCCEEDED' || state === 'FAILED') break;
}
const refused: unknown = await isobar.jobs.get('nobody').catch((error: unknown) => error);
console.log(refused instanceof IsobarError ? refused.code : refused);
`;

test('every verb of its command loads', async () => {
  // Completion knows the options of all of them.
  const script = await succeed('npx', ['isobar', 'completion', 'bash'], { cwd: user });
  expect(script).toContain('--all-or-nothing');
});

test('its replay plays a trace through processes of its own', async () => {
  const job = (site: number): string => `1 0 -1 60 1 -1 -1 -1 60 -1 -1 1 1 -1 -1 ${site} -1 -1\n`;
  writeFileSync(join(user, 'trace.swf'), [1, 1, 2].map(job).join(''));
  const args = ['isobar', 'replay', 'trace.swf', '--slots', '3', '--live'];
  const output = await succeed('npx', args, { cwd: user });
  expect(output).toMatch(/jobs that ran +3 of 3 +3 of 3/);
});

test('its client has types that stand on their own', async () => {
  writeFileSync(join(user, 'program.ts'), PROGRAM);
  const strict = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024'];
  const lib = ['--lib', 'es2024,esnext.disposable', '--types', 'node', '--skipLibCheck', 'false'];
  const checked = await run('tsc', [...strict, ...lib, 'program.ts'], { cwd: user });
  expect(checked).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('its demo, command and client work together', async () => {
  let demo: Demo | undefined;
  try {
    demo = await startDemo(join(user, 'node_modules/.bin/isobar'), ['demo'], user);
    expect(demo.stdout()).toContain('32000000 records');

    const submitted = await run(
      'npx',
      ['isobar', 'submit', '--wait', '--', 'sh', '-c', 'echo hello from $ISOBAR_JOB'],
      { cwd: user },
    );
    expect(submitted).toMatchObject({ code: 0, stderr: '' });
    const [, job = ''] = /job (\S+) submitted/.exec(submitted.stdout) ?? [];
    const logs = await run('npx', ['isobar', 'logs', job], { cwd: user });
    expect(logs.stdout).toContain(`hello from`);

    writeFileSync(join(user, 'program.ts'), PROGRAM);
    const program = await run('node', ['program.ts'], { cwd: user });
    expect(program).toMatchObject({ code: 0, stderr: '' });
    const states = program.stdout.trim().split('\n');
    expect(states.slice(-2)).toEqual(['SUCCEEDED', 'NOT_FOUND']);
  } finally {
    expect(await demo?.stop()).toBe(0);
  }
  expect(processesOf(user)).toEqual([]);
});
