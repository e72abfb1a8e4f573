// Everything that a state says, as text: two states are the same when their texts are. Row numbers, and the order of what has
// no promised order, are not in it; nor are counters that only say that something changed.
import { NONE } from './columns.ts';
import { allocationsOf, type State } from './state.ts';

/** Decided, derived and observed, one line for each thing, so that a difference can be read. */
export function digest(state: State): string {
  return [...decidedLines(state), ...derived(state)].toSorted().join('\n');
}

/** What the log says, and nothing that follows from it. */
export function* decidedLines(state: State): Iterable<string> {
  const { nodes, jobs, runs } = state;
  const { revision, timeMs, federation, incarnation, nextJob, nextClass } = state;
  yield line('federation', { revision, timeMs, federation, incarnation, nextJob, nextClass });
  for (const { entity, revision: at } of state.tenants.values())
    yield line('tenant', { entity, at });
  for (const [name, user] of state.users) yield line('user', { name, ...user });
  for (const [id, { entity, revision: at }] of state.tokens) {
    yield line('token', { ...entity, id, at, secretSha256: [...entity.secretSha256] });
  }
  for (const [id, link] of state.links) yield line('link', { id, ...link });
  for (const dataCenter of state.dataCenters.values()) {
    const { entity, state: at, executor, placement, executorOffers } = dataCenter;
    const own = { revision: dataCenter.revision, at, executor, placement, executorOffers };
    yield line('data center', { entity, ...own });
    for (const [id, row] of dataCenter.nodes) {
      yield line(`node ${entity.id}/${id}`, {
        ...nodes.descriptionOf(row),
        cordoned: nodes.cordoned[row],
        removed: nodes.removed[row],
        revision: nodes.revision[row],
      });
    }
  }
  for (const { entity, key, revision: at } of state.classes.values()) {
    const isIndexed =
      state.classByKey.get(`${entity.tenant} ${key}`)?.entity.number === entity.number;
    yield line('class', { entity, key, at, isIndexed });
  }
  for (let row = 0; row < jobs.end; row++) {
    if (jobs.uid[row] === NONE) continue;
    const columns = [jobs.state, jobs.classNumber, jobs.epoch, jobs.failures, jobs.createMs];
    const more = [jobs.endMs, jobs.notBeforeMs, jobs.expectedRunMs, jobs.exitCode, jobs.revision];
    yield line(`job ${jobs.uid[row]}`, {
      name: [jobs.tenantOf(row), jobs.idOf(row), jobs.jobSetOf(row), jobs.userOf(row)],
      columns: [...columns, ...more].map((column) => column[row]),
      digest: [...jobs.digestOf(row)],
      key: [...jobs.keyOf(row)],
      after: jobs.after.get(row),
      reason: jobs.reasons.get(row),
      found: [
        jobs.rowOf(jobs.uid[row]!) === row,
        jobs.rowOfId(jobs.tenantOf(row), jobs.idOf(row)) === row,
      ],
    });
    const run = jobs.run[row]!;
    if (run === NONE) continue;
    yield line(`run ${jobs.uid[row]}`, {
      state: runs.state[run],
      index: runs.index[run],
      times: [runs.reserveMs[run], runs.startMs[run]],
      at: state.dataCenterList[runs.dataCenter[run]!]?.entity.id,
      decision: runs.decision[run],
      allocations: [...allocationsOf(state, run)].map((at) => allocation(state, at)).toSorted(),
    });
  }
  for (const cell of state.usage.values()) {
    const { tenant, dataCenter, hour, runs: ended, revision: at } = cell;
    const sums = [cell.reserved, cell.granted, cell.wasted].map((sum) => [...sum]);
    yield line(`usage ${tenant}/${dataCenter}/${hour}`, { sums, ended, at });
  }
}

function allocation(state: State, at: number): string {
  const { nodes, allocations } = state;
  const held = allocations.devices.get(at) ?? [];
  const devices = held.map(({ device, thousandths }) => `${device}:${thousandths}`).join(' ');
  const node = nodes.id[allocations.node[at]!]!;
  return `${node} group ${allocations.group[at]} tasks ${allocations.tasks[at]} devices ${devices}`;
}

function* derived(state: State): Iterable<string> {
  const { nodes, jobs, runs } = state;
  const sums = state.derived;
  yield line('sums', {
    live: sums.live,
    capacity: [...sums.capacity],
    allocated: [...sums.allocated],
    jobs: [sums.queuedJobs, sums.runningJobs],
    delayed: uids(state, sums.delayed),
    waitsFor: [...sums.waitsFor].map(([row, count]) => `${jobs.uid[row]} ${count}`).toSorted(),
  });
  for (const [uid, rows] of sums.dependents) {
    if (rows.size > 0) yield line(`dependents ${uid}`, uids(state, rows));
  }
  for (const tenant of state.tenants.values()) {
    const { usage, subtreeUsage, children, queuedJobs, runningJobs, parent } = tenant;
    yield line(`tenant sums ${tenant.entity.id}`, {
      usage: [[...usage], [...subtreeUsage]],
      counts: [children, queuedJobs, runningJobs],
      parent: parent?.entity.id,
      isParentThere: parent === undefined || state.tenants.get(parent.entity.id) === parent,
      classes: [...tenant.classes.keys()].toSorted((a, b) => a - b),
    });
  }
  for (const dataCenter of state.dataCenters.values()) {
    const { entity, capacity, foreign, allocated, pool, session } = dataCenter;
    yield line(`data center sums ${entity.id}`, {
      sums: [capacity, foreign, allocated].map((sum) => [...sum]),
      runs: [...dataCenter.runs].map((run) => jobs.uid[runs.job[run]!]!).toSorted((a, b) => a - b),
      pool: Array.from(pool.rows.subarray(0, pool.length), (row) => nodes.id[row]!).toSorted(),
      session,
    });
    for (const [id, row] of dataCenter.nodes)
      yield line(`room ${entity.id}/${id}`, roomOf(state, row));
  }
  for (const jobClass of state.classes.values()) {
    const queue: number[] = [];
    for (let at = jobClass.head; at !== NONE; at = jobs.next[at]!) queue.push(jobs.uid[at]!);
    const { jobs: count, length, total, tenant } = jobClass;
    const isTenantThere = state.tenants.get(tenant.entity.id) === tenant;
    yield line(`queue ${jobClass.entity.number}`, {
      count,
      length,
      queue,
      total: [...total],
      isTenantThere,
    });
  }
}

function roomOf(state: State, row: number): unknown {
  const { nodes } = state;
  const devices = Array.from(
    { length: nodes.deviceCount[row]! },
    (_, i) => nodes.devices.freeThousandths[nodes.firstDevice[row]! + i],
  );
  const free = [nodes.freeCpuMillis[row], nodes.freeMemoryMib[row], nodes.freeStorageMib[row]];
  const extras = [...(nodes.extras.get(row) ?? [])].filter(
    ([, room]) => room.allocatable !== 0 || room.free !== 0,
  );
  const foreign = [
    nodes.foreignCpuMillis[row],
    nodes.foreignMemoryMib[row],
    nodes.foreignStorageMib[row],
  ];
  return {
    free,
    devices,
    extras: Object.fromEntries(extras),
    foreign,
    allocations: nodes.allocations[row],
  };
}

function uids(state: State, rows: Iterable<number>): number[] {
  return [...rows].map((row) => state.jobs.uid[row]!).toSorted((a, b) => a - b);
}

function line(name: string, value: unknown): string {
  return `${name} ${JSON.stringify(value, sortedKeys)}`;
}

/** Maps of entities may come in any order of their keys. */
function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
