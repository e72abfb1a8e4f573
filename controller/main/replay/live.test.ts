// A window through the real processes: the command as somebody runs it, on a trace of three sites.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isobar, type CommandOptions, type CommandResult } from '../testbed/command.ts';
import { killProcessesOf, processesOf, signal } from '../testbed/processes-of.ts';
import { until } from '../testbed/until.ts';

let folder: string;
let trace: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-live-'));
  trace = join(folder, 'trace.swf');
  // Of eight CPUs the first site has six, for thirteen jobs, and each of the others one.
  const lines = [
    line(0, 400, 1),
    ...Array.from({ length: 12 }, (_, i) => line(100 + i, 300, 1)),
    ...Array.from({ length: 6 }, (_, i) => line(110 + i, 20, 2)),
    line(130, 0, 3),
  ];
  writeFileSync(trace, `${lines.join('\n')}\n`);
});

afterEach(async () => {
  await killProcessesOf(folder);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Of a trace: submitted, run time, site. */
function line(submit: number, run: number, site: number): string {
  const columns = [1, submit, -1, run, 1, -1, -1, -1, run, -1, -1, 1, 1, -1, -1, site];
  return [...columns, -1, -1].join(' ');
}

/** It ends with its last job, long before its time. */
const WINDOW = ['--live', '--speed', '600', '--slots', '8', '--from', '50s', '--for', '2h'];

async function play(args: readonly string[], onStarted?: CommandOptions['onStarted']) {
  const environment = { env: { TMPDIR: folder }, withinMs: 60_000 };
  const result = await isobar(['replay', trace, ...args], {
    ...environment,
    ...(onStarted && { onStarted }),
  });
  // The controller has ended, and its folder is gone.
  expect(processesOf(folder)).toEqual([]);
  expect(readdirSync(folder)).toEqual(['trace.swf']);
  return result;
}

/** A value of the table: what the live replay measured. */
function live({ stdout }: CommandResult, what: string): string {
  const row = stdout.split('\n').find((text) => text.startsWith(what));
  return row?.slice(what.length).trim().split(/ {2,}/)[0] ?? `no ${what} in\n${stdout}`;
}

test('every job runs, and what home has no room for runs elsewhere', async () => {
  const result = await play(WINDOW);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toContain('  1 jobs run that do when the window begins\n');
  expect(result.stdout).not.toContain('\u001B');
  expect(live(result, 'jobs that ran')).toBe('19 of 19');
  expect(Number.parseInt(live(result, 'moved away from home'), 10)).toBeGreaterThan(0);
  expect(result.stdout).toContain('19 jobs were submitted');
  expect(result.stdout).not.toContain('did not end well');
}, 90_000);

test('at home only nothing moves, and there it waits', async () => {
  const result = await play([...WINDOW, '--home-only']);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(live(result, 'jobs that ran')).toBe('19 of 19');
  expect(live(result, 'moved away from home')).toBe('0, 0.0 %');
  // Some wait for as long as one runs.
  expect(Number.parseFloat(live(result, 'wait, longest'))).toBeGreaterThan(250);
}, 90_000);

test('interrupted it tells what was measured until then, and leaves nothing', async () => {
  let pid = 0;
  let stdout = (): string => '';
  // Jobs come after a second, and it would take a minute.
  const window = ['--live', '--speed', '10', '--slots', '8', '--from', '90s', '--for', '10m'];
  const playing = play(window, (started, written) => {
    [pid, stdout] = [started, written];
  });
  await until('a tenth of it is played', () => stdout().includes('waiting'));
  signal(pid, 'SIGINT');
  const result = await playing;
  expect(result).toMatchObject({ code: 130, stderr: '' });
  expect(live(result, 'jobs that ran')).toMatch(/^[1-9]\d* of \d+/);
}, 90_000);

test('a controller that dies ends it, with where to look', async () => {
  const window = ['--live', '--speed', '1', '--slots', '8', '--from', '90s', '--for', '1h'];
  let stdout = (): string => '';
  const playing = isobar(['replay', trace, ...window], {
    env: { TMPDIR: folder },
    onStarted: (_, written) => {
      stdout = written;
    },
  });
  await until('the window is played', () => stdout().includes('Playing'));
  for (const { pid, command } of processesOf(folder))
    if (command.includes(' controller ')) signal(pid, 'SIGKILL');
  const { code, stderr } = await playing;
  expect(code).toBe(69);
  expect(stderr).toContain('error: the controller ended by SIGKILL');
  const [, logs = ''] = /^the logs of controller and agents are in (.+)$/m.exec(stderr) ?? [];
  expect(readdirSync(logs)).toEqual(['agents.log', 'controller.log']);
}, 90_000);

test('options that are wrong, or do not go together, are named at once', async () => {
  const wrong = ['--speed', 'fast', '--for', '0', '--slots', '1.5', '--factor', '2'];
  const { code, stderr } = await isobar(['replay', trace, ...wrong]);
  expect(code).toBe(64);
  const named = ['speed fast', 'for 0', 'slots 1.5', 'factor with --slots', 'speed without --live'];
  for (const flag of named) expect(stderr).toContain(`  --${flag}`);
  const both = await isobar(['replay', trace, '--live', '--report-delay', '30', '--from', '9d']);
  expect(both).toMatchObject({ code: 64, stdout: '' });
  expect(both.stderr).toContain('--report-delay with --live');
  const late = await isobar(['replay', trace, '--slots', '8', '--live', '--from', '9d']);
  expect(late).toMatchObject({ code: 64 });
  expect(late.stderr).toContain('the window begins 216 h into the trace');
});
