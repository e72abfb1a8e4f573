// What must hold of every state, whatever happened: computed anew from decided and observed state, and compared with what
// was kept. A finding is a sentence; no findings, all is well.
import { sumOfNeeds } from '#domain/resources.ts';
import {
  DataCenterState,
  isJobFinal,
  isRunFinal,
  JobState,
  mayJobMove,
  mayRunMove,
  RunState,
} from '#domain/states.ts';
import type { TaskShape } from '#gen/isobar/log/v1/entity.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { NONE } from './columns.ts';
import { classOf } from './queue.ts';
import { allocationsOf, type State, type Tenant } from './state.ts';
import { nameIn } from './testing-view.ts';

/** Room that live runs hold, by node, as free room must be without it. */
export function* checkRoom(state: State): Iterable<string> {
  const { nodes } = state;
  const held = heldByNode(state);
  for (const dataCenter of state.dataCenters.values()) {
    for (const [id, row] of dataCenter.nodes) {
      const at = `${dataCenter.entity.id}/${id}`;
      const own = held.get(row) ?? {
        amounts: [0, 0, 0],
        extra: new Map(),
        devices: new Map(),
        count: 0,
      };
      const free = [
        nodes.cpuMillis[row]! - nodes.foreignCpuMillis[row]! - own.amounts[0]!,
        nodes.memoryMib[row]! - nodes.foreignMemoryMib[row]! - own.amounts[1]!,
        nodes.storageMib[row]! - nodes.foreignStorageMib[row]! - own.amounts[2]!,
      ];
      const kept = [
        nodes.freeCpuMillis[row]!,
        nodes.freeMemoryMib[row]!,
        nodes.freeStorageMib[row]!,
      ];
      if (free.join() !== kept.join())
        yield `free of ${at} is ${kept.join()} and should be ${free.join()}`;
      if (nodes.allocations[row] !== own.count) yield `allocations of ${at} are not counted right`;
      for (const [name, room] of nodes.extras.get(row) ?? []) {
        const should = room.allocatable - (own.extra.get(name) ?? 0);
        if (room.free !== should)
          yield `free ${name} of ${at} is ${room.free} and should be ${should}`;
      }
      for (let i = 0; i < nodes.deviceCount[row]!; i++) {
        const is = nodes.devices.freeThousandths[nodes.firstDevice[row]! + i]!;
        const should = 1000 - (own.devices.get(i) ?? 0);
        if (is !== should) yield `device ${i} of ${at} has ${is} free and should have ${should}`;
        if (should < 0 || should > 1000)
          yield `device ${i} of ${at} is held ${1000 - should} thousandths`;
      }
    }
  }
}

interface Held {
  readonly amounts: number[];
  readonly extra: Map<string, number>;
  readonly devices: Map<number, number>;
  count: number;
}

function heldByNode(state: State): Map<number, Held> {
  const held = new Map<number, Held>();
  for (const [job, run] of liveRuns(state)) {
    const { groups } = classOf(state, job).entity;
    for (const at of allocationsOf(state, run)) {
      const row = state.allocations.node[at]!;
      const own = held.get(row) ?? {
        amounts: [0, 0, 0],
        extra: new Map(),
        devices: new Map(),
        count: 0,
      };
      held.set(row, own);
      own.count++;
      const tasks = state.allocations.tasks[at]!;
      const asked = groups[state.allocations.group[at]!]?.resources;
      own.amounts[0]! += (asked?.cpuMillis ?? 0) * tasks;
      own.amounts[1]! += (asked?.memoryMib ?? 0) * tasks;
      own.amounts[2]! += (asked?.storageMib ?? 0) * tasks;
      for (const [name, amount] of Object.entries(asked?.extra ?? {})) {
        own.extra.set(name, (own.extra.get(name) ?? 0) + amount * tasks);
      }
      for (const { device, thousandths } of state.allocations.devices.get(at) ?? []) {
        own.devices.set(device, (own.devices.get(device) ?? 0) + thousandths);
      }
    }
  }
  return held;
}

/** Jobs with a live run, as rows of both. */
export function* liveRuns(state: State): Iterable<readonly [job: number, run: number]> {
  for (let row = 0; row < state.jobs.end; row++) {
    if (state.jobs.uid[row] !== NONE && state.jobs.run[row] !== NONE)
      yield [row, state.jobs.run[row]!];
  }
}

