// What a scrape reads, taken from the state and from those who count beside it, in one go. Nothing here is kept: what would cost
// to count at every change is counted when it is asked for, which is a few times a minute.
import { NONE } from '#core/columns.ts';
import { noAmounts, type Amounts, type DataCenter, type State, type Tenant } from '#core/state.ts';
import { DataCenterState, JobState, nameOf, RunState } from '#domain/states.ts';
import { DataCenterClass } from '#gen/isobar/v1/data_center.ts';
import type { DATA_CENTER_STATES } from '#metrics/catalog.ts';
import type {
  Counted,
  DataCenterFigures,
  Figures,
  FigureSource,
  TenantFigures,
} from '#ports/figures.ts';
import type { Log } from '#ports/log.ts';
import type { Leases } from './leases.ts';
import type { Loop } from './loop.ts';
import { PendingDemand } from './pending.ts';
import type { LoopStats } from './stats.ts';

export interface MetricsSourceOptions {
  readonly loop: Loop;
  readonly leases: Pick<Leases, 'condition' | 'silentMs' | 'timesOf'>;
  readonly sessions: { readonly open: number };
  readonly log: Pick<Log, 'head'>;
  /** What the log takes on disk, cheap enough to be asked at every scrape; undefined: it is not in files. */
  readonly logBytes?: () => number | undefined;
}

export class MetricsSource implements FigureSource {
  readonly #options: MetricsSourceOptions;
  readonly #pending: PendingDemand;

  constructor(options: MetricsSourceOptions) {
    this.#options = options;
    this.#pending = new PendingDemand(options.loop.state, options.loop.policy);
  }

  figures(): Figures {
    const { loop, leases, sessions, log, logBytes } = this.#options;
    const { state, stats, gate } = loop;
    const { lastRevision, oldestRevision, checkpointRevision } = log.head;
    const shares = this.#pending.spread();
    const queues = queuesOf(state, loop.setAside);
    return {
      dataCenters: [...state.dataCenters.values()].map((dataCenter) =>
        this.#dataCenter(dataCenter, shares.get(dataCenter.index) ?? NOTHING),
      ),
      tenants: [...state.tenants.values()].map((tenant) =>
        toTenant(tenant, queues.byTenant.get(tenant) ?? NO_QUEUE, loop.nowMs()),
      ),
      ...queues.counts,
      runs: countRuns(state),
      isIsolated: leases.condition !== undefined,
      sessions: sessions.open,
      waitingCommands: loop.waitingCommands,
      waitingOutputs: gate.waiting,
      lagRecords: state.revision - gate.durable,
      checkpointLagRecords: gate.durable - checkpointRevision,
      keptRecords: lastRevision - oldestRevision + 1,
      logBytes: logBytes?.(),
      // Every record has exactly one audit record, which stays when the record is compacted away.
      auditRecords: gate.durable,
      watches: stats.watches,
      counted: toCounted(stats),
    };
  }

  #dataCenter(dataCenter: DataCenter, pending: Amounts): DataCenterFigures {
    const { entity, state, executor, capacity, allocated, foreign, session } = dataCenter;
    const { leases } = this.#options;
    return {
      id: entity.id,
      region: entity.region,
      // The edge lets only classes that are said in.
      class: nameOf(DataCenterClass, entity.class as DataCenterClass) as DataCenterFigures['class'],
      executor,
      latitude: entity.latitude,
      longitude: entity.longitude,
      state: STATE_NAMES[state],
      isReachable: session !== undefined,
      capacity,
      allocated,
      foreign,
      pending,
      nodes: dataCenter.pool.length,
      runs: dataCenter.runs.size,
      unacknowledged: session?.unacknowledged ?? 0,
      silenceSeconds: leases.silentMs(entity.id) / 1000,
      leaseSeconds: leases.timesOf(entity.id).leaseMs / 1000,
    };
  }
}

const NOTHING = noAmounts();

const STATE_NAMES = {
  [DataCenterState.REGISTERED]: 'REGISTERED',
  [DataCenterState.JOINING]: 'JOINING',
  [DataCenterState.ACTIVE]: 'ACTIVE',
  [DataCenterState.CORDONED]: 'CORDONED',
  [DataCenterState.DRAINING]: 'DRAINING',
  [DataCenterState.LEFT]: 'LEFT',
} as const satisfies Record<DataCenterState, (typeof DATA_CENTER_STATES)[number]>;

/** The ready jobs of a tenant. */
interface Queue {
  readonly pending: Amounts;
  readonly oldestMs: number;
  readonly classes: number;
  readonly jobs: number;
}

const NO_QUEUE: Queue = { pending: NOTHING, oldestMs: 0, classes: 0, jobs: 0 };

