// What tests read of a world: by the ids of jobs, data centers and nodes instead of rows.
import { DataCenterState, JobState, RunState } from '#domain/states.ts';
import { NONE } from './columns.ts';
import { allocationsOf, type State } from './state.ts';

export class WorldView {
  readonly state: State;

  constructor(state: State) {
    this.state = state;
  }

  row(id: string): number {
    for (const tenant of this.state.tenants.keys()) {
      const row = this.state.jobs.rowOfId(tenant, id);
      if (row !== undefined) return row;
    }
    throw new Error(`there is no job ${id}`);
  }

  uid(id: string): number {
    return this.state.jobs.uid[this.row(id)]!;
  }

  /** Name of the job's state, with the code of its reason if there is one: `QUEUED LEASE_EXPIRED`. */
  stateOf(id: string): string {
    const row = this.row(id);
    const why = this.state.jobs.reasons.get(row);
    const name = nameIn(JobState, this.state.jobs.stateOf(row));
    return why === undefined ? name : `${name} ${why.code}`;
  }

  /** Name of the live run's state; `none`: there is no live run. */
  runOf(id: string): string {
    const run = this.state.jobs.run[this.row(id)]!;
    return run === NONE ? 'none' : nameIn(RunState, this.state.runs.stateOf(run));
  }

  siteState(id: string): string {
    return nameIn(DataCenterState, this.state.dataCenters.get(id)?.state ?? 0);
  }

  /** Where the job runs. */
  siteOf(id: string): string | undefined {
    const run = this.state.jobs.run[this.row(id)]!;
    if (run === NONE) return undefined;
    return this.state.dataCenterList[this.state.runs.dataCenter[run]!]?.entity.id;
  }

  epochOf(id: string): number {
    return this.state.jobs.epoch[this.row(id)]!;
  }

  /** Ids in the queue of the class of a job, in their order. */
  queueOf(id: string): readonly string[] {
    const jobClass = this.state.classes.get(this.state.jobs.classNumber[this.row(id)]!);
    const ids: string[] = [];
    for (let at = jobClass?.head ?? NONE; at !== NONE; at = this.state.jobs.next[at]!) {
      ids.push(this.state.jobs.idOf(at));
    }
    return ids;
  }

  /** Free CPUs of a node. */
  freeCpu(dataCenter: string, node = 'n1'): number {
    return this.state.nodes.freeCpuMillis[this.nodeRow(dataCenter, node)]! / 1000;
  }

  /** Free thousandths of each device of a node. */
  freeDevices(dataCenter: string, node = 'n1'): readonly number[] {
    const { nodes } = this.state;
    const row = this.nodeRow(dataCenter, node);
    const first = nodes.firstDevice[row]!;
    return Array.from(
      { length: nodes.deviceCount[row]! },
      (_, i) => nodes.devices.freeThousandths[first + i]!,
    );
  }

  /** Ids of the nodes where a run has tasks, as they were allocated. */
  nodesOfRun(run: number): readonly string[] {
    const { allocations, nodes } = this.state;
    return [...allocationsOf(this.state, run)]
      .toReversed()
      .map((at) => nodes.id[allocations.node[at]!]!);
  }

  nodeRow(dataCenter: string, node: string): number {
    const row = this.state.dataCenters.get(dataCenter)?.nodes.get(node);
    if (row === undefined) throw new Error(`there is no node ${dataCenter}/${node}`);
    return row;
  }
}

export function nameIn(states: Readonly<Record<string, number>>, state: number): string {
  return Object.entries(states).find(([, value]) => value === state)?.[0] ?? String(state);
}
