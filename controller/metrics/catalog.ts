// Every metric of the controller: the only place where one is named. Dashboards and alerts take names from here, the exporter
// can emit nothing else, and README.md beside this file is generated from it. Imports nothing, so that every room may import it.
//
// Names are `isobar_<thing>_<unit>`, of counters `isobar_<thing>_<unit>_total`. Seconds and bytes are plain; a `ratio` is 1 when
// full and passes 1 where demand does; a `condition` is 1 or 0; an `info` is always 1 and speaks through its labels; an `amount`
// is in the unit that ends its label `resource`; a count has the plural of what it counts as its unit.

/** Values are listed here or come from a set that people keep small. No label ever holds a job or a user. */
type Label = { readonly name: string } & (
  | { readonly values: readonly string[] }
  | { readonly source: string }
);

interface Described {
  readonly help: string;
  readonly unit: string;
  readonly labels: readonly Label[];
}

type Metric =
  | (Described & { readonly type: 'gauge' | 'counter' })
  /** Upper bounds without the last one, which is infinity. */
  | (Described & { readonly type: 'histogram'; readonly buckets: readonly number[] });

/** In the order of `DIMENSIONS` in domain/resources.ts. */
export const RESOURCES = ['cpu_cores', 'memory_bytes', 'storage_bytes', 'devices'] as const;
// Names as in domain/states.ts, domain/reasons.ts and domain/refusal.ts; final states are counted where they are reached.
export const DATA_CENTER_STATES = [
  'REGISTERED',
  'JOINING',
  'ACTIVE',
  'CORDONED',
  'DRAINING',
  'LEFT',
] as const;
export const REACHABLE = ['true', 'false'] as const;
export const JOB_STATES = ['QUEUED', 'HELD', 'RUNNING', 'STOPPING'] as const;
export const JOB_RESULTS = ['SUCCEEDED', 'FAILED', 'CANCELLED'] as const;
export const RUN_STATES = [
  'RESERVED',
  'ACCEPTED',
  'STAGING',
  'RUNNING',
  'STOPPING',
  'UNKNOWN',
] as const;
export const RUN_RESULTS = ['SUCCEEDED', 'FAILED', 'STOPPED', 'FENCED'] as const;
/** Why a class of jobs waits, as the scheduler knows it without looking at each data center again. */
export const CLASS_REASONS = ['QUOTA_EXCEEDED', 'NO_DATA_CENTER', 'NOT_YET_CONSIDERED'] as const;
export const JOB_REASONS = [...CLASS_REASONS, 'HELD', 'WAITS_FOR_JOBS', 'BACKING_OFF'] as const;
export const DECISIONS = ['placed', 'dropped'] as const;
export const PERCENTILES = ['50', '99', '99.9', '100'] as const;

const DATA_CENTER = { name: 'data_center', source: 'ids of registered data centers' } as const;
const TENANT = { name: 'tenant', source: 'ids of tenants' } as const;
const REGION = 'regions that data centers and tenants name';
const METHOD = { name: 'method', source: 'methods in the policy of the edge' } as const;
const CODE = { name: 'code', source: 'OK and the codes of refusals' } as const;
const RESOURCE = { name: 'resource', values: RESOURCES } as const;

const INFO = { type: 'gauge', unit: 'info' } as const;
const GAUGE = { type: 'gauge', labels: [] } as const;
const COUNTER = { type: 'counter', labels: [] } as const;
const OF_DATA_CENTER = { type: 'gauge', labels: [DATA_CENTER] } as const;
const OF_TENANT = { type: 'gauge', labels: [TENANT] } as const;
const DATA_CENTER_AMOUNT = {
  type: 'gauge',
  unit: 'amount',
  labels: [DATA_CENTER, RESOURCE],
} as const;
const TENANT_AMOUNT = { type: 'gauge', unit: 'amount', labels: [TENANT, RESOURCE] } as const;
const SECONDS = { type: 'histogram', unit: 'seconds', labels: [] } as const;