/** What waits, in one walk over the classes of each tenant. */
function queuesOf(
  state: State,
  setAside: Loop['setAside'],
): {
  readonly counts: Pick<Figures, 'jobs' | 'waitingJobs' | 'waitingClasses'>;
  readonly byTenant: ReadonlyMap<Tenant, Queue>;
} {
  const byTenant = new Map<Tenant, Queue>();
  let readyClasses = 0;
  let readyJobs = 0;
  for (const tenant of state.tenants.values()) {
    const queue = queueOf(state, tenant);
    if (queue.classes > 0) byTenant.set(tenant, queue);
    readyClasses += queue.classes;
    readyJobs += queue.jobs;
  }
  const jobs = countJobs(state);
  const { QUOTA_EXCEEDED: quota, NO_DATA_CENTER: noPlace } = countSetAside(setAside);
  const backingOff = state.derived.delayed.size;
  const waitingClasses = {
    QUOTA_EXCEEDED: quota.classes,
    NO_DATA_CENTER: noPlace.classes,
    NOT_YET_CONSIDERED: readyClasses - quota.classes - noPlace.classes,
  };
  const waitingJobs = {
    QUOTA_EXCEEDED: quota.jobs,
    NO_DATA_CENTER: noPlace.jobs,
    NOT_YET_CONSIDERED: readyJobs - quota.jobs - noPlace.jobs,
    HELD: jobs.HELD,
    BACKING_OFF: backingOff,
    // A queued job that is neither ready nor backing off waits for others.
    WAITS_FOR_JOBS: jobs.QUEUED - readyJobs - backingOff,
  };
  return { counts: { jobs, waitingJobs, waitingClasses }, byTenant };
}

function queueOf(state: State, tenant: Tenant): Queue {
  const pending = noAmounts();
  let oldestMs = Infinity;
  let classes = 0;
  let jobs = 0;
  for (const jobClass of tenant.classes.values()) {
    const { length, total } = jobClass;
    if (length === 0) continue;
    classes++;
    jobs += length;
    // The first of a class is its oldest: classes queue by uid.
    oldestMs = Math.min(oldestMs, state.jobs.createMs[jobClass.head]!);
    for (let i = 0; i < 4; i++) pending[i]! += total[i]! * length;
  }
  return { pending, oldestMs, classes, jobs };
}

function countSetAside(setAside: Loop['setAside']) {
  const counts = {
    QUOTA_EXCEEDED: { classes: 0, jobs: 0 },
    NO_DATA_CENTER: { classes: 0, jobs: 0 },
  };
  for (const [{ length }, { reason }] of setAside) {
    // The scheduler sets classes aside for these two only; a third would count as not considered until it is named here.
    if (length === 0 || (reason.code !== 'QUOTA_EXCEEDED' && reason.code !== 'NO_DATA_CENTER')) {
      continue;
    }
    counts[reason.code].classes++;
    counts[reason.code].jobs += length;
  }
  return counts;
}

/**
 * The sums that the state keeps, told apart by a look at the column of states: a millisecond for a million jobs. A free row shows
 * how its last job ended.
 */
function countJobs({ jobs, derived }: State): Figures['jobs'] {
  let held = 0;
  let stopping = 0;
  const { state: states, end } = jobs;
  for (let row = 0; row < end; row++) {
    const now = states[row];
    if (now === JobState.HELD) held++;
    else if (now === JobState.STOPPING) stopping++;
  }
  return {
    QUEUED: derived.queuedJobs - held,
    HELD: held,
    RUNNING: derived.runningJobs - stopping,
    STOPPING: stopping,
  };
}

function countRuns({ runs }: State): Figures['runs'] {
  const counts = new Float64Array(RunState.FENCED + 1);
  for (let row = 0; row < runs.end; row++) if (runs.job[row] !== NONE) counts[runs.state[row]!]!++;
  return {
    RESERVED: counts[RunState.RESERVED]!,
    ACCEPTED: counts[RunState.ACCEPTED]!,
    STAGING: counts[RunState.STAGING]!,
    RUNNING: counts[RunState.RUNNING]!,
    STOPPING: counts[RunState.STOPPING]!,
    UNKNOWN: counts[RunState.UNKNOWN]!,
  };
}

function toTenant(tenant: Tenant, queue: Queue, nowMs: number): TenantFigures {
  const { entity, queuedJobs, runningJobs, usage, subtreeUsage } = tenant;
  const { quota } = entity;
  return {
    id: entity.id,
    parent: entity.parent,
    homeRegion: entity.homeRegion,
    queuedJobs,
    runningJobs,
    allocated: usage,
    pending: queue.pending,
    subtreeAllocated: subtreeUsage,
    quota:
      quota === undefined
        ? NOTHING
        : [quota.cpuMillis, quota.memoryMib, quota.storageMib, quota.deviceThousandths],
    oldestWaitSeconds: queue === NO_QUEUE ? 0 : Math.max(0, nowMs - queue.oldestMs) / 1000,
  };
}

function toCounted(stats: LoopStats): Counted {
  const commands = [];
  for (const [command, { accepted, refusal }] of stats.commands) {
    commands.push(
      { command, outcome: 'accepted' as const, count: accepted },
      { command, outcome: 'refusal' as const, count: refusal },
    );
  }
  return {
    submissions: stats.submissions,
    jobEnds: stats.jobEnds,
    runEnds: stats.runEnds,
    decisions: { placed: stats.placed, dropped: stats.dropped },
    leaseExpirations: stats.leaseExpirations,
    turns: stats.turns,
    commands,
    appends: stats.appends,
    records: stats.records,
    watchEvents: stats.watchEvents,
    reservationWait: stats.reservationWait,
    startWait: stats.startWait,
    slice: stats.slice,
    pass: stats.pass,
    append: stats.append,
    group: stats.group,
  };
}
