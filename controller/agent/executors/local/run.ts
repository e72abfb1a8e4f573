// One run in the supervisor, from its acceptance to its end. Whatever ends it goes through `end`; when the last of its
// processes is dead, `#finish` judges it once.
import { constants } from 'node:os';
import { RunState } from '#domain/states.ts';
import type { ReasonCode } from '#domain/reasons.ts';
import { type RunKey, keyOf } from '#ports/executor.ts';
import { isLive } from '../reports.ts';
import { directoryOf, logOf } from './layout.ts';
import { endOutput, lastLinesOf, trim } from './output.ts';
import { bootId, bootMs, codeOf, isAlive } from './proc.ts';
import type { LocalReport, Plan, Why } from './protocol.ts';
import type { Ending, RunRecord, Store, StoredRun } from './store.ts';
import { Task } from './task.ts';
import {
  type Isolation,
  type Reaper,
  diedOfMemory,
  isMemoryBounded,
  killTree,
  signalTrees,
} from './trees.ts';

/** What a run needs of its supervisor. */
export interface Surroundings {
  readonly store: Store;
  readonly reaper: Reaper;
  changed(run: LocalRun): void;
  /** Removes a directory in the background. */
  remove(directory: string): void;
}

/** How each cause of an end is reported. What ends without a cause has succeeded. */
const VERDICTS = {
  failed: { phase: RunState.FAILED, code: undefined },
  asked: { phase: RunState.STOPPED, code: undefined },
  memory: { phase: RunState.FAILED, code: 'MEMORY_EXCEEDED' },
  time: { phase: RunState.FAILED, code: 'RUN_TIME_EXCEEDED' },
  fence: { phase: RunState.STOPPED, code: 'LEASE_FENCED' },
  newer: { phase: RunState.STOPPED, code: 'LOST' },
  // After a reboot, or when the supervisor was killed while it started the run. It did not fail, so it is no attempt.
  lost: { phase: RunState.STOPPED, code: 'LOST' },
  start: { phase: RunState.FAILED, code: 'START_FAILED' },
} as const satisfies Record<Ending['cause'], { phase: RunState; code: ReasonCode | undefined }>;

/** These ask with the job's signal and wait; all others kill at once. */
const POLITE: readonly Ending['cause'][] = ['failed', 'asked', 'time'];
const SIGKILLED = 137;
/** A wrapper becomes its task within milliseconds. */
const ASK_AGAIN_MS = 10;

export class LocalRun {
  readonly record: RunRecord;
  phase: RunState = RunState.ACCEPTED;
  /** A run of an older epoch that must be dead first. */
  waitsFor: LocalRun | undefined;
  readonly #around: Surroundings;
  readonly #tasks: readonly Task[];
  #plan: Plan | undefined;
  #nextRank = 0;
  #sinceBootMs: number;
  #startBootMs = 0;
  #ending: Ending | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  /** Of the first task that ended with another code than 0. */
  #firstBadExit = 0;
  #final: LocalReport | undefined;

