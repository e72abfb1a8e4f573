// Figures for tests: a federation of any size, with every number other than zero.
import type { DataCenterFigures, Figures, Observed, TenantFigures } from '#ports/figures.ts';
import { METRICS } from './catalog.ts';
import type { HistogramName } from './text.ts';

export interface FiguresWords {
  readonly dataCenters?: readonly Partial<DataCenterFigures>[];
  readonly tenants?: readonly Partial<TenantFigures>[];
}

export function toFigures({ dataCenters = [{}], tenants = [{}] }: FiguresWords = {}): Figures {
  return {
    dataCenters: dataCenters.map((words, i) => toDataCenter(`dc-${i}`, words)),
    tenants: tenants.map((words, i) => toTenant(`t-${i}`, words)),
    jobs: { QUEUED: 7, HELD: 1, RUNNING: 5, STOPPING: 2 },
    runs: { RESERVED: 1, ACCEPTED: 2, STAGING: 3, RUNNING: 4, STOPPING: 5, UNKNOWN: 6 },
    waitingJobs: {
      QUOTA_EXCEEDED: 1,
      NO_DATA_CENTER: 2,
      NOT_YET_CONSIDERED: 3,
      HELD: 4,
      WAITS_FOR_JOBS: 5,
      BACKING_OFF: 6,
    },
    waitingClasses: { QUOTA_EXCEEDED: 1, NO_DATA_CENTER: 2, NOT_YET_CONSIDERED: 3 },
    isIsolated: true,
    sessions: 3,
    waitingCommands: 4,
    waitingOutputs: 5,
    lagRecords: 6,
    checkpointLagRecords: 7,
    keptRecords: 8,
    logBytes: 9,
    auditRecords: 10,
    watches: 11,
    counted: {
      submissions: 12,
      jobEnds: { SUCCEEDED: 1, FAILED: 2, CANCELLED: 3 },
      runEnds: { SUCCEEDED: 1, FAILED: 2, STOPPED: 3, FENCED: 4 },
      decisions: { placed: 5, dropped: 6 },
      leaseExpirations: 13,
      turns: 14,
      commands: [{ command: 'submitJobs', outcome: 'accepted', count: 15 }],
      appends: 16,
      records: 17,
      watchEvents: 18,
      reservationWait: observed('isobar_job_reservation_wait_seconds'),
      startWait: observed('isobar_job_start_wait_seconds'),
      slice: observed('isobar_scheduler_slice_seconds'),
      pass: observed('isobar_scheduler_pass_seconds'),
      append: observed('isobar_log_append_seconds'),
      group: observed('isobar_log_group_records'),
    },
  };
}

function toDataCenter(id: string, words: Partial<DataCenterFigures>): DataCenterFigures {
  return {
    id,
    region: 'r1',
    class: 'NATIONAL',
    executor: 'simulated',
    latitude: -6.2,
    longitude: 106.8,
    state: 'ACTIVE',
    isReachable: true,
    capacity: [64_000, 1024, 2048, 8000],
    allocated: [16_000, 256, 0, 500],
    foreign: [1000, 1, 0, 0],
    pending: [64_000, 0, 0, 0],
    nodes: 2,
    runs: 3,
    unacknowledged: 1,
    silenceSeconds: 2.5,
    leaseSeconds: 600,
    ...words,
  };
}

function toTenant(id: string, words: Partial<TenantFigures>): TenantFigures {
  return {
    id,
    parent: '',
    homeRegion: 'r1',
    queuedJobs: 4,
    runningJobs: 3,
    allocated: [1000, 1, 0, 0],
    pending: [2000, 2, 0, 0],
    subtreeAllocated: [3000, 3, 0, 0],
    quota: [4000, 0, 0, 0],
    oldestWaitSeconds: 12,
    ...words,
  };
}

/** One observation in each bucket. */
function observed(name: HistogramName): Observed {
  return { counts: new Float64Array(METRICS[name].buckets.length + 1).fill(1), sum: 1.5 };
}
