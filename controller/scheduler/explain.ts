// Why: for each data center the first binding reason with its numbers, or the score. And what-if: the same pass over jobs that do
// not exist, in an overlay that is thrown away.
import { reason, type Reason } from '#domain/reasons.ts';
import { DIMENSIONS } from '#domain/resources.ts';
import { JobState } from '#domain/states.ts';
import { NONE } from '#core/columns.ts';
import { Overlay } from '#core/overlay.ts';
import { classOf } from '#core/queue.ts';
import { isOpen } from '#core/place.ts';
import type { DataCenter, JobClass, State } from '#core/state.ts';
import type { TaskShape } from '#gen/isobar/log/v1/entity.ts';
import { barrier, NodeFilter } from './filter.ts';
import { fit } from './fit.ts';
import type { Judge } from './judge.ts';
import { Cursor, plan, quotaReason, type Decision, type Supply } from './plan.ts';
import { TERMS, type Policy } from './policy.ts';
import { Scales, weigh } from './score.ts';

export interface Verdict {
  readonly dataCenter: string;
  /** Undefined: it fits now. */
  readonly reason: Reason | undefined;
  readonly score: number;
  readonly terms: readonly { readonly name: string; readonly value: number }[];
}

/** One verdict for each data center, the best first. */
export function verdicts(state: State, policy: Policy, jobClass: JobClass): readonly Verdict[] {
  const judge = { state, policy, overlay: new Overlay(state), scales: new Scales(state) };
  judge.scales.refresh();
  const found: Verdict[] = [];
  for (const dataCenter of state.dataCenterList) {
    if (dataCenter !== undefined) found.push(verdictOf(judge, jobClass, dataCenter));
  }
  return bestFirst(found);
}

/** What the scheduler would say of one data center now. The overlay is empty before and after; the scales must be fresh. */
export function verdictOf(judge: Judge, jobClass: JobClass, dataCenter: DataCenter): Verdict {
  const { state, overlay, policy, scales } = judge;
  const why =
    barrier(state, overlay, policy, jobClass, dataCenter) ??
    lackOfRoom(state, overlay, jobClass, dataCenter);
  const terms = scales.terms(overlay, jobClass, dataCenter);
  overlay.clear();
  return {
    dataCenter: dataCenter.entity.id,
    reason: why,
    score: why === undefined ? weigh(policy, terms) : 0,
    terms:
      why === undefined
        ? TERMS.map((name) => ({ name, value: policy.weights[name] * terms[name] }))
        : [],
  };
}

export function bestFirst(found: readonly Verdict[]): readonly Verdict[] {
  return found.toSorted((a, b) => b.score - a.score);
}

/** What holds a job back before any data center is looked at. */
export function blockedBy(state: State, row: number): Reason | undefined {
  const { jobs, derived } = state;
  if (jobs.stateOf(row) === JobState.HELD) return reason('HELD');
  const waitsFor = derived.waitsFor.get(row);
  if (waitsFor !== undefined) {
    const first = jobs.after.get(row)?.uids.find((uid) => derived.dependents.get(uid)?.has(row));
    const other = first === undefined ? undefined : jobs.rowOf(first);
    return reason('WAITS_FOR_JOBS', {
      needed: waitsFor,
      subject: other === undefined ? '' : jobs.idOf(other),
    });
  }
  if (derived.delayed.has(row)) {
    const waitMs = jobs.notBeforeMs[row]! - state.timeMs;
    return reason('BACKING_OFF', { needed: Math.max(1, Math.ceil(waitMs / 1000)) });
  }
  return jobs.stateOf(row) === JobState.QUEUED
    ? quotaReason(new Overlay(state), classOf(state, row))
    : undefined;
}

/** Jobs of the same tenant that go before this one. */
export function jobsAhead(state: State, row: number): number {
  const own = classOf(state, row);
  const uid = state.jobs.uid[row]!;
  let ahead = 0;
  for (const other of own.tenant.classes.values()) {
    const byPriority = other.entity.priority - own.entity.priority;
    if (byPriority > 0) ahead += other.length;
    else if (byPriority === 0) {
      for (let at = other.head; at !== NONE && state.jobs.uid[at]! < uid; at = state.jobs.next[at]!)
        ahead++;
    }
  }
  return ahead;
}

/** What a pass would decide now for jobs that are given as classes, in their order. Changes nothing. */
export function whatIf(
  state: State,
  policy: Policy,
  jobs: readonly { readonly uid: number; readonly jobClass: JobClass }[],
): ReadonlyMap<number, Decision> {
  const cursor = new Cursor(state);
  const supply = new ListSupply(jobs);
  for (const { jobClass } of jobs) cursor.ready.add(jobClass);
  const slice = plan(state, new Overlay(state), policy, cursor, supply, Number.POSITIVE_INFINITY);
  return new Map(slice.decisions.map((decision) => [decision.uid, decision]));
}