  private constructor(around: Surroundings, record: RunRecord, sinceBootMs: number) {
    this.#around = around;
    this.record = record;
    this.#sinceBootMs = sinceBootMs;
    this.#tasks = Array.from(
      { length: record.tasks },
      (_, rank) => new Task(around.store.layout, record, rank),
    );
  }

  static accept(around: Surroundings, plan: Plan, isolation: Isolation): LocalRun {
    const { run, job, leased, signal, graceMs, maxRunMs, ranks } = plan;
    const { jobUid, index, epoch } = run;
    const groups = plan.groups.map(({ memoryMib }, group) => {
      return { tasks: ranks.filter((each) => each === group).length, memoryMib };
    });
    const limits = { leased, signal, graceMs, maxRunMs, tasks: ranks.length, groups };
    const record = { jobUid, index, epoch, job, ...limits, bootId: bootId(), isolation };
    around.store.accept(record);
    const accepted = new LocalRun(around, record, bootMs());
    accepted.#plan = plan;
    return accepted;
  }

  /** Takes over what an earlier supervisor accepted. */
  static adopt(around: Surroundings, record: RunRecord, stored: StoredRun): LocalRun {
    const { startBootMs, ending } = stored;
    const since = ending?.sinceBootMs ?? startBootMs ?? bootMs();
    const run = new LocalRun(around, record, since);
    run.#nextRank = record.tasks;
    run.#startBootMs = startBootMs ?? 0;
    run.#ending = ending;
    run.phase = ending === undefined ? RunState.RUNNING : RunState.STOPPING;
    return run;
  }

  get isLive(): boolean {
    return isLive(this.phase);
  }

  /** After `adopt`, when everything is there that a change of the run may need; `look` follows. */
  resume(stored: StoredRun): void {
    if (this.record.bootId !== bootId() || stored.startBootMs === undefined) {
      this.#ending ??= this.#endingOf('lost');
      for (const task of this.#tasks) task.state = 'dead';
      this.#finishIfDead();
      return;
    }
    for (const task of this.#tasks) {
      task.top = stored.tops.get(task.rank);
      task.state = 'alive';
    }
    // Without a top it was just being started, and may be half there.
    const isWhole = this.#tasks.every((task) => task.top !== undefined);
    if (!isWhole) this.end('lost');
    else if (this.#ending !== undefined) this.#askOrKill(this.#ending);
  }

  /** Starts one more task; false when there is none. One a call, so that the supervisor stays awake. */
  startNext(): boolean {
    const plan = this.#plan;
    const task = this.#tasks[this.#nextRank];
    if (plan === undefined || task === undefined || this.#ending !== undefined) return false;
    if (this.#nextRank === 0) {
      this.#startBootMs = bootMs();
      this.#around.store.begin(this.record, this.#startBootMs);
    }
    this.#nextRank += 1;
    try {
      const child = task.start(this.#around.store, this.record, plan);
      child.on('error', (error) => this.end('start', { subject: `${codeOf(error)} in its start` }));
      child.on('exit', (code, signal) => {
        this.#topEnded(task, code ?? undefined, 128 + constants.signals[signal ?? 'SIGKILL']);
      });
    } catch (error) {
      // The message could quote the plan; the code cannot.
      this.end('start', { subject: `${codeOf(error)} while its directory was made` });
      return false;
    }
    if (task.state === 'waiting') return false; // its 'error' follows
    if (this.#nextRank < this.#tasks.length) return true;
    this.#plan = undefined;
    if (this.#ending === undefined) this.#move(RunState.RUNNING);
    return false;
  }

  /** Ends it. The first cause stays; a later one can only make it faster. */
  end(cause: Ending['cause'], details: Partial<Ending> = {}): void {
    if (!this.isLive) return;
    this.#plan = undefined;
    if (this.#ending !== undefined) {
      if (!POLITE.includes(cause)) this.#kill();
      return;
    }
    const isOver = this.#tasks.every((task) => task.state === 'dead' || task.state === 'left');
    // All tasks have ended by themselves, and what they left behind is being killed: that is how the run ends.
    if (isOver && cause !== 'failed' && cause !== 'memory') return;
    this.#ending = this.#endingOf(cause, details);
    for (const task of this.#tasks) if (task.state === 'waiting') task.state = 'dead';
    if (this.#tasks.some((task) => task.state === 'alive')) {
      this.#around.store.ending(this.record, this.#ending);
      this.#move(RunState.STOPPING);
      this.#askOrKill(this.#ending);
    }
    this.#finishIfDead();
  }

  /** Looks for what nobody tells: the end of an adopted task, and of the time that the run may take. */
  look(): void {
    for (const task of this.#tasks) {
      if (task.state !== 'alive' || task.isChild) continue;
      if (task.top === undefined || !isAlive(task.top)) this.#topEnded(task, undefined, SIGKILLED);
    }
    const { maxRunMs } = this.record;
    if (maxRunMs > 0 && this.#startBootMs > 0 && bootMs() - this.#startBootMs >= maxRunMs) {
      this.end('time');
    }
  }

  /** Tasks that nobody but us keeps from taking more memory than they asked for. */
  unbounded(): Task[] {
    if (isMemoryBounded(this.record.isolation)) return [];
    return this.#tasks.filter(({ state, memoryMib }) => state === 'alive' && memoryMib > 0);
  }

  /** These of all tasks have taken more. */
  endIfAmong(tasks: ReadonlySet<Task>): void {
    const task = this.#tasks.find((each) => tasks.has(each));
    if (task !== undefined) this.end('memory', { rank: task.rank });
  }

  trimOutput(): void {
    const { layout } = this.#around.store;
    for (const task of this.#tasks) {
      if (task.state === 'alive') trim(logOf(layout, keyOf(this.record), task.rank));
    }
  }

  report(): LocalReport {
    return this.#final ?? this.#reportOf(this.phase, null);
  }

  #askOrKill(ending: Ending): void {
    if (!POLITE.includes(ending.cause)) {
      this.#kill();
      return;
    }
    this.#ask(this.#tasks);
    // A supervisor that came later goes on with the same grace.
    const leftMs = ending.sinceBootMs + this.record.graceMs - bootMs();
    this.#killTimer = setTimeout(() => this.#kill(), Math.max(0, leftMs));
  }

  #ask(tasks: readonly Task[]): void {
    const alive = tasks.filter((task) => task.state === 'alive');
    const notBegun = signalTrees(alive, this.record.signal);
    if (notBegun.length > 0) setTimeout(() => this.#ask(notBegun), ASK_AGAIN_MS);
  }

  #kill(): void {
    for (const task of this.#tasks) if (task.state === 'alive') killTree(task);
  }

  /** With the code that its wrapper ended with, if we are told; what it left in the journal is the same. */
  #topEnded(task: Task, code: number | undefined, otherwise: number): void {
    if (task.state !== 'alive') return;
    task.state = 'left';
    const status = code ?? this.#around.store.exitCode(this.record, task.rank);
    const exitCode = status ?? otherwise;
    if (exitCode !== 0) {
      if (this.#firstBadExit === 0) this.#firstBadExit = exitCode;
      const { rank } = task;
      if (diedOfMemory(task)) this.end('memory', { rank });
      else this.end('failed', { rank, exitCode });
    }
    // Who left a status has ended in order, and in a namespace has taken all others along.
    this.#around.reaper.reap(task, status === undefined, () => {
      task.state = 'dead';
      this.#finishIfDead();
    });
  }

  #finishIfDead(): void {
    if (!this.isLive || this.#tasks.some((task) => task.state !== 'dead')) return;
    clearTimeout(this.#killTimer);
    this.#finish();
  }

  #finish(): void {
    const { store } = this.#around;
    const ending = this.#ending;
    const key = keyOf(this.record);
    const verdict = ending && VERDICTS[ending.cause];
    this.#sinceBootMs = bootMs();
    const isTasks = ending?.cause === 'failed' || ending?.cause === 'memory';
    const lastLines = isTasks ? lastLinesOf(logOf(store.layout, key, ending.rank)) : [];
    const report = {
      ...this.#reportOf(verdict?.phase ?? RunState.SUCCEEDED, this.#why(ending)),
      exitCode: ending?.cause === 'failed' ? ending.exitCode : this.#firstBadExit,
      lastLines,
      runMillis: this.#startBootMs === 0 ? 0 : Math.max(0, this.#sinceBootMs - this.#startBootMs),
    };
    if (this.record.bootId !== bootId()) report.runMillis = 0;
    this.#final = report;
    this.phase = report.phase;
    store.finish(report);
    for (const { rank } of this.#tasks) {
      endOutput(logOf(store.layout, key, rank));
      this.#around.remove(directoryOf(store.layout, key, rank));
    }
    this.#around.changed(this);
  }

  #why(ending: Ending | undefined): Why | null {
    if (ending === undefined) return null;
    const { cause, rank, subject } = ending;
    const { code } = VERDICTS[cause];
    if (code === undefined) return null;
    if (cause === 'memory') {
      return { code, subject: String(rank), needed: this.#tasks[rank]?.memoryMib ?? 0 };
    }
    const needed = cause === 'time' ? Math.ceil(this.record.maxRunMs / 1000) : 0;
    return { code, subject, needed };
  }

  #move(phase: RunState): void {
    this.phase = phase;
    this.#sinceBootMs = bootMs();
    this.#around.changed(this);
  }

  #endingOf(cause: Ending['cause'], details: Partial<Ending> = {}): Ending {
    return { cause, sinceBootMs: bootMs(), rank: 0, exitCode: 0, subject: '', ...details };
  }

  #reportOf(phase: RunState, why: Why | null): LocalReport {
    const { jobUid, index, epoch, tasks } = this.record;
    const sinceBootMs = this.#sinceBootMs;
    return {
      jobUid,
      index,
      epoch,
      phase,
      sinceBootMs,
      exitCode: 0,
      why,
      lastLines: [],
      runMillis: 0,
      tasks,
    };
  }
}

/** The report of a run that never began. */
export function neverBegan(run: RunKey, phase: RunState, why: Why): LocalReport {
  const { jobUid, index, epoch } = run;
  const nothing = { exitCode: 0, lastLines: [], runMillis: 0, tasks: 0 };
  return { jobUid, index, epoch, phase, sinceBootMs: bootMs(), why, ...nothing };
}
