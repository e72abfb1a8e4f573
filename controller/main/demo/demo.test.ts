// The demo as somebody starts it who has just cloned this.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isobar } from '../testbed/command.ts';
import { choosePort } from '../testbed/federation.ts';
import { killProcessesOf, processesOf, signal } from '../testbed/processes-of.ts';
import { until } from '../testbed/until.ts';
import { startProcess } from './processes.ts';

const LAUNCHER = fileURLToPath(new URL('../../../bin/isobar.js', import.meta.url));

const ANY = '127.0.0.1:0';
/** The shards of the census, and their sum. */
const JOBS = 17;

let folder: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-demo-'));
});

afterEach(async ({ task }) => {
  server?.close();
  server = undefined;
  if (task.result?.state === 'fail') console.error(logs());
  await killProcessesOf(folder);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

function logs(): string {
  const directory = join(folder, 'logs');
  return readdirSync(directory)
    .map((name) => `--- ${name}\n${readFileSync(join(directory, name), 'utf8').slice(-4000)}`)
    .join('\n');
}

const nothingLeft = (): Promise<void> =>
  until('no process of the demo is left', () => processesOf(folder).length === 0);

async function killDemoInTheMidst(port: number): Promise<void> {
  let pid = 0;
  const args = ['demo', '--data-dir', folder, '--port', String(port)];
  const run = isobar(args, { withinMs: 90_000, onStarted: (started) => (pid = started) });
  // Written when all have joined, just before the census.
  const file = join(folder, 'contexts.yaml');
  await until('its data centers have joined', () => existsSync(file));
  signal(pid, 'SIGKILL');
  expect((await run).code).toBeNull();
  await nothingLeft();
}

/** Answers at which revision of the log it began. */
async function runDemo(port: number, wordsBeside: string): Promise<number> {
  const args = ['demo', '--exit', '--data-dir', folder, '--port', String(port)];
  const { code, stdout, stderr } = await isobar(args, { withinMs: 90_000 });
  expect({ code, stderr }).toEqual({ code: 0, stderr: wordsBeside });
  // Plain lines: nobody looks at them while they are drawn.
  expect(stdout).not.toContain('\u001b');
  expect(stdout).not.toContain('\r');
  expect(stdout).toContain('4 data centers have joined over mutual TLS');
  expect(stdout).toContain('32000000 records');
  const table = stdout.slice(stdout.indexOf('Who ran where, and why'));
  expect(table.match(/ SUCCEEDED /g)).toHaveLength(JOBS);
  expect(table).toContain('Capacity in use');
  await nothingLeft();
  return Number(/the log is at revision (\d+)/.exec(stdout)?.[1]);
}

test('killed in the midst it leaves nothing running; it goes on from there, and again', async () => {
  await killDemoInTheMidst(await choosePort());
  const port = await choosePort();
  const taken = await new Promise<Server>((resolve) => {
    const listening = createServer().listen(port, '127.0.0.1', () => resolve(listening));
  });
  server = taken;
  const told = new RegExp(`^  port ${port} is taken by another program; api listens on \\d+\n$`);
  const first = await runDemo(port, expect.stringMatching(told) as string);
  const second = await runDemo(await choosePort(), '');
  expect(second).toBeGreaterThan(first);
}, 200_000);

test('whose terminal is closed it ends its jobs and its processes', async () => {
  const port = await choosePort();
  const demo = [process.execPath, '--disable-warning=ExperimentalWarning', LAUNCHER, 'demo'];
  const args = ['--data-dir', folder, '--port', String(port)];
  // A terminal of its own. Killed, it is gone for the demo: SIGHUP, and whatever is written fails.
  const terminal = spawn('script', ['-qec', [...demo, ...args].join(' '), '/dev/null'], {
    stdio: 'ignore',
  });
  const runs = (): number =>
    ['hoa-lac', 'hai-phong', 'da-nang', 'ho-chi-minh-city']
      .map((id) => join(folder, 'agents', id, 'local/control/runs'))
      .reduce((sum, path) => sum + (existsSync(path) ? readdirSync(path).length : 0), 0);
  await until('the census is being counted', () => runs() > 0);
  terminal.kill('SIGKILL');
  await nothingLeft();

  // The log tells how they ended.
  const address = `127.0.0.1:${port}`;
  const doors = ['--listen-api', address, '--listen-enrolment', ANY, '--listen-metrics', ANY];
  const controller = await startProcess(
    'the controller',
    ['controller', '--data-dir', join(folder, 'controller'), ...doors],
    join(folder, 'logs', 'again.log'),
  );
  const env = { ISOBAR_CONFIG: join(folder, 'contexts.yaml') };
  const jobs = async (states: string): Promise<string> =>
    (await isobar(['get', 'jobs', '--state', states, '-o', 'name'], { env })).stdout;
  expect(await jobs('cancelled')).toContain('census-');
  expect(await jobs('queued,running,stopping')).toBe('');
  await controller.end();
}, 200_000);
