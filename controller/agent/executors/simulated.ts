// An executor that runs nothing: nodes and run times are made up, time is the clock's. For the simulator, benchmarks and
// the replay of traces. It keeps to the same rules as those that run something: `contract.ts` holds it to them.
//
// It is at once the machines and the executor on them: an agent that crashed just stops using it, and the next one opens
// it again. Reports come synchronously, also from within `start`, and an assignment is decoded at most once.
import { RunState } from '#domain/states.ts';
import type { ReasonCode } from '#domain/reasons.ts';
import type { Assignment, NodeReport, ReadTaskLog, RunReport } from '#gen/isobar/v1/agent.ts';
import type { Clock } from '#ports/clock.ts';
import type { Executor, ExecutorEvents, LogPiece, RunKey } from '#ports/executor.ts';
import type { Random } from '#ports/random.ts';
import { type Due, DueQueue } from './due.ts';
import { type Element, Epochs, elementOf } from './epochs.ts';
import { isLive, reasonOf, reportOf } from './reports.ts';
import { type SimulatedOutcome, outcomeFromSpec } from './simulated-spec.ts';
import { DEFAULT_GRACE_MS } from './spec.ts';

export interface SimulatedOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly nodes: readonly NodeReport[];
  readonly offers?: readonly string[];
  /** Between ACCEPTED and RUNNING. 0, the default: RUNNING is the first that is reported. */
  readonly stageMs?: number;
  /** How a run goes. Default: as its specification says. With one of your own no specification is decoded. */
  readonly runTime?: (assignment: Assignment) => SimulatedOutcome;
}

interface SimulatedRun extends RunKey, Due {
  readonly leased: boolean;
  readonly tasks: number;
  readonly outcome: SimulatedOutcome | undefined;
  /** Another run of the same element, if there is one. */
  next: SimulatedRun | undefined;
  phase: RunState;
  sinceBootMs: number;
  /** When it began to run; -1 when it never did. */
  startBootMs: number;
  exitCode: number;
  reason: ReasonCode | undefined;
}

interface Follower {
  readonly run: SimulatedRun;
  readonly onPiece: (piece: LogPiece) => void;
}

const SIGKILLED = 137;
const SIGTERMED = 143;
const NOTHING = new Uint8Array(0);
const LAST_LINES = 20;

export class SimulatedExecutor implements Executor {
  readonly kind = 'simulated';
  readonly placement = 'BINDING';
  readonly offers: readonly string[];
  readonly #clock: Clock;
  readonly #stageMs: number;
  readonly #outcomeOf: (assignment: Assignment) => SimulatedOutcome;
  /** The newest run of each element; the others of it follow in `next`. */
  readonly #runs = new Map<Element, SimulatedRun>();
  readonly #due = new DueQueue<SimulatedRun>();
  readonly #epochs: Epochs;
  readonly #followers = new Set<Follower>();
  #nodes: readonly NodeReport[];
  #events: ExecutorEvents | undefined;
  #order = 0;
  #fenceBootMs = Infinity;
  #fenceFell = false;
  #wakeBootMs = Infinity;
  #cancelWake: () => void = () => {};

  constructor(options: SimulatedOptions) {
    this.#clock = options.clock;
    this.#nodes = options.nodes;
    this.offers = options.offers ?? [];
    this.#stageMs = options.stageMs ?? 0;
    this.#outcomeOf =
      options.runTime ?? ((assignment) => outcomeFromSpec(assignment, options.random));
    this.#epochs = new Epochs(options.clock.bootMs());
  }