/** Right after a placement: it has taken nothing that was not there, and each task has what it asks for. */
export function* checkPlacements(state: State, events: readonly Event[]): Iterable<string> {
  const { nodes } = state;
  for (const { kind } of events) {
    if (kind?.$case !== 'runReserved') continue;
    const { job, uid, parts } = kind.value;
    const row = state.jobs.rowOf(uid)!;
    const { entity } = classOf(state, row);
    if (parts.length !== 1) yield `${job} is in ${parts.length} data centers`;
    const tasks = entity.groups.map(() => 0);
    for (const { dataCenter, allocations } of parts) {
      for (const { node, group, tasks: count, devices, thousandths } of allocations) {
        const at = state.dataCenters.get(dataCenter)?.nodes.get(node);
        const shape = entity.groups[group];
        if (at === undefined || shape === undefined) {
          yield `${job} was placed on ${dataCenter}/${node}, which is not there`;
          continue;
        }
        tasks[group]! += count;
        if (nodes.cordoned[at] === 1 || nodes.removed[at] === 1)
          yield `${job} was placed on closed ${node}`;
        if (isShort(state, at, shape))
          yield `${job} was placed on ${dataCenter}/${node}, which had no room`;
        const wanted = shape.devices.flatMap((need) =>
          Array.from({ length: need.count }, () => need.thousandths),
        );
        const sorted = (list: readonly number[]) => list.toSorted((a, b) => a - b).join();
        if (shape.devices.length > 0 && count !== 1) yield `${count} tasks of ${job} share devices`;
        if (sorted(wanted) !== sorted(thousandths))
          yield `${job} asked for devices ${sorted(wanted)} and holds ${sorted(thousandths)}`;
        if (new Set(devices).size !== devices.length)
          yield `${job} holds one device of ${node} for two`;
      }
    }
    if (tasks.join() !== entity.groups.map((shape) => shape.replicas).join())
      yield `${job} was not placed whole`;
  }
}

function isShort(state: State, row: number, { resources, devices }: TaskShape): boolean {
  const { nodes } = state;
  const asked = [resources?.cpuMillis ?? 0, resources?.memoryMib ?? 0, resources?.storageMib ?? 0];
  const free = [nodes.freeCpuMillis, nodes.freeMemoryMib, nodes.freeStorageMib];
  if (asked.some((amount, i) => amount > 0 && free[i]![row]! < 0)) return true;
  for (const [name, amount] of Object.entries(resources?.extra ?? {})) {
    if (amount > 0 && (nodes.extras.get(row)?.get(name)?.free ?? 0) < 0) return true;
  }
  return sumOfNeeds(devices) > 0 && nodes.deviceCount[row] === 0;
}

/** What is drained asks all of its runs to stop, takes no new one, and has left only without any. */
export function* checkDrains(state: State, events: readonly Event[]): Iterable<string> {
  for (const { entity, state: now, runs } of state.dataCenters.values()) {
    if (now === DataCenterState.LEFT && runs.size > 0)
      yield `${entity.id} has left with ${runs.size} runs`;
    if (now !== DataCenterState.DRAINING) continue;
    for (const run of runs) {
      const job = state.runs.job[run]!;
      if (state.jobs.stateOf(job) !== JobState.STOPPING)
        yield `${state.jobs.idOf(job)} goes on in ${entity.id}, which is drained`;
    }
  }
  for (const { kind } of events) {
    if (kind?.$case !== 'jobChanged' || kind.value.reason?.code !== 'NODE_DRAINED') continue;
    const { dataCenter, subject } = kind.value.reason;
    const row = state.dataCenters.get(dataCenter)?.nodes.get(subject);
    const isStop = kind.value.state === JobState.STOPPING;
    if (isStop && (row === undefined || state.nodes.cordoned[row] === 0))
      yield `${kind.value.job} left ${subject}, which is open`;
  }
}

/** After a placement no tenant on the path of its job holds more than its quota. */
export function* checkQuotas(state: State, events: readonly Event[]): Iterable<string> {
  const usage = new Map<Tenant, number[]>();
  for (const [job] of liveRuns(state)) {
    const { tenant, total } = classOf(state, job);
    for (
      let at: Tenant | undefined = tenant;
      at !== undefined;
      at = state.tenants.get(at.entity.parent)
    ) {
      const sum = usage.get(at) ?? [0, 0, 0, 0];
      usage.set(at, sum);
      for (let i = 0; i < 4; i++) sum[i]! += total[i]!;
    }
  }
  for (const [tenant, sum] of usage) {
    if (sum.join() !== tenant.subtreeUsage.join())
      yield `usage of ${tenant.entity.id} is not that of its runs`;
  }
  for (const { kind } of events) {
    if (kind?.$case !== 'runReserved') continue;
    const { tenant, total } = classOf(state, state.jobs.rowOf(kind.value.uid)!);
    for (
      let at: Tenant | undefined = tenant;
      at !== undefined;
      at = state.tenants.get(at.entity.parent)
    ) {
      const quota = at.entity.quota;
      if (quota === undefined) continue;
      const limits = [quota.cpuMillis, quota.memoryMib, quota.storageMib, quota.deviceThousandths];
      for (const [i, limit] of limits.entries()) {
        if (limit > 0 && total[i]! > 0 && usage.get(at)![i]! > limit) {
          yield `${kind.value.job} was placed beyond the quota of ${at.entity.id}`;
        }
      }
    }
  }
}

