// What an agent runs jobs with. The executor is the truth about what runs: the agent keeps no journal beside it.
import type { Assignment, NodeReport, RunReport, ReadTaskLog } from '#gen/isobar/v1/agent.ts';

/** Names a run within one data center. */
export interface RunKey {
  readonly jobUid: number;
  readonly index: number;
  readonly epoch: number;
}

export function keyOf(run: RunKey): string {
  return `${run.jobUid}-${run.index}-${run.epoch}`;
}

export interface ExecutorEvents {
  /** A run reached a phase. The same phase twice is harmless. A final one stays in the inventory until it is forgotten. */
  runChanged(report: RunReport): void;
  /** Nodes appeared, changed or went. */
  nodesChanged(nodes: readonly NodeReport[]): void;
}

/** A piece of a task's output; `done` with the last. */
export interface LogPiece {
  readonly data: Uint8Array;
  readonly skippedBytes: number;
  readonly done: boolean;
}

export interface Executor {
  readonly kind: 'local' | 'kubernetes' | 'slurm' | 'simulated';
  readonly placement: 'BINDING' | 'ADVISORY';
  /** What it adds to what the data center offers. */
  readonly offers: readonly string[];
  /** Begins, adopting what an earlier agent left running; answers all nodes and all runs, final ones not forgotten too. */
  open(
    events: ExecutorEvents,
  ): Promise<{ readonly nodes: readonly NodeReport[]; readonly runs: readonly RunReport[] }>;
  /**
   * Starts a run. What goes wrong is reported as FAILED with a reason. A run that it already has is left alone and reported
   * as it is. An older epoch than one that it has heard of never starts and is STOPPED with LOST; a newer one kills the older
   * first, which ends the same way.
   */
  start(assignment: Assignment): void;
  /**
   * Stops a run: its signal, its grace, then SIGKILL. A run that it does not have is remembered: it never starts, and is
   * reported as STOPPED with LOST.
   */
  stop(run: RunKey): void;
  /** The controller has the final status. */
  forget(run: RunKey): void;
  /**
   * The fence below the agent: unless this is called again, every run that has a lease is dead at this boot time, even if
   * the agent never comes back. What is started behind it ends as STOPPED with LEASE_FENCED. Until the first call there is
   * no fence, so call it before anything is started.
   */
  setFence(deadlineBootMs: number): void;
  /** Sends pieces until the last; the answer cancels. */
  readLog(
    request: ReadTaskLog,
    onPiece: (piece: LogPiece) => void,
    onError: (message: string) => void,
  ): () => void;
  /** Ends; runs go on unless told to stop them. */
  close(options: { readonly stopRuns: boolean }): Promise<void>;
}
