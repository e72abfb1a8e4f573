// Processes as /proc shows them. A pid is used again; a pid with its start time and the boot id is not.
import { readFileSync, readdirSync } from 'node:fs';
import { MARKER } from './layout.ts';

export interface ProcessId {
  readonly pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly startTicks: number;
}

interface Stat extends ProcessId {
  readonly isZombie: boolean;
  readonly session: number;
}

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Boot time in milliseconds. It goes on in a suspend, as CLOCK_MONOTONIC and the timers of Node do not. */
export function bootMs(): number {
  return Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 1000);
}

/** Of a child of ours, which keeps its pid until it is reaped. */
export function identify(pid: number): ProcessId | undefined {
  const stat = statOf(pid);
  return stat && { pid, startTicks: stat.startTicks };
}

export function isAlive(id: ProcessId): boolean {
  const stat = statOf(id.pid);
  return stat !== undefined && !stat.isZombie && stat.startTicks === id.startTicks;
}

/** Sends a signal; that nobody is there any more, or that it is not ours, is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!['ESRCH', 'EPERM'].includes(codeOf(error))) throw error;
  }
}

export interface Sought {
  readonly marker: string;
  /** Leader of the session that the task began in, as long as it is alive. */
  readonly top: ProcessId | undefined;
}

/**
 * All living processes of each task, by its marker: those of the session that it began in, and those that left it and
 * still carry the marker in their environment. One pass over /proc for all of them, because a pass costs some 10 µs a
 * process. What runs as a user that we may not look at is found by its session only.
 */
export function findProcesses(sought: readonly Sought[]): Map<string, number[]> {
  const found = new Map<string, number[]>(sought.map(({ marker }) => [marker, []]));
  const bySession = new Map<number, Sought>();
  for (const each of sought) if (each.top !== undefined) bySession.set(each.top.pid, each);
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (Number.isNaN(pid)) continue;
    const stat = statOf(pid);
    if (stat === undefined || stat.isZombie) continue;
    const task = bySession.get(stat.session);
    const isInSession = task?.top !== undefined && stat.startTicks >= task.top.startTicks;
    const marker = isInSession ? task.marker : markerIn(pid);
    if (marker !== undefined) found.get(marker)?.push(pid);
  }
  return found;
}

/** Its arguments; empty when it is gone. */
export function commandOf(pid: number): string[] {
  return (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function statOf(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name, in brackets, may hold brackets and blanks. What follows it begins with field 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
  };
}

function markerIn(pid: number): string | undefined {
  const environment = read(`/proc/${pid}/environ`);
  if (environment === undefined) return undefined;
  const begins = `${MARKER}=`;
  const at = environment.startsWith(begins) ? 0 : environment.indexOf(`\0${begins}`) + 1;
  if (at === 0 && !environment.startsWith(begins)) return undefined;
  const end = environment.indexOf('\0', at);
  return environment.slice(at + begins.length, end === -1 ? undefined : end);
}

/** Undefined when the process is gone, or not ours to look at. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
