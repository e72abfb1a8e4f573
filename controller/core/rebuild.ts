// Derived state, made anew from decided and observed state: after a restart, and in tests, where it must equal what was kept live.
import { isJobFinal } from '#domain/states.ts';
import { dropClassIfUnused } from './classes.ts';
import { NONE } from './columns.ts';
import { countJob, waitForOthers } from './jobs.ts';
import { Pool } from './pool.ts';
import { requeue } from './queue.ts';
import { countNode, dropNode } from './room.ts';
import { allocate, startHolding } from './runs.ts';
import type { State } from './state.ts';

/** Clears and recomputes all that is derived. `state.derived.live` is true afterwards. */
export function rebuildDerived(state: State): void {
  state.derived.live = true;
  clear(state);
  for (const [run, parts] of state.parts ?? []) {
    if (state.runs.job[run] !== NONE) allocate(state, run, parts);
  }
  state.parts = undefined;
  for (const dataCenter of state.dataCenters.values()) {
    for (const row of dataCenter.nodes.values()) {
      if (state.nodes.removed[row] === 1) continue;
      countNode(state, dataCenter, row, 1);
      dataCenter.pool.add(state.nodes, row);
    }
    state.derived.grownAt[dataCenter.index] = ++state.derived.growth;
  }
  for (const row of liveRows(state.jobs)) {
    state.classes.get(state.jobs.classNumber[row]!)!.jobs++;
    countJob(state, row, 1);
    waitForOthers(state, row);
  }
  for (const jobClass of state.classes.values()) dropClassIfUnused(state, jobClass);
  // By uid, so that every job is put at the tail of its queue.
  for (const row of [...liveRows(state.jobs)].toSorted(
    (a, b) => state.jobs.uid[a]! - state.jobs.uid[b]!,
  )) {
    if (state.jobs.run[row] !== NONE) startHolding(state, state.jobs.run[row]!);
    if (!isJobFinal(state.jobs.stateOf(row))) requeue(state, row);
  }
  for (const dataCenter of state.dataCenters.values()) {
    for (const row of dataCenter.nodes.values()) {
      if (state.nodes.removed[row] === 1 && state.nodes.allocations[row] === 0)
        dropNode(state, dataCenter, row);
    }
  }
}

function clear(state: State): void {
  const { derived, nodes, jobs } = state;
  derived.capacity.fill(0);
  derived.allocated.fill(0);
  derived.queuedJobs = 0;
  derived.runningJobs = 0;
  derived.dependents.clear();
  derived.waitsFor.clear();
  derived.delayed.clear();
  derived.touched.clear();
  derived.mapVersion++;
  for (const tenant of state.tenants.values()) {
    tenant.usage.fill(0);
    tenant.subtreeUsage.fill(0);
    tenant.queuedJobs = 0;
    tenant.runningJobs = 0;
    tenant.children = 0;
  }
  // Rows of a checkpoint come in the order of their keys: a tenant may have been loaded before the one above it.
  for (const tenant of state.tenants.values()) {
    tenant.parent = state.tenants.get(tenant.entity.parent);
    if (tenant.parent !== undefined) tenant.parent.children++;
  }
  for (const dataCenter of state.dataCenters.values()) {
    dataCenter.capacity.fill(0);
    dataCenter.foreign.fill(0);
    dataCenter.allocated.fill(0);
    dataCenter.runs.clear();
    dataCenter.pool = new Pool();
    for (const row of dataCenter.nodes.values()) {
      nodes.freeCpuMillis[row] = nodes.cpuMillis[row]! - nodes.foreignCpuMillis[row]!;
      nodes.freeMemoryMib[row] = nodes.memoryMib[row]! - nodes.foreignMemoryMib[row]!;
      nodes.freeStorageMib[row] = nodes.storageMib[row]! - nodes.foreignStorageMib[row]!;
      nodes.allocations[row] = 0;
      for (const room of nodes.extras.get(row)?.values() ?? []) room.free = room.allocatable;
      for (let i = 0; i < nodes.deviceCount[row]!; i++) {
        nodes.devices.freeThousandths[nodes.firstDevice[row]! + i] = 1000;
      }
    }
  }
  for (const jobClass of state.classes.values()) {
    jobClass.jobs = 0;
    jobClass.head = NONE;
    jobClass.tail = NONE;
    jobClass.near = NONE;
    jobClass.length = 0;
  }
  jobs.queued.fill(0);
}

function* liveRows(jobs: State['jobs']): Iterable<number> {
  for (let row = 0; row < jobs.end; row++) if (jobs.uid[row] !== NONE) yield row;
}
