// Room: what runs take and give back, on nodes and devices and in the sums of data centers, tenants and the federation.
import { NONE } from './columns.ts';
import {
  allocationsOf,
  type Amounts,
  type DataCenter,
  type JobClass,
  type State,
} from './state.ts';

/** A run takes its room, or gives it back. Everything that it changes is derived: nothing here is in the log. */
export function occupy(state: State, run: number): void {
  account(state, run, 1);
}

export function release(state: State, run: number): void {
  account(state, run, -1);
}

function account(state: State, run: number, sign: 1 | -1): void {
  const jobClass = classOfRun(state, run);
  for (const allocation of allocationsOf(state, run)) {
    hold(state, jobClass, allocation, sign);
  }
  for (
    let tenant = jobClass.tenant as JobClass['tenant'] | undefined;
    tenant;
    tenant = tenant.parent
  ) {
    addAmounts(tenant.subtreeUsage, jobClass.total, sign);
  }
  addAmounts(jobClass.tenant.usage, jobClass.total, sign);
  addAmounts(state.derived.allocated, jobClass.total, sign);
}

function hold(state: State, jobClass: JobClass, allocation: number, sign: 1 | -1): void {
  const { nodes, allocations } = state;
  const row = allocations.node[allocation]!;
  const tasks = allocations.tasks[allocation]! * sign;
  const shape = jobClass.entity.groups[allocations.group[allocation]!];
  const dataCenter = state.dataCenterList[nodes.dataCenter[row]!];
  // A class keeps its groups as long as it lives, and a data center with live runs is not deleted.
  if (shape === undefined || dataCenter === undefined) return;
  const cpuMillis = (shape.resources?.cpuMillis ?? 0) * tasks;
  const memoryMib = (shape.resources?.memoryMib ?? 0) * tasks;
  const storageMib = (shape.resources?.storageMib ?? 0) * tasks;
  nodes.freeCpuMillis[row]! -= cpuMillis;
  nodes.freeMemoryMib[row]! -= memoryMib;
  nodes.freeStorageMib[row]! -= storageMib;
  nodes.allocations[row]! += sign;
  for (const [name, amount] of Object.entries(shape.resources?.extra ?? {})) {
    nodes.extraOf(row, name).free -= amount * tasks;
  }
  let devices = 0;
  for (const held of allocations.devices.get(allocation) ?? []) {
    devices += held.thousandths * sign;
    if (held.device < nodes.deviceCount[row]!) {
      nodes.devices.freeThousandths[nodes.firstDevice[row]! + held.device]! -=
        held.thousandths * sign;
    }
  }
  const sums = dataCenter.allocated;
  sums[0]! += cpuMillis;
  sums[1]! += memoryMib;
  sums[2]! += storageMib;
  sums[3]! += devices;
  if (sign < 0) {
    dataCenter.pool.raise(nodes, row);
    grew(state, dataCenter);
    if (nodes.removed[row] === 1 && nodes.allocations[row] === 0) dropNode(state, dataCenter, row);
  }
}

/**
 * Nodes whose devices are new: what live runs hold of the device at the same place is held still. Devices have no name, so
 * another model there counts as taken too until the run has ended: rather too little room for a while than one device twice.
 */
export function holdDevices(state: State, dataCenter: DataCenter, rows: ReadonlySet<number>): void {
  const { nodes, allocations } = state;
  for (const run of dataCenter.runs) {
    for (const allocation of allocationsOf(state, run)) {
      const row = allocations.node[allocation]!;
      if (!rows.has(row)) continue;
      for (const held of allocations.devices.get(allocation) ?? []) {
        if (held.device >= nodes.deviceCount[row]!) continue;
        nodes.devices.freeThousandths[nodes.firstDevice[row]! + held.device]! -= held.thousandths;
      }
    }
  }
}

/** Sums of a data center change by what a node has. */
export function countNode(state: State, dataCenter: DataCenter, row: number, sign: 1 | -1): void {
  const { nodes } = state;
  const has = [
    nodes.cpuMillis[row]!,
    nodes.memoryMib[row]!,
    nodes.storageMib[row]!,
    nodes.deviceCount[row]! * 1000,
  ];
  const foreign = [
    nodes.foreignCpuMillis[row]!,
    nodes.foreignMemoryMib[row]!,
    nodes.foreignStorageMib[row]!,
    0,
  ];
  addAmounts(dataCenter.capacity, has, sign);
  addAmounts(dataCenter.foreign, foreign, sign);
  addAmounts(state.derived.capacity, has, sign);
}

/** There is more room than before: what did not fit may fit now. */
export function grew(state: State, dataCenter: DataCenter): void {
  state.derived.growth++;
  state.derived.grownAt[dataCenter.index] = state.derived.growth;
}

/** A node that is gone is forgotten when nothing is held on it any more. */
export function dropNode(state: State, dataCenter: DataCenter, row: number): void {
  const id = state.nodes.id[row]!;
  dataCenter.nodes.delete(id);
  state.gone.push({ kind: 'node', key: `${dataCenter.entity.id}/${id}` });
  state.nodes.remove(row);
}

export function classOfRun(state: State, run: number): JobClass {
  const jobClass = state.classes.get(state.jobs.classNumber[state.runs.job[run]!]!);
  // A class lives as long as any of its jobs does.
  if (jobClass === undefined) throw new Error(`run row ${run} has no class`);
  return jobClass;
}

/** Frees the rows of a run's allocations. */
export function freeAllocations(state: State, run: number): void {
  let at = state.runs.allocation[run]!;
  while (at !== NONE) {
    const next = state.allocations.next[at]!;
    state.allocations.remove(at);
    at = next;
  }
  state.runs.allocation[run] = NONE;
}

export function addAmounts(to: Amounts, what: ArrayLike<number>, sign: number): void {
  for (let i = 0; i < 4; i++) to[i]! += sign * (what[i] ?? 0);
}
