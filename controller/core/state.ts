// The whole state on one page. Decided state is what the log says; derived state follows from it and can be rebuilt; observed
// state is what agents last reported and is unknown after a restart. Only `fold` and `observe` write here.
import type {
  DataCenter as DataCenterEntity,
  JobClass as JobClassEntity,
  Link as LinkEntity,
  RunPart,
  Tenant as TenantEntity,
  Token as TokenEntity,
  User as UserEntity,
} from '#gen/isobar/log/v1/entity.ts';
import type { DataCenterState } from '#domain/states.ts';
import { NONE } from './columns.ts';
import { JobTable } from './job-table.ts';
import { NodeTable } from './node-table.ts';
import { Pool } from './pool.ts';
import { AllocationTable, RunTable } from './run-table.ts';

/** Amounts of the four dimensions of domain/resources.ts, in their order. */
export type Amounts = Float64Array;
export const noAmounts = (): Amounts => new Float64Array(4);

export interface Entity<T> {
  readonly entity: T;
  /** Revision of the last change: its etag, and what a checkpoint must write again. */
  readonly revision: number;
}

export interface Tenant {
  entity: TenantEntity;
  revision: number;
  // Derived:
  parent: Tenant | undefined;
  children: number;
  /** Held by the live runs of its own jobs, and of its whole subtree. */
  readonly usage: Amounts;
  readonly subtreeUsage: Amounts;
  queuedJobs: number;
  runningJobs: number;
  /** Classes of its jobs, by number. */
  readonly classes: Map<number, JobClass>;
}

export interface DataCenter {
  entity: DataCenterEntity;
  revision: number;
  /** Position in `dataCenterList`; what node and run columns hold. */
  readonly index: number;
  state: DataCenterState;
  executor: string;
  /** 0 not known, 1 binding, 2 advisory. */
  placement: number;
  executorOffers: readonly string[];
  /** Rows of its nodes by id, removed ones that are still held too. */
  readonly nodes: Map<string, number>;
  // Derived:
  /** Those of its nodes that are not removed. */
  pool: Pool;
  readonly capacity: Amounts;
  readonly foreign: Amounts;
  readonly allocated: Amounts;
  /** Rows of live runs with a part here. */
  readonly runs: Set<number>;
  // Observed:
  session: Session | undefined;
  /** Nothing was heard for longer than its lease: what was sent before does not start there any more. */
  isLeaseOver: boolean;
}

/** An agent that is connected, as long as its lease runs. */
export interface Session {
  readonly number: number;
  /** Assignments without an answer. */
  unacknowledged: number;
  readonly credit: number;
}

export interface JobClass {
  readonly entity: JobClassEntity;
  readonly key: string;
  readonly tenant: Tenant;
  /** What all tasks of one job hold together. */
  readonly total: Amounts;
  revision: number;
  // Derived:
  /** Jobs that are known: also those that ended and are remembered. */
  jobs: number;
  /** Jobs ready to be placed, a list through the columns `previous` and `next` of the job table, by uid. */
  head: number;
  tail: number;
  /** Where a job was put in last: the next one that comes back belongs near it. May be in the list no longer. */
  near: number;
  length: number;
}

export interface UsageCell {
  readonly tenant: string;
  readonly dataCenter: string;
  readonly hour: number;
  readonly reserved: Amounts;
  readonly granted: Amounts;
  readonly wasted: Amounts;
  runs: number;
  revision: number;
}

export interface State {
  revision: number;
  /** Time of the last record; `now` never runs behind it. */
  timeMs: number;
  federation: string;
  incarnation: number;
  /** Number in the uid of the next job. */
  nextJob: number;
  nextClass: number;
  readonly tenants: Map<string, Tenant>;
  /** By resource name. */
  readonly users: Map<string, Entity<UserEntity>>;
  readonly tokens: Map<string, Entity<TokenEntity>>;
  readonly dataCenters: Map<string, DataCenter>;
  /** By index; undefined: deleted, the index is not used again. */
  readonly dataCenterList: (DataCenter | undefined)[];
  readonly links: Map<string, Entity<LinkEntity>>;
  readonly classes: Map<number, JobClass>;
  readonly classByKey: Map<string, JobClass>;
  readonly nodes: NodeTable;
  readonly jobs: JobTable;
  readonly runs: RunTable;
  readonly allocations: AllocationTable;
  /** By `tenant/dataCenter/hour`. */
  readonly usage: Map<string, UsageCell>;
  /** Entities that are gone since the last checkpoint, as kind and key. */
  readonly gone: { readonly kind: string; readonly key: string }[];
  readonly derived: Derived;
  /**
   * Only while a restart folds the records after a fuzzy checkpoint: revisions of rows that are newer than the checkpoint.
   * Their entities skip events up to that revision.
   */
  ahead: Map<string, number> | undefined;
  /**
   * Only while a restart folds: where each run is, by its row. A row of the checkpoint may name a node that came after the
   * checkpoint began, so places are looked up when everything is there.
   */
  parts: Map<number, readonly RunPart[]> | undefined;
}

interface Derived {
  /** False while a restart loads: derived state is then rebuilt at the end instead of kept. */
  live: boolean;
  readonly capacity: Amounts;
  readonly allocated: Amounts;
  queuedJobs: number;
  runningJobs: number;
  /** From the uid of a job to the rows of the jobs that wait for it. */
  readonly dependents: Map<number, Set<number>>;
  /** For jobs that wait for others: how many. */
  readonly waitsFor: Map<number, number>;
  /** Jobs that wait for their next attempt. */
  readonly delayed: Set<number>;
  /** Counts every growth of room or of a quota; per data center the count of its last growth. */
  growth: number;
  readonly grownAt: number[];
  /** Counts changes of data centers, of what their nodes are, and of links: what was computed from the map before is stale. */
  mapVersion: number;
  /** Classes that got a job since the scheduler last looked. */
  readonly touched: Set<JobClass>;
}

export function emptyState(): State {
  return {
    revision: 0,
    timeMs: 0,
    federation: '',
    incarnation: 0,
    nextJob: 1,
    nextClass: 1,
    tenants: new Map(),
    users: new Map(),
    tokens: new Map(),
    dataCenters: new Map(),
    dataCenterList: [],
    links: new Map(),
    classes: new Map(),
    classByKey: new Map(),
    nodes: new NodeTable(),
    jobs: new JobTable(),
    runs: new RunTable(),
    allocations: new AllocationTable(),
    usage: new Map(),
    gone: [],
    derived: emptyDerived(),
    ahead: undefined,
    parts: undefined,
  };
}

function emptyDerived(): Derived {
  return {
    live: true,
    capacity: noAmounts(),
    allocated: noAmounts(),
    queuedJobs: 0,
    runningJobs: 0,
    dependents: new Map(),
    waitsFor: new Map(),
    delayed: new Set(),
    growth: 0,
    grownAt: [],
    mapVersion: 0,
    touched: new Set(),
  };
}

/** The rows of a run's allocations. */
export function* allocationsOf(state: State, run: number): Iterable<number> {
  for (let at = state.runs.allocation[run]!; at !== NONE; at = state.allocations.next[at]!)
    yield at;
}

/** Whether an entity was loaded from a checkpoint row that already holds the effects of this revision. */
export function isAhead(
  state: State,
  kind: string,
  key: string | number,
  revision: number,
): boolean {
  if (state.ahead === undefined) return false;
  const row = state.ahead.get(`${kind}/${key}`);
  return row !== undefined && row >= revision;
}
