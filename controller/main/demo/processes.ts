// The processes of the demo: started with a log file each, ready when they say so, ended by their id.
import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Readiness } from '../ready.ts';

const LAUNCHER = fileURLToPath(new URL('../../../bin/isobar.js', import.meta.url));
/** A cold machine needs seconds; a damaged start says so and ends long before. */
const READY_MS = 60_000;
/** The controller answers what it was asked, agents close; longer than any of these take. */
const END_MS = 15_000;

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
  const child = fork(LAUNCHER, [...args], {
    stdio: ['ignore', output, output, 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // A group of its own: Ctrl-C in the terminal is for the demo, which ends the others in their order.
    detached: true,
  });
  closeSync(output);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `ended with code ${code}` : `ended by ${signal}`),
    );
  });
  const ready = await firstOf(child, ended, name, logFile);
  return { name, ready, pid: child.pid ?? 0, ended, end: () => end(child, ended) };
}

async function firstOf(
  child: ChildProcess,
  ended: Promise<string>,
  name: string,
  logFile: string,
): Promise<Readiness> {
  const stopped = new AbortController();
  try {
    return await new Promise<Readiness>((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(new Error(`${name} was not ready within ${READY_MS / 1000} s; see ${logFile}`)),
        READY_MS,
      );
      stopped.signal.addEventListener('abort', () => clearTimeout(timer));
      // The only message that our own processes send; see ready.ts.
      child.once('message', (message) => resolve(message as Readiness));
      void ended.then((how) => reject(new Error(`${name} ${how}; see ${logFile}`)));
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    stopped.abort();
    if (child.connected) child.disconnect();
  }
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
