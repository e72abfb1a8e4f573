// The lives of jobs, runs and data centers: which state may follow which. Numbers are those of the API and of the log.

export const JobState = {
  QUEUED: 1,
  HELD: 2,
  RUNNING: 3,
  STOPPING: 4,
  SUCCEEDED: 5,
  FAILED: 6,
  CANCELLED: 7,
} as const;
export type JobState = (typeof JobState)[keyof typeof JobState];

export const RunState = {
  RESERVED: 1,
  SENT: 2,
  ACCEPTED: 3,
  STAGING: 4,
  RUNNING: 5,
  STOPPING: 6,
  SUCCEEDED: 7,
  FAILED: 8,
  STOPPED: 9,
  UNKNOWN: 10,
  FENCED: 11,
} as const;
export type RunState = (typeof RunState)[keyof typeof RunState];

export const DataCenterState = {
  REGISTERED: 1,
  JOINING: 2,
  ACTIVE: 3,
  CORDONED: 4,
  DRAINING: 5,
  LEFT: 6,
} as const;
export type DataCenterState = (typeof DataCenterState)[keyof typeof DataCenterState];

/** RUNNING → QUEUED is a run that was lost, requeued or is tried again. */
const JOB_MOVES = {
  [JobState.QUEUED]: [JobState.HELD, JobState.RUNNING, JobState.CANCELLED, JobState.FAILED],
  [JobState.HELD]: [JobState.QUEUED, JobState.CANCELLED],
  [JobState.RUNNING]: [
    JobState.QUEUED,
    JobState.STOPPING,
    JobState.SUCCEEDED,
    JobState.FAILED,
    JobState.CANCELLED,
  ],
  [JobState.STOPPING]: [
    JobState.QUEUED,
    JobState.HELD,
    JobState.SUCCEEDED,
    JobState.FAILED,
    JobState.CANCELLED,
  ],
  [JobState.SUCCEEDED]: [],
  [JobState.FAILED]: [],
  [JobState.CANCELLED]: [],
} as const satisfies Record<JobState, readonly JobState[]>;

/**
 * SENT is what the controller knows of a message under way: it is observed, never logged, because sending an assignment
 * twice is harmless. A report may skip phases, so every live phase leads to all later ones. UNKNOWN keeps its room.
 */
const RUN_MOVES = {
  [RunState.RESERVED]: after(RunState.RESERVED),
  [RunState.SENT]: after(RunState.SENT),
  [RunState.ACCEPTED]: after(RunState.ACCEPTED),
  [RunState.STAGING]: after(RunState.STAGING),
  [RunState.RUNNING]: after(RunState.RUNNING),
  [RunState.STOPPING]: after(RunState.STOPPING),
  [RunState.UNKNOWN]: [
    RunState.ACCEPTED,
    RunState.STAGING,
    RunState.RUNNING,
    RunState.STOPPING,
    RunState.SUCCEEDED,
    RunState.FAILED,
    RunState.STOPPED,
    RunState.FENCED,
  ],
  [RunState.SUCCEEDED]: [],
  [RunState.FAILED]: [],
  [RunState.STOPPED]: [],
  [RunState.FENCED]: [],
} as const satisfies Record<RunState, readonly RunState[]>;

/**
 * DRAINING → LEFT comes by itself, when the last run has ended. Only people undo what people asked for: a data center that has
 * left comes back with an uncordon, and not because its agent says hello, which every restart of a machine makes it do.
 */
const DATA_CENTER_MOVES = {
  [DataCenterState.REGISTERED]: [DataCenterState.JOINING, DataCenterState.LEFT],
  [DataCenterState.JOINING]: [DataCenterState.ACTIVE, DataCenterState.LEFT],
  [DataCenterState.ACTIVE]: [DataCenterState.CORDONED, DataCenterState.DRAINING],
  [DataCenterState.CORDONED]: [DataCenterState.ACTIVE, DataCenterState.DRAINING],
  [DataCenterState.DRAINING]: [DataCenterState.ACTIVE, DataCenterState.LEFT],
  [DataCenterState.LEFT]: [DataCenterState.ACTIVE],
} as const satisfies Record<DataCenterState, readonly DataCenterState[]>;

export function mayJobMove(from: JobState, to: JobState): boolean {
  return (JOB_MOVES[from] as readonly JobState[]).includes(to);
}

export function mayRunMove(from: RunState, to: RunState): boolean {
  return (RUN_MOVES[from] as readonly RunState[]).includes(to);
}

export function mayDataCenterMove(from: DataCenterState, to: DataCenterState): boolean {
  return (DATA_CENTER_MOVES[from] as readonly DataCenterState[]).includes(to);
}

export function isJobFinal(state: JobState): boolean {
  return state >= JobState.SUCCEEDED;
}

export function isRunFinal(state: RunState): boolean {
  return state >= RunState.SUCCEEDED && state !== RunState.UNKNOWN;
}

/** Name of a state for people, metrics and events, for example `QUEUED`. */
export function nameOf<T extends number>(states: Readonly<Record<string, T>>, state: T): string {
  for (const [name, value] of Object.entries(states)) if (value === state) return name;
  return 'UNSPECIFIED';
}

function after(state: RunState): readonly RunState[] {
  return Object.values(RunState).filter((next) => next > state && next !== RunState.SENT);
}
