// An agent as far as an executor sees it, and the assignments it hands on: for the tests of executors.
import { type RunState, isRunFinal } from '#domain/states.ts';
import type { Assignment, RunReport } from '#gen/isobar/v1/agent.ts';
import { type EnvVar, JobSpec, TaskGroup } from '#gen/isobar/v1/job.ts';
import { type Executor, type LogPiece, type RunKey, keyOf } from '#ports/executor.ts';

/** Where it gets its executor from, and how it waits. */
interface Home {
  executor(): Executor;
  until(what: string, holds: () => boolean): Promise<void>;
}

/** It collects what it finds and what is reported. */
export class Agent {
  readonly executor: Executor;
  readonly reports: RunReport[] = [];
  opened: Awaited<ReturnType<Executor['open']>> = { nodes: [], runs: [] };
  readonly #place: Home;

  private constructor(place: Home) {
    this.#place = place;
    this.executor = place.executor();
  }

  static async open(place: Home): Promise<Agent> {
    const agent = new Agent(place);
    agent.opened = await agent.executor.open({
      runChanged: (report) => agent.reports.push(report),
      nodesChanged: () => {},
    });
    agent.reports.unshift(...agent.opened.runs);
    return agent;
  }

  last(run: RunKey): RunReport | undefined {
    return this.#of(run).at(-1);
  }

  /** The phases in the order in which they were first reported. */
  phases(run: RunKey): RunState[] {
    return [...new Set(this.#of(run).map((report) => stateOf(report)))];
  }

  /** How many different ends were reported. */
  ends(run: RunKey): number {
    return this.phases(run).filter((phase) => isRunFinal(phase)).length;
  }

  async reached(run: RunKey, phase: RunState): Promise<void> {
    await this.#place.until(`${keyOf(run)} reaches phase ${phase}`, () =>
      this.#of(run).some((report) => report.phase === phase),
    );
  }

  async ended(run: RunKey): Promise<RunReport> {
    const final = (): RunReport | undefined =>
      this.#of(run).find((report) => isRunFinal(stateOf(report)));
    await this.#place.until(`${keyOf(run)} ends`, () => final() !== undefined);
    return final()!; // `until` has just seen it
  }

  /** The output of a task as text; what was dropped before a piece stands as `[n]`. */
  async log(
    run: RunKey,
    options: { rank?: number; follow?: boolean; tailLines?: number } = {},
  ): Promise<string> {
    const { rank = 0, follow = false, tailLines = 0 } = options;
    let text = '';
    let done = false;
    let error: string | undefined;
    const decoder = new TextDecoder();
    const onPiece = (piece: LogPiece): void => {
      if (piece.skippedBytes > 0) text += `[${piece.skippedBytes}]`;
      text += decoder.decode(piece.data, { stream: true });
      done = piece.done;
    };
    this.executor.readLog({ run, rank, follow, tailLines }, onPiece, (message) => {
      error = message;
    });
    await this.#place.until('the output is read', () => done || error !== undefined);
    if (error !== undefined) throw new Error(error);
    return text;
  }

  #of(run: RunKey): RunReport[] {
    return this.reports.filter((report) => keyOf(report) === keyOf(run));
  }
}

/** Executors report only phases that both tables know. */
function stateOf(report: RunReport): RunState {
  return report.phase as RunState;
}

export function key(jobUid: number, epoch = 1): RunKey {
  return { jobUid, index: 0, epoch };
}

/** An assignment of a tenant's job to one node. */
export function assignmentOf(
  run: RunKey,
  groups: readonly Partial<TaskGroup>[],
  spec: Partial<JobSpec> = {},
): Assignment {
  const full = JobSpec.fromPartial({
    ...spec,
    groups: groups.map((group) => TaskGroup.fromPartial(group)),
  });
  return {
    run: { ...run },
    job: `tenants/health/jobs/job-${run.jobUid}`,
    user: 'tenants/health/users/ada',
    spec: Buffer.from(JobSpec.encode(full).finish()),
    allocations: full.groups.map((group, i) => ({
      node: 'node-00000',
      group: i,
      tasks: Math.max(group.replicas, 1),
      devices: [],
    })),
    withoutLease: false,
  };
}

export function variable(name: string, value: string): EnvVar {
  return { name, source: { $case: 'value', value } };
}