/** Every job that may run is in the queue of its class, in order of age, and no other is. */
export function* checkQueues(state: State): Iterable<string> {
  const { jobs, derived } = state;
  const queued = new Set<number>();
  for (const jobClass of state.classes.values()) {
    let length = 0;
    for (let at = jobClass.head, before = NONE; at !== NONE; before = at, at = jobs.next[at]!) {
      if (jobs.previous[at] !== before)
        yield `${jobs.idOf(at)} has lost its neighbour in the queue`;
      if (before !== NONE && jobs.uid[before]! >= jobs.uid[at]!)
        yield `${jobs.idOf(at)} is out of order`;
      if (jobs.classNumber[at] !== jobClass.entity.number)
        yield `${jobs.idOf(at)} is in another's queue`;
      queued.add(at);
      length++;
    }
    if (length !== jobClass.length)
      yield `class ${jobClass.entity.number} counts ${jobClass.length} of ${length}`;
  }
  for (let row = 0; row < jobs.end; row++) {
    if (jobs.uid[row] === NONE) continue;
    const isReady =
      jobs.stateOf(row) === JobState.QUEUED &&
      waitsFor(state, row) === 0 &&
      !derived.delayed.has(row);
    if (isReady !== queued.has(row))
      yield `${jobs.idOf(row)} is ${isReady ? 'not ' : ''}in its queue`;
    if ((jobs.queued[row] === 1) !== queued.has(row)) yield `${jobs.idOf(row)} is marked wrong`;
    if ((derived.waitsFor.get(row) ?? 0) !== waitsFor(state, row)) {
      yield `${jobs.idOf(row)} waits for ${derived.waitsFor.get(row) ?? 0} jobs instead of ${waitsFor(state, row)}`;
    }
  }
}

function waitsFor(state: State, row: number): number {
  if (isJobFinal(state.jobs.stateOf(row))) return 0;
  const uids = state.jobs.after.get(row)?.uids ?? [];
  return uids.filter((uid) => {
    const other = state.jobs.rowOf(uid);
    return other !== undefined && !isJobFinal(state.jobs.stateOf(other));
  }).length;
}

/** Follows jobs and runs from event to event. */
export class Moves {
  readonly #jobs = new Map<number, JobState>();
  readonly #runs = new Map<number, { readonly epoch: number; state: RunState } | undefined>();
  readonly #epochs = new Map<number, number>();

  *check(events: readonly Event[]): Iterable<string> {
    for (const { kind } of events) {
      if (kind?.$case === 'jobSubmitted') {
        this.#jobs.set(kind.value.uid, kind.value.held ? JobState.HELD : JobState.QUEUED);
      } else if (kind?.$case === 'jobChanged') {
        yield* this.#moveJob(kind.value.uid, kind.value.state as JobState);
        const run = this.#runs.get(kind.value.uid);
        if (isJobFinal(kind.value.state as JobState) && run)
          yield `job ${kind.value.job} ended with a live run`;
      } else if (kind?.$case === 'runReserved') {
        const { uid, epoch, job } = kind.value;
        yield* this.#moveJob(uid, JobState.RUNNING);
        if (this.#runs.get(uid) !== undefined) yield `job ${job} has two live runs`;
        if (epoch <= (this.#epochs.get(uid) ?? 0)) yield `epoch ${epoch} of ${job} is not new`;
        this.#epochs.set(uid, epoch);
        this.#runs.set(uid, { epoch, state: RunState.RESERVED });
      } else if (kind?.$case === 'runChanged') {
        yield* this.#moveRun(kind.value.uid, kind.value.epoch, kind.value.state as RunState);
      }
    }
  }

  *#moveJob(uid: number, to: JobState): Iterable<string> {
    const from = this.#jobs.get(uid);
    this.#jobs.set(uid, to);
    // To where it is: only its reason changes, of a job that has not ended.
    const stays = from === to && !isJobFinal(to);
    if (from === undefined || (!stays && !mayJobMove(from, to))) {
      yield `job ${uid} moved from ${nameIn(JobState, from ?? 0)} to ${nameIn(JobState, to)}`;
    }
  }

  *#moveRun(uid: number, epoch: number, to: RunState): Iterable<string> {
    const run = this.#runs.get(uid);
    if (run === undefined || run.epoch !== epoch) {
      yield `run ${epoch} of ${uid} is fenced and moved to ${nameIn(RunState, to)}`;
      return;
    }
    if (!mayRunMove(run.state, to)) {
      yield `run of ${uid} moved from ${nameIn(RunState, run.state)} to ${nameIn(RunState, to)}`;
    }
    if (isRunFinal(to)) this.#runs.set(uid, undefined);
    else run.state = to;
  }
}
