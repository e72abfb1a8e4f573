// What really runs where, as no part of the system knows it: taken from the executors themselves, whether anybody listens or not.
import type { SimulatedExecutor } from '#agent/executors/simulated.ts';
import { isRunFinal, RunState } from '#domain/states.ts';
import type { Assignment, NodeReport, RunReport } from '#gen/isobar/v1/agent.ts';
import { keyOf, type Executor, type ExecutorEvents, type RunKey } from '#ports/executor.ts';

/** One run as it really went. */
export interface RealRun extends RunKey {
  readonly dataCenter: string;
  readonly leased: boolean;
  readonly startMs: number;
  readonly allocations: Assignment['allocations'];
  endMs: number | undefined;
  phase: RunState;
  exitCode: number;
  reason: string;
}

export interface TruthEvents {
  started(run: RealRun): void;
  ended(run: RealRun): void;
  assigned(dataCenter: string, assignment: Assignment): void;
}

/** Stands before a simulated executor, as the cable that everything goes through, and writes down what happens. */
export class ObservedExecutor implements Executor {
  readonly kind = 'simulated';
  readonly placement = 'BINDING';
  readonly offers = [];
  readonly inner: SimulatedExecutor;
  readonly #dataCenter: string;
  readonly #nowMs: () => number;
  readonly #truth: TruthEvents;
  /** By key; ended ones too. */
  readonly runs = new Map<string, RealRun>();
  readonly alive = new Set<RealRun>();
  /** Boot time of the fence that was set last. */
  fenceMs = Infinity;
  #agent: ExecutorEvents | undefined;
  #starting: Assignment | undefined;

  constructor(
    inner: SimulatedExecutor,
    dataCenter: string,
    nowMs: () => number,
    truth: TruthEvents,
  ) {
    this.inner = inner;
    this.#dataCenter = dataCenter;
    this.#nowMs = nowMs;
    this.#truth = truth;
  }

  async open(
    events: ExecutorEvents,
  ): Promise<{ nodes: readonly NodeReport[]; runs: readonly RunReport[] }> {
    this.#agent = events;
    return this.inner.open({
      runChanged: (report) => {
        this.#note(report);
        this.#agent?.runChanged(report);
      },
      nodesChanged: (nodes) => this.#agent?.nodesChanged(nodes),
    });
  }

  /** The agent is gone; what it ran goes on. */
  abandon(): void {
    this.#agent = undefined;
  }

  start(assignment: Assignment): void {
    this.#truth.assigned(this.#dataCenter, assignment);
    this.#starting = assignment;
    this.inner.start(assignment);
    this.#starting = undefined;
  }

  stop(run: RunKey): void {
    this.inner.stop(run);
  }

  forget(run: RunKey): void {
    this.inner.forget(run);
  }

  setFence(deadlineBootMs: number): void {
    this.fenceMs = deadlineBootMs;
    this.inner.setFence(deadlineBootMs);
  }

  readLog: Executor['readLog'] = (request, onPiece, onError) =>
    this.inner.readLog(request, onPiece, onError);

  async close(): Promise<void> {
    this.abandon();
  }

  #note(report: RunReport): void {
    const key = keyOf(report);
    // Only states of the table come from executors.
    const phase = report.phase as RunState;
    let run = this.runs.get(key);
    if (run === undefined) {
      const { jobUid, index, epoch } = report;
      const starting = this.#starting;
      run = {
        jobUid,
        index,
        epoch,
        phase,
        dataCenter: this.#dataCenter,
        endMs: undefined,
        exitCode: 0,
        reason: '',
        leased: starting?.withoutLease !== true,
        startMs: this.#nowMs(),
        allocations: starting?.allocations ?? [],
      };
      this.runs.set(key, run);
      if (!isRunFinal(phase)) {
        this.alive.add(run);
        this.#truth.started(run);
        return;
      }
    }
    run.phase = phase;
    if (!isRunFinal(phase) || run.endMs !== undefined) return;
    run.endMs = this.#nowMs();
    run.exitCode = report.exitCode;
    run.reason = report.reason?.code ?? '';
    this.alive.delete(run);
    this.#truth.ended(run);
  }
}