/** A second is a good answer and a day is a bad one. */
const WAIT_BUCKETS = [
  0.01, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400,
] as const;

export const METRICS = {
  // Data centers.
  isobar_data_center_info: {
    ...INFO,
    labels: [
      DATA_CENTER,
      { name: 'region', source: REGION },
      { name: 'class', values: ['NATIONAL', 'REGIONAL', 'AGENCY'] },
      { name: 'executor', source: 'executors that agents name; empty before the first has joined' },
    ],
    help: 'A registered data center, where it is and what it runs jobs with.',
  },
  isobar_data_center_state_info: {
    ...INFO,
    labels: [DATA_CENTER, { name: 'state', values: DATA_CENTER_STATES }],
    help: 'The state that a data center is in; other states have no series.',
  },
  isobar_data_center_reachable_condition: {
    ...OF_DATA_CENTER,
    unit: 'condition',
    help: 'Whether the agent of the data center is connected.',
  },
  isobar_data_center_latitude_degrees: {
    ...OF_DATA_CENTER,
    unit: 'degrees',
    help: 'Degrees north.',
  },
  isobar_data_center_longitude_degrees: {
    ...OF_DATA_CENTER,
    unit: 'degrees',
    help: 'Degrees east.',
  },
  isobar_data_center_capacity_amount: {
    ...DATA_CENTER_AMOUNT,
    help: 'What the nodes of a data center can give to runs and to others.',
  },
  isobar_data_center_allocated_amount: {
    ...DATA_CENTER_AMOUNT,
    help: 'What live runs hold in a data center, those that are not heard of too.',
  },
  isobar_data_center_foreign_amount: {
    ...DATA_CENTER_AMOUNT,
    help: 'What others hold on the nodes of a data center, as its agent last reported.',
  },
  isobar_data_center_pending_amount: {
    ...DATA_CENTER_AMOUNT,
    help: 'What ready jobs ask for, spread by capacity over the data centers where their limits let them run.',
  },
  isobar_data_center_pressure_ratio: {
    type: 'gauge',
    unit: 'ratio',
    labels: [DATA_CENTER, RESOURCE],
    help: 'Allocated and pending by capacity; above 1 more is asked for than there is. No series without capacity.',
  },
  isobar_data_center_nodes: { ...OF_DATA_CENTER, unit: 'nodes', help: 'Nodes that it has.' },
  isobar_data_center_runs: {
    ...OF_DATA_CENTER,
    unit: 'runs',
    help: 'Live runs with a part there.',
  },
  isobar_data_center_unacknowledged_assignments: {
    ...OF_DATA_CENTER,
    unit: 'assignments',
    help: 'Assignments that the agent has not answered; 0 while it is not connected.',
  },
  isobar_data_center_silence_seconds: {
    ...OF_DATA_CENTER,
    unit: 'seconds',
    help: 'Time since the agent was last answered, or since this controller began to count.',
  },
  isobar_data_center_lease_seconds: {
    ...OF_DATA_CENTER,
    unit: 'seconds',
    help: 'How long the silence may be before runs are replaced, drift of clocks not counted.',
  },

  // The federation.
  isobar_federation_data_centers: {
    type: 'gauge',
    unit: 'data_centers',
    labels: [
      { name: 'state', values: DATA_CENTER_STATES },
      { name: 'reachable', values: REACHABLE },
    ],
    help: 'Registered data centers by state and by whether their agents are connected.',
  },
  isobar_federation_jobs: {
    type: 'gauge',
    unit: 'jobs',
    labels: [{ name: 'state', values: JOB_STATES }],
    help: 'Jobs that have not ended.',
  },
  isobar_federation_runs: {
    type: 'gauge',
    unit: 'runs',
    labels: [{ name: 'state', values: RUN_STATES }],
    help: 'Live runs.',
  },
  isobar_controller_isolated_condition: {
    ...GAUGE,
    unit: 'condition',
    help: 'Whether more than half of the data centers are silent, so that nothing is replaced.',
  },
  isobar_agent_sessions: { ...GAUGE, unit: 'sessions', help: 'Open sessions with agents.' },
  isobar_lease_expirations_total: {
    ...COUNTER,
    unit: 'expirations',
    help: 'Leases that ran out with runs under them.',
  },

  // Tenants.
  isobar_tenant_info: {
    ...INFO,
    labels: [
      TENANT,
      { name: 'parent', source: 'ids of tenants; empty for a root' },
      { name: 'home_region', source: REGION },
    ],
    help: 'A tenant, the one above it and the region that its jobs prefer.',
  },
  isobar_tenant_queued_jobs: { ...OF_TENANT, unit: 'jobs', help: 'Its own jobs, queued or held.' },
  isobar_tenant_running_jobs: {
    ...OF_TENANT,
    unit: 'jobs',
    help: 'Its own jobs, running or stopping.',
  },
  isobar_tenant_allocated_amount: { ...TENANT_AMOUNT, help: 'What the runs of its own jobs hold.' },
  isobar_tenant_pending_amount: { ...TENANT_AMOUNT, help: 'What its own ready jobs ask for.' },
  isobar_tenant_subtree_allocated_amount: {
    ...TENANT_AMOUNT,
    help: 'What the runs of its own jobs and of the tenants below it hold.',
  },
  isobar_tenant_quota_amount: {
    ...TENANT_AMOUNT,
    help: 'What its subtree may hold; no series where there is no limit.',
  },
  isobar_tenant_oldest_wait_seconds: {
    ...OF_TENANT,
    unit: 'seconds',
    help: 'Time since the oldest of its ready jobs was submitted; 0 when none is ready.',
  },

  // Waiting.
  isobar_waiting_jobs: {
    type: 'gauge',
    unit: 'jobs',
    labels: [{ name: 'reason', values: JOB_REASONS }],
    help: 'Jobs that wait, by what they wait for.',
  },
  isobar_waiting_classes: {
    type: 'gauge',
    unit: 'classes',
    labels: [{ name: 'reason', values: CLASS_REASONS }],
    help: 'Classes of equal jobs with ready jobs, by what these wait for.',
  },
  isobar_job_reservation_wait_seconds: {
    ...SECONDS,
    buckets: WAIT_BUCKETS,
    help: 'Time from the submission of a job until room was reserved for its first run.',
  },
  isobar_job_start_wait_seconds: {
    ...SECONDS,
    buckets: WAIT_BUCKETS,
    help: 'Time from the submission of a job until the tasks of its first run started, if they did.',
  },

  // Lives of jobs.
  isobar_job_submissions_total: { ...COUNTER, unit: 'submissions', help: 'Jobs accepted.' },
  isobar_job_ends_total: {
    type: 'counter',
    unit: 'ends',
    labels: [{ name: 'result', values: JOB_RESULTS }],
    help: 'Jobs that ended.',
  },
  isobar_run_ends_total: {
    type: 'counter',
    unit: 'ends',
    labels: [{ name: 'result', values: RUN_RESULTS }],
    help: 'Runs that ended.',
  },

  // The scheduler.
  isobar_scheduler_decisions_total: {
    type: 'counter',
    unit: 'decisions',
    labels: [{ name: 'outcome', values: DECISIONS }],
    help: 'Placements decided; dropped ones were stale and their jobs stayed queued.',
  },
  isobar_scheduler_slice_seconds: {
    ...SECONDS,
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
    help: 'Time that the scheduler took from the loop at once.',
  },
  isobar_scheduler_pass_seconds: {
    ...SECONDS,
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    help: 'Time from the first slice of a pass to its last, other work between them included.',
  },

  // The loop and the log.
  isobar_loop_turns_total: { ...COUNTER, unit: 'turns', help: 'Turns of the loop.' },
  isobar_loop_commands_total: {
    type: 'counter',
    unit: 'commands',
    labels: [
      { name: 'command', source: 'kinds of commands in core/command.ts' },
      { name: 'outcome', values: ['accepted', 'refusal'] },
    ],
    help: 'Commands decided.',
  },
  isobar_loop_waiting_commands: { ...GAUGE, unit: 'commands', help: 'Commands not decided yet.' },
  isobar_gate_waiting_outputs: {
    ...GAUGE,
    unit: 'outputs',
    help: 'Answers and messages that wait for what they tell to be durable.',
  },
  isobar_log_appends_total: { ...COUNTER, unit: 'appends', help: 'Groups made durable.' },
  isobar_log_records_total: { ...COUNTER, unit: 'records', help: 'Records made durable.' },
  isobar_log_append_seconds: {
    ...SECONDS,
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    help: 'Time from sending a group to the log until it was durable.',
  },
  isobar_log_group_records: {
    type: 'histogram',
    unit: 'records',
    labels: [],
    buckets: [1, 4, 16, 64, 256, 1024, 4096],
    help: 'Records that were made durable together.',
  },
  isobar_log_lag_records: {
    ...GAUGE,
    unit: 'records',
    help: 'Records in memory, not durable yet.',
  },
  isobar_log_checkpoint_lag_records: {
    ...GAUGE,
    unit: 'records',
    help: 'Records after the last checkpoint, which a restart has to fold.',
  },
  isobar_log_kept_records: { ...GAUGE, unit: 'records', help: 'Records not compacted away.' },
  isobar_log_size_bytes: {
    ...GAUGE,
    unit: 'bytes',
    help: 'Size of the log and its tables on disk; no series where they are not in files.',
  },
  isobar_audit_records_total: {
    ...COUNTER,
    unit: 'records',
    help: 'Audit records since the federation was founded, one for each accepted change.',
  },

  // The edge.
  isobar_watch_streams: { ...GAUGE, unit: 'streams', help: 'Open watches.' },
  isobar_watch_events_total: { ...COUNTER, unit: 'events', help: 'Events sent to watches.' },
  isobar_grpc_calls_total: {
    type: 'counter',
    unit: 'calls',
    labels: [METHOD, CODE],
    help: 'Calls that ended.',
  },
  isobar_grpc_call_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: [METHOD],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
    help: 'Time from the beginning of a call to its end; of a stream, how long it was open.',
  },
  isobar_grpc_open_streams: {
    ...GAUGE,
    unit: 'streams',
    help: 'Open streams of callers and agents.',
  },

  // The process.
  isobar_event_loop_delay_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: [{ name: 'percentile', values: PERCENTILES }],
    help: 'How late timers were, over the last half minute or a little more.',
  },
  isobar_process_resident_memory_bytes: {
    ...GAUGE,
    unit: 'bytes',
    help: 'Memory that the process holds.',
  },
  isobar_process_heap_bytes: {
    ...GAUGE,
    unit: 'bytes',
    help: 'Memory that JavaScript objects take.',
  },
  isobar_process_cpu_seconds_total: { ...COUNTER, unit: 'seconds', help: 'User and system time.' },
  isobar_process_start_time_seconds: {
    ...GAUGE,
    unit: 'seconds',
    help: 'When the process started, since 1970.',
  },
  isobar_build_info: {
    ...INFO,
    labels: [
      { name: 'version', source: 'the release' },
      { name: 'node', source: 'the version of Node.js' },
    ],
    help: 'What runs here.',
  },
  isobar_scrape_render_seconds: {
    ...GAUGE,
    unit: 'seconds',
    help: 'Time that the scrape before this one took from the loop.',
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;

/** Values of the labels of a metric, in their order. */
export type LabelValues<N extends MetricName> = ValuesOf<(typeof METRICS)[N]['labels']>;

type ValuesOf<L extends readonly Label[]> = { readonly [I in keyof L]: ValueOf<L[I]> };
type ValueOf<L> = L extends { readonly values: readonly (infer V extends string)[] } ? V : string;