  /** A later agent takes the reports over from an earlier one, which need not have closed. */
  async open(
    events: ExecutorEvents,
  ): Promise<{ nodes: readonly NodeReport[]; runs: readonly RunReport[] }> {
    this.#events = events;
    return { nodes: this.#nodes, runs: [...this.#all()].map((run) => this.#report(run)) };
  }

  start(assignment: Assignment): void {
    const key = assignment.run;
    if (key === undefined) return;
    const known = this.#find(key);
    if (known !== undefined) {
      this.#events?.runChanged(this.#report(known));
      return;
    }
    const newest = this.#epochs.newest(key);
    if (key.epoch <= newest) {
      this.#conclude(key, 'LOST');
      return;
    }
    const nowMs = this.#clock.bootMs();
    this.#raise(key, newest, nowMs);
    if (!assignment.withoutLease && nowMs >= this.#fenceBootMs) {
      this.#conclude(key, 'LEASE_FENCED');
      return;
    }
    this.#begin(key, assignment, nowMs);
  }

  stop(key: RunKey): void {
    const run = this.#find(key);
    if (run === undefined) {
      const newest = this.#epochs.newest(key);
      if (key.epoch > newest) this.#raise(key, newest, this.#clock.bootMs());
      this.#conclude(key, 'LOST');
      return;
    }
    if (run.phase >= RunState.STOPPING) {
      this.#events?.runChanged(this.#report(run));
      return;
    }
    const { stopMs = 0, graceMs = DEFAULT_GRACE_MS } = run.outcome ?? {};
    run.exitCode = stopMs < graceMs ? SIGTERMED : SIGKILLED;
    const nowMs = this.#clock.bootMs();
    this.#due.set(run, nowMs + Math.min(stopMs, graceMs));
    this.#move(run, RunState.STOPPING, nowMs);
    this.#arm();
  }

  forget(key: RunKey): void {
    const run = this.#find(key);
    if (run !== undefined && !isLive(run.phase)) this.#remove(run);
  }

  setFence(deadlineBootMs: number): void {
    this.#fenceBootMs = deadlineBootMs;
    this.#fenceFell = false;
    this.#arm();
  }

  readLog(
    request: ReadTaskLog,
    onPiece: (piece: LogPiece) => void,
    onError: (message: string) => void,
  ): () => void {
    const run = request.run && this.#find(request.run);
    if (run === undefined || request.rank >= run.tasks) {
      onError('there is no output of this task');
      return () => {};
    }
    const lines = linesOf(run);
    const text = lines.slice(request.tailLines === 0 ? 0 : -request.tailLines).join('');
    const goesOn = request.follow && isLive(run.phase);
    onPiece({ data: new TextEncoder().encode(text), skippedBytes: 0, done: !goesOn });
    if (!goesOn) return () => {};
    const follower = { run, onPiece };
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  async close(options: { readonly stopRuns: boolean }): Promise<void> {
    if (options.stopRuns) {
      for (const run of this.#all()) {
        if (isLive(run.phase)) this.#end(run, RunState.STOPPED, undefined, SIGTERMED);
      }
      // Nothing is left that could become due; a timer for a fence that is minutes away would only keep the process.
      this.#cancelWake();
      this.#wakeBootMs = Infinity;
    }
    this.#events = undefined;
  }

  /** For fault scripts: machines come, change or go. A node that went is given with `removed`. */
  changeNodes(changed: readonly NodeReport[]): void {
    const nodes = new Map(this.#nodes.map((node) => [node.node, node]));
    for (const node of changed) {
      if (node.removed) nodes.delete(node.node);
      else nodes.set(node.node, node);
    }
    this.#nodes = [...nodes.values()];
    this.#events?.nodesChanged(changed);
  }

  /** For fault scripts: all machines restart at once. What ran is lost and says so; what had ended is still known. */
  reboot(): void {
    for (const run of this.#all()) {
      if (isLive(run.phase)) this.#end(run, RunState.STOPPED, 'LOST', SIGKILLED);
    }
  }

  /** A newer epoch fences what is older: that dies first, before anything of the new one happens. */
  #raise(key: RunKey, newest: number, nowMs: number): void {
    this.#epochs.raise(key, nowMs);
    if (newest === 0) return;
    const older = this.#find({ ...key, epoch: newest });
    if (older !== undefined && isLive(older.phase)) {
      this.#end(older, RunState.STOPPED, 'LOST', SIGKILLED);
    }
  }

  /** Ends a run that never began. It stays in the inventory like any other, so that the controller hears of it. */
  #conclude(key: RunKey, why: ReasonCode): void {
    const run = this.#add(key, undefined, false, 0);
    run.reason = why;
    this.#move(run, RunState.STOPPED, this.#clock.bootMs());
  }

  #begin(key: RunKey, assignment: Assignment, nowMs: number): void {
    let tasks = 0;
    for (const allocation of assignment.allocations) tasks += allocation.tasks;
    const run = this.#add(
      key,
      this.#outcomeOf(assignment),
      !assignment.withoutLease,
      Math.max(tasks, 1),
    );
    if (this.#stageMs > 0) {
      this.#due.set(run, nowMs + this.#stageMs);
      this.#move(run, RunState.STAGING, nowMs);
    } else this.#run(run, nowMs);
    this.#arm();
  }

  #run(run: SimulatedRun, nowMs: number): void {
    const { ms = 0, maxMs = Infinity } = run.outcome ?? {};
    run.startBootMs = nowMs;
    this.#due.set(run, nowMs + Math.min(ms, maxMs));
    this.#move(run, RunState.RUNNING, nowMs);
  }

  #add(
    key: RunKey,
    outcome: SimulatedOutcome | undefined,
    leased: boolean,
    tasks: number,
  ): SimulatedRun {
    this.#order += 1;
    const element = elementOf(key);
    const run: SimulatedRun = {
      jobUid: key.jobUid,
      index: key.index,
      epoch: key.epoch,
      dueMs: 0,
      place: -1,
      order: this.#order,
      leased,
      tasks,
      outcome,
      next: this.#runs.get(element),
      phase: RunState.ACCEPTED,
      sinceBootMs: 0,
      startBootMs: -1,
      exitCode: 0,
      reason: undefined,
    };
    this.#runs.set(element, run);
    return run;
  }

  #find(key: RunKey): SimulatedRun | undefined {
    let run = this.#runs.get(elementOf(key));
    while (run !== undefined && run.epoch !== key.epoch) run = run.next;
    return run;
  }

  #remove(run: SimulatedRun): void {
    const element = elementOf(run);
    let before = this.#runs.get(element);
    if (before === run) {
      if (run.next === undefined) this.#runs.delete(element);
      else this.#runs.set(element, run.next);
      return;
    }
    while (before !== undefined && before.next !== run) before = before.next;
    if (before !== undefined) before.next = run.next;
  }

  *#all(): Iterable<SimulatedRun> {
    for (const newest of this.#runs.values()) {
      for (let run: SimulatedRun | undefined = newest; run !== undefined; run = run.next) yield run;
    }
  }

  #move(run: SimulatedRun, phase: RunState, nowMs: number): void {
    run.phase = phase;
    run.sinceBootMs = nowMs;
    this.#events?.runChanged(this.#report(run));
  }

  #end(run: SimulatedRun, phase: RunState, why: ReasonCode | undefined, exitCode: number): void {
    this.#due.remove(run);
    run.reason = why;
    run.exitCode = exitCode;
    this.#move(run, phase, this.#clock.bootMs());
    for (const follower of this.#followers) {
      if (follower.run !== run) continue;
      this.#followers.delete(follower);
      follower.onPiece({ data: NOTHING, skippedBytes: 0, done: true });
    }
  }

  /** One timer for all runs and the fence. It is set anew only when something is due sooner than it. */
  #arm(): void {
    const nowMs = this.#clock.bootMs();
    // A fence that has fallen has no more to do: nothing with a lease is alive or begins behind it.
    const fenceMs = this.#fenceFell ? Infinity : this.#fenceBootMs;
    const dueMs = Math.min(this.#due.first()?.dueMs ?? Infinity, fenceMs);
    if (dueMs >= this.#wakeBootMs) return;
    this.#cancelWake();
    this.#wakeBootMs = dueMs;
    this.#cancelWake = this.#clock.after(Math.max(0, dueMs - nowMs), () => this.#wake());
  }

  #wake(): void {
    this.#wakeBootMs = Infinity;
    const nowMs = this.#clock.bootMs();
    // What is due at the very moment of the fence is fenced.
    this.#settle(Math.min(nowMs, this.#fenceBootMs - 1), nowMs);
    if (nowMs >= this.#fenceBootMs && !this.#fenceFell) {
      this.#fenceFell = true;
      this.#fence();
    }
    this.#settle(nowMs, nowMs);
    this.#arm();
  }

  #settle(untilMs: number, nowMs: number): void {
    for (;;) {
      const run = this.#due.first();
      if (run === undefined || run.dueMs > untilMs) return;
      this.#come(run, nowMs);
    }
  }

  #fence(): void {
    for (const run of this.#all()) {
      if (run.leased && isLive(run.phase)) {
        this.#end(run, RunState.STOPPED, 'LEASE_FENCED', SIGKILLED);
      }
    }
  }

  /** What was due for a run happens. */
  #come(run: SimulatedRun, nowMs: number): void {
    if (run.phase === RunState.STAGING) {
      this.#run(run, nowMs);
      return;
    }
    if (run.phase === RunState.STOPPING) {
      this.#end(run, RunState.STOPPED, undefined, run.exitCode);
      return;
    }
    const { ms = 0, maxMs = Infinity, exitCode = 0 } = run.outcome ?? {};
    if (maxMs < ms) this.#end(run, RunState.FAILED, 'RUN_TIME_EXCEEDED', SIGTERMED);
    else if (exitCode !== 0) this.#end(run, RunState.FAILED, undefined, exitCode);
    else this.#end(run, RunState.SUCCEEDED, undefined, 0);
  }

  #report(run: SimulatedRun): RunReport {
    const report = reportOf(run, run.phase);
    report.ageMillis = Math.round(this.#clock.bootMs() - run.sinceBootMs);
    if (isLive(run.phase)) return report;
    report.exitCode = run.exitCode;
    if (run.startBootMs >= 0) report.runMillis = Math.round(run.sinceBootMs - run.startBootMs);
    if (run.phase === RunState.FAILED) {
      report.lastLines = linesOf(run)
        .slice(-LAST_LINES)
        .map((line) => line.trimEnd());
    }
    if (run.reason !== undefined) {
      const needed =
        run.reason === 'RUN_TIME_EXCEEDED' ? Math.ceil((run.outcome?.maxMs ?? 0) / 1000) : 0;
      report.reason = reasonOf(run.reason, { needed });
    }
    return report;
  }
}

function linesOf(run: SimulatedRun): string[] {
  return Array.from({ length: run.outcome?.lines ?? 0 }, (_, i) => `line ${i + 1}\n`);
}
