// For tests and benchmarks of the local executor: this machine's clock, and places on it.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '#ports/clock.ts';
import type { TaskGroup } from '#gen/isobar/v1/job.ts';
import { Agent } from '../agent.contract.ts';
import type { Behaviour, Place } from '../contract.ts';
import { DEMO_SITE } from '../site.ts';
import { LocalExecutor, type LocalOptions } from './local.ts';
import { type ProcessId, bootMs, commandOf, identify, isAlive } from './proc.ts';
import { readIfThere } from './store.ts';
import { type IsolationKind, ISOLATION_KINDS, findIsolation, leaveIsolation } from './trees.ts';

export const machineClock: Clock = {
  wallMs: () => Date.now(),
  bootMs,
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (call) => void setImmediate(call),
};

const DEADLINE_MS = 15_000;
const LOOK_MS = 5;

/** Waits until it holds. Rejects after 15 s: everything here takes a fraction of a second on an idle machine. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const giveUpMs = bootMs() + DEADLINE_MS;
  while (!holds()) {
    if (bootMs() > giveUpMs)
      throw new Error(`waited ${DEADLINE_MS / 1000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** An agent's state directory with what has been opened on it. */
export class LocalPlace implements Place {
  readonly clock = machineClock;
  readonly stateDir: string;
  readonly #options: Partial<LocalOptions>;
  readonly #opened: LocalExecutor[] = [];

  constructor(options: Partial<LocalOptions> = {}) {
    this.#options = options;
    // Short: a socket's path has a limit.
    this.stateDir = mkdtempSync(join(tmpdir(), 'isobar-'));
  }

  executor(options: Partial<LocalOptions> = this.#options): LocalExecutor {
    const { stateDir, clock } = this;
    const executor = new LocalExecutor({ stateDir, clock, site: DEMO_SITE, ...options });
    this.#opened.push(executor);
    return executor;
  }

  /** The last one that was made. */
  executorInUse(): LocalExecutor {
    const last = this.#opened.at(-1);
    if (last === undefined) throw new Error('no executor was made yet');
    return last;
  }

  task({ ms, exitCode = 0, lines = 0, ignoresStop = false }: Behaviour): Partial<TaskGroup> {
    const trap = ignoresStop ? "trap '' TERM; " : '';
    const output = lines === 0 ? '' : `seq -f 'line %g' ${lines}; `;
    const time = ms === Infinity ? '1000' : String(ms / 1000);
    return { command: ['/bin/sh', '-c', `${trap}${output}sleep ${time}; exit ${exitCode}`] };
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return until(what, holds);
  }

  /** The process that a file in `control` names. */
  processIn(file: 'supervisor' | 'guard'): ProcessId | undefined {
    const text = readIfThere(join(this.stateDir, 'control', file));
    if (text === undefined) return undefined;
    const [pid = 0, startTicks = startTicksOf(pid)] = text.split(' ', 2).map(Number);
    return { pid, startTicks };
  }

  /** Ends all runs too, also those that a failed test left. */
  async dispose(): Promise<void> {
    for (const executor of this.#opened.splice(0)) await executor.close({ stopRuns: false });
    if (this.#hasLiveRuns()) {
      const { executor } = await Agent.open(this);
      await executor.close({ stopRuns: true });
    }
    const supervisor = this.processIn('supervisor');
    await until('the supervisor has ended', () => !supervisor || !isAlive(supervisor));
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  #hasLiveRuns(): boolean {
    const runs = join(this.stateDir, 'control/runs');
    const journals = existsSync(runs) ? readdirSync(runs) : [];
    return journals.some((name) => !/^final /m.test(readFileSync(join(runs, name), 'utf8')));
  }
}

/** The best that works here; the first in the list that does. */
export function bestIsolation(): IsolationKind {
  return ISOLATION_KINDS.find((kind) => isAvailable(kind)) ?? 'marker';
}

/** Those that work here. The others are named, so that nobody takes them for tested. */
export function availableIsolations(): IsolationKind[] {
  return ISOLATION_KINDS.filter((kind) => {
    const works = isAvailable(kind);
    if (!works) console.log(`not tested: this machine does not allow isolation by ${kind}`);
    return works;
  });
}

function isAvailable(kind: IsolationKind): boolean {
  try {
    leaveIsolation(findIsolation('probe', kind));
    return true;
  } catch {
    return false;
  }
}

function startTicksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return 0;
  }
}

export interface Sleeper {
  readonly command: string[];
  /** The program that sleeps, with its argument, to be put into a command. */
  readonly program: string;
  readonly pids: () => number[];
}

let sleepers = 0;

/** A command that sleeps, and the processes that do: told by the length of the sleep, which nobody else has. */
export function sleeper(before = ''): Sleeper {
  sleepers += 1;
  const length = `1000.${process.pid}${sleepers}`;
  return {
    program: `sleep ${length}`,
    command: ['/bin/sh', '-c', `${before}sleep ${length}; exit 0`],
    pids: () =>
      readdirSync('/proc')
        .map(Number)
        .filter(
          (pid) => !Number.isNaN(pid) && commandOf(pid).slice(0, 2).join(' ') === `sleep ${length}`,
        )
        .filter((pid) => identify(pid) !== undefined),
  };
}
