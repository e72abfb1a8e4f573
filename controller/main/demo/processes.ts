// The processes of the demo: started with a log file each, ready when they say so, ended by their id. The channel over which
// they say it stays open: when whoever started them is gone, however that ended, it closes and they end too.
import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '#cli/exit.ts';
import type { Readiness } from '../ready.ts';

const LAUNCHER = fileURLToPath(new URL('../../../bin/isobar.js', import.meta.url));
/** A cold machine needs seconds; a damaged start says so and ends long before. */
const READY_MS = 60_000;
/** The controller answers what it was asked, agents close; longer than any of these take. */
const END_MS = 15_000;

/** Of the log of a process that did not start. */
const SHOWN_LINES = 10;

export interface DemoProcess {
  readonly name: string;
  readonly ready: Readiness;
  readonly pid: number;
  /** Settles when the process has ended, whatever the cause. */
  readonly ended: Promise<string>;
  end(): Promise<void>;
}

/** Starts `isobar ARGS` and waits until it says that it is ready. Its output goes to a file. */
export async function startProcess(
  name: string,
  args: readonly string[],
  logFile: string,
): Promise<DemoProcess> {
  mkdirSync(dirname(logFile), { recursive: true });
  const output = openSync(logFile, 'a', 0o600);
  const begin = fstatSync(output).size;
  const child = fork(LAUNCHER, [...args], {
    stdio: ['ignore', output, output, 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // A group of its own: Ctrl-C in the terminal is for the demo, which ends the others in their order.
    detached: true,
  });
  closeSync(output);
  // It keeps nobody waiting.
  child.channel?.unref();
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `ended with code ${code}` : `ended by ${signal}`),
    );
  });
  const ready = await firstOf(child, ended, name).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw withLog(error, logFile, begin);
  });
  return { name, ready, pid: child.pid ?? 0, ended, end: () => end(child, ended) };
}

async function firstOf(
  child: ChildProcess,
  ended: Promise<string>,
  name: string,
): Promise<Readiness> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const words = `${name} was not ready within ${READY_MS / 1000} s`;
    timer = setTimeout(() => reject(new Failure(words)), READY_MS);
  });
  const gone = ended.then((how) => {
    throw new Failure(`${name} ${how}`);
  });
  const ready = new Promise<Readiness>((resolve) => {
    // The only message that our own processes send; see ready.ts.
    child.once('message', (message) => resolve(message as Readiness));
  });
  try {
    return await Promise.race([ready, gone, late]);
  } finally {
    clearTimeout(timer);
    // How it ends later is for those who look at `ended`.
    gone.catch(() => {});
  }
}

/** With the last lines that it wrote: they say why, and nobody should have to look for them. */
function withLog(error: unknown, logFile: string, begin: number): unknown {
  if (!(error instanceof Failure)) return error;
  const written = readFileSync(logFile).subarray(begin).toString('utf8').trimEnd();
  const lines = written.split('\n').slice(-SHOWN_LINES);
  return new Failure([`${error.message}; see ${logFile}`, ...lines].join('\n'), error.exit);
}

async function end(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await ended;
  clearTimeout(timer);
}

/** The wanted port of loopback if it is free, else any. */
export async function freePort(wanted: number): Promise<number> {
  return (await tryPort(wanted)) ?? (await tryPort(0)) ?? 0;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const taken = typeof address === 'object' && address !== null ? address.port : undefined;
      server.close(() => resolve(taken));
    });
  });
}
