// What a scrape reads of the controller, all of one moment. The names and what they mean are in metrics/catalog.ts; here are the
// numbers as whoever has them keeps them, so that handing them over costs nothing.
import type { LabelValues, MetricName } from '#metrics/catalog.ts';

/** A number for each value of the only label of a metric. */
type CountsOf<N extends MetricName> = Readonly<
  Record<Extract<LabelValues<N>, readonly [string]>[0], number>
>;

/** In the order and units of `DIMENSIONS` in domain/resources.ts; good until the reader returns. */
export type Amounts = ArrayLike<number>;

/** What was observed so far: how often in each bucket of the catalog (the last one is all above), and the sum. */
export interface Observed {
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

export interface DataCenterFigures {
  readonly id: string;
  readonly region: string;
  readonly class: LabelValues<'isobar_data_center_info'>[2];
  readonly executor: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly state: LabelValues<'isobar_data_center_state_info'>[1];
  readonly isReachable: boolean;
  readonly capacity: Amounts;
  readonly allocated: Amounts;
  readonly foreign: Amounts;
  /** Its share of what ready jobs ask for. */
  readonly pending: Amounts;
  readonly nodes: number;
  readonly runs: number;
  readonly unacknowledged: number;
  readonly silenceSeconds: number;
  readonly leaseSeconds: number;
}

export interface TenantFigures {
  readonly id: string;
  /** Empty: a root. */
  readonly parent: string;
  readonly homeRegion: string;
  readonly queuedJobs: number;
  readonly runningJobs: number;
  readonly allocated: Amounts;
  readonly pending: Amounts;
  readonly subtreeAllocated: Amounts;
  /** 0: no limit. */
  readonly quota: Amounts;
  readonly oldestWaitSeconds: number;
}

/** Counts since this controller started. */
export interface Counted {
  readonly submissions: number;
  readonly jobEnds: CountsOf<'isobar_job_ends_total'>;
  readonly runEnds: CountsOf<'isobar_run_ends_total'>;
  readonly decisions: CountsOf<'isobar_scheduler_decisions_total'>;
  readonly leaseExpirations: number;
  readonly turns: number;
  readonly commands: Iterable<{
    readonly command: string;
    readonly outcome: 'accepted' | 'refusal';
    readonly count: number;
  }>;
  readonly appends: number;
  readonly records: number;
  readonly watchEvents: number;
  readonly reservationWait: Observed;
  readonly startWait: Observed;
  readonly slice: Observed;
  readonly pass: Observed;
  readonly append: Observed;
  readonly group: Observed;
}

export interface Figures {
  readonly dataCenters: readonly DataCenterFigures[];
  readonly tenants: readonly TenantFigures[];
  readonly jobs: CountsOf<'isobar_federation_jobs'>;
  readonly runs: CountsOf<'isobar_federation_runs'>;
  readonly waitingJobs: CountsOf<'isobar_waiting_jobs'>;
  readonly waitingClasses: CountsOf<'isobar_waiting_classes'>;
  readonly isIsolated: boolean;
  readonly sessions: number;
  readonly waitingCommands: number;
  readonly waitingOutputs: number;
  readonly lagRecords: number;
  readonly checkpointLagRecords: number;
  readonly keptRecords: number;
  /** Undefined: not in files. */
  readonly logBytes: number | undefined;
  readonly auditRecords: number;
  readonly watches: number;
  readonly counted: Counted;
}

export interface FigureSource {
  /** All of one moment: the caller renders it before it lets anything else run. */
  figures(): Figures;
}
