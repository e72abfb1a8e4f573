// README.md does what it says: its commands, files and programs, word for word, beside one demo.
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { processesOf, run, startDemo, succeed, type Demo, type Ended } from './commands.ts';
import { blocksOf } from './readme-blocks.ts';

const checkout = join(import.meta.dirname, '..');
const readme = readFileSync(join(checkout, 'README.md'), 'utf8');
const blocks = blocksOf(readme);
const commands = blocks
  .filter(({ language }) => language === 'command')
  .flatMap(({ text }) => text.split('\n'));
const isobarCommands = commands.filter((line) => line.startsWith('npx isobar'));
const pythonCommands = commands.filter((line) => line.includes('python'));

let folder: string;
let demo: Demo;
let address = '';

beforeAll(async () => {
  // What a checkout is to its reader, without what others keep in this one's .isobar.
  folder = mkdtempSync(join(tmpdir(), 'isobar-readme-'));
  copyFileSync(join(checkout, 'package.json'), join(folder, 'package.json'));
  for (const name of ['bin', 'controller', 'proto', 'node_modules']) {
    symlinkSync(join(checkout, name), join(folder, name));
  }
  demo = await startDemo('node', ['bin/isobar.js', 'demo'], folder);
  const contexts: unknown = parse(readFileSync(join(folder, '.isobar/demo/contexts.yaml'), 'utf8'));
  address = (contexts as { contexts: { addresses: string[] }[] }).contexts[0]?.addresses[0] ?? '';
  for (const { language, text } of blocks) {
    const name = /^(?:#|\/\/) (\S+\.\w+)$/m.exec(text)?.[1];
    if (name !== undefined && language !== 'command') writeFileSync(join(folder, name), here(text));
  }
});

afterAll(async () => {
  const code = await demo?.stop();
  const left = processesOf(folder);
  rmSync(folder, { recursive: true, force: true });
  if (code !== 0 || left.length > 0)
    throw new Error(`the demo ended with ${code} and left\n${left.join('\n')}`);
});

test('names scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = [...readme.matchAll(/npm (?:run (\w+)|(start|test))/g)].map(
    ([, script, short]) => script ?? short,
  );
  expect(named.length).toBeGreaterThan(4);
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
});

test('has commands that work, in their order', async () => {
  expect(isobarCommands.length).toBeGreaterThan(8);
  let job = '';
  for (const command of isobarCommands) {
    // What would go on for ever works when it has shown something; then it is ended.
    const watches = command.includes(' --watch');
    const ended = await shell(command.replace(/\bJOB\b/, job), watches ? /\n/ : undefined);
    expect({ command, ...ended }).toMatchObject({ command, code: watches ? null : 0 });
    job = /^job (\S+) submitted/m.exec(ended.stdout)?.[1] ?? job;
  }
});

test('has a TypeScript program that works', async () => {
  const [program] = blocks.filter(({ language }) => language === 'ts');
  writeFileSync(join(folder, 'example.ts'), here(program?.text ?? ''));
  const stdout = await succeed('node', ['example.ts'], { cwd: folder });
  expect(stdout.trim().split('\n').at(-1)).toMatch(/ SUCCEEDED$/);
});

test('has a Python program that works', async ({ skip }) => {
  const [install = '', ...others] = pythonCommands;
  const installed = await shell(install);
  if (installed.code !== 0) {
    const reason = `Python, its venv or its packages are not to be had here: ${installed.stderr.trim()}`;
    console.log(reason);
    skip(reason);
  }
  const outputs: string[] = [];
  for (const command of others) outputs.push(await succeed('sh', ['-c', command], { cwd: folder }));
  // One verdict for each data center, or none when the job had its run before it was asked.
  expect(outputs.at(-1)).toMatch(/^\[(\]|data_center: )/);
  expect(outputs.at(-1)).toContain("'SUCCEEDED'");
});

test('has shell commands for any gRPC tool that work', async () => {
  const [script] = blocks.filter(({ language }) => language === 'sh');
  const stdout = await succeed('sh', ['-ec', here(script?.text ?? '')], { cwd: folder });
  expect(stdout).toContain('"kind": "JOB_SUBMITTED"');
  expect(stdout).toContain('"verdicts"');
});

function shell(command: string, until?: RegExp): Promise<Ended> {
  return run('sh', ['-c', command], { cwd: folder, ...(until === undefined ? {} : { until }) });
}

/** The text with the demo's real address: another program may have the usual port. */
function here(text: string): string {
  return text.replaceAll('127.0.0.1:7420', address);
}