class ListSupply implements Supply {
  readonly #uids = new Map<JobClass, number[]>();

  constructor(jobs: readonly { readonly uid: number; readonly jobClass: JobClass }[]) {
    for (const { uid, jobClass } of jobs) {
      const uids = this.#uids.get(jobClass);
      if (uids === undefined) this.#uids.set(jobClass, [uid]);
      else uids.push(uid);
    }
  }

  next(jobClass: JobClass): number | undefined {
    return this.#uids.get(jobClass)?.[0];
  }

  take(jobClass: JobClass): void {
    this.#uids.get(jobClass)?.shift();
  }
}

/** The first thing that a data center is short of for a job of the class; undefined: it fits. */
function lackOfRoom(
  state: State,
  overlay: Overlay,
  jobClass: JobClass,
  dataCenter: DataCenter,
): Reason | undefined {
  const filter = new NodeFilter(state, jobClass);
  const found = fit(state, overlay, jobClass, dataCenter, filter, { block: 0 });
  if (found.kind === 'fits') return undefined;
  const shape = jobClass.entity.groups[found.group]!;
  const allTasks = jobClass.entity.groups.reduce((sum, group) => sum + group.replicas, 0);
  const one = lackForOneTask(state, overlay, shape, dataCenter, filter);
  return (
    one ??
    reason('INSUFFICIENT_TOGETHER', {
      dataCenter: dataCenter.entity.id,
      needed: allTasks,
      available: found.placed,
    })
  );
}

/** Why not even one task of the group has a node. */
function lackForOneTask(
  state: State,
  overlay: Overlay,
  shape: TaskShape,
  dataCenter: DataCenter,
  filter: NodeFilter,
): Reason | undefined {
  const at = dataCenter.entity.id;
  const all = [...dataCenter.pool.rows.subarray(0, dataCenter.pool.length)].filter((row) =>
    filter.allows(row),
  );
  if (all.length === 0) return reason('NODE_SELECTOR', { dataCenter: at });
  const rows = all.filter((row) => isOpen(state, row));
  if (rows.length === 0) return reason('NODES_CORDONED', { dataCenter: at });
  for (const [subject, needed, allocatableOf] of amountsOf(state, overlay, shape)) {
    const largest = most(rows, allocatableOf);
    if (largest < needed)
      return reason('TOO_LARGE', { dataCenter: at, subject, needed, available: largest });
  }
  for (const [subject, needed, , freeOf] of amountsOf(state, overlay, shape)) {
    const freest = most(rows, freeOf);
    if (freest < needed)
      return reason('INSUFFICIENT', { dataCenter: at, subject, needed, available: freest });
  }
  for (const need of shape.devices) {
    const needed = need.count * need.thousandths;
    const available = most(rows, (row) => overlay.usableThousandths(row, need));
    const subject = need.model === '' ? 'of any model' : need.model;
    if (available < needed)
      return reason('INSUFFICIENT_DEVICE', { dataCenter: at, subject, needed, available });
  }
  const fitsOne = rows.some(
    (row) =>
      overlay.countOnNode(row, shape, 1) === 1 &&
      overlay.pickDevices(row, shape.devices) !== undefined,
  );
  // Each resource is there, but on no single node all of them.
  return fitsOne ? undefined : reason('INSUFFICIENT_ON_ONE_NODE', { dataCenter: at });
}

type Amount = readonly [
  name: string,
  needed: number,
  allocatable: (row: number) => number,
  free: (row: number) => number,
];

/** What one task asks of a node, devices aside. */
function amountsOf(state: State, overlay: Overlay, shape: TaskShape): readonly Amount[] {
  const { nodes } = state;
  const { cpuMillis = 0, memoryMib = 0, storageMib = 0, extra = {} } = shape.resources ?? {};
  return [
    [DIMENSIONS[0], cpuMillis, (row) => nodes.cpuMillis[row]!, (row) => overlay.freeCpuMillis(row)],
    [DIMENSIONS[1], memoryMib, (row) => nodes.memoryMib[row]!, (row) => overlay.freeMemoryMib(row)],
    [
      DIMENSIONS[2],
      storageMib,
      (row) => nodes.storageMib[row]!,
      (row) => overlay.freeStorageMib(row),
    ],
    ...Object.entries(extra).map(([name, needed]): Amount => [
      name,
      needed,
      (row) => nodes.extras.get(row)?.get(name)?.allocatable ?? 0,
      (row) => overlay.freeExtra(row, name),
    ]),
  ];
}

/** The largest amount of any of the nodes, at least 0. */
function most(rows: readonly number[], amountOf: (row: number) => number): number {
  let largest = 0;
  for (const row of rows) largest = Math.max(largest, amountOf(row));
  return largest;
}
