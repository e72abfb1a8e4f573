// The log: what is durable. One writer, one lane of appends, and a reader beside it that never blocks the writer.
//
// An adapter keeps five things in one transaction for each append: the records with their chained CRC, an audit entry for
// each record, the jobs that were submitted (with their specifications), the jobs that ended (the archive), and rows of the
// checkpoint under way.

/** A record as it goes to disk. */
export interface AppendRecord {
  /** isobar.log.v1.Record, encoded. */
  readonly body: Uint8Array;
  readonly audit: AuditHeader;
}

/** What the audit keeps of a record. */
export interface AuditHeader {
  readonly timeMs: number;
  readonly actor: string;
  readonly method: string;
  readonly requestId: string;
  readonly tenant: string;
  readonly resource: string;
  readonly eventCount: number;
}

/** A job as lists and the agents' assignments read it. */
export interface StoredJob {
  readonly uid: number;
  readonly tenant: string;
  readonly job: string;
  readonly jobSet: string;
  readonly user: string;
  readonly createMs: number;
  /** Canonical isobar.v1.JobSpec. */
  readonly spec: Uint8Array;
  /** Sorted `key=value` lines, for selecting by label. */
  readonly labels: string;
}

/** What is kept of a job when it has ended. */
export interface EndedJob {
  readonly uid: number;
  readonly state: number;
  readonly endMs: number;
  /** isobar.v1.Job without its specification, encoded: what a reader is shown. */
  readonly body: Uint8Array;
}

/** An entity of decided state as of a revision; `key` is unique within its kind. */
export interface CheckpointRow {
  readonly kind: string;
  readonly key: string;
  readonly revision: number;
  readonly body: Uint8Array;
}

/** A slice of the checkpoint under way. */
export interface CheckpointSlice {
  /** As of revisions that are durable with this append: a row from further ahead would show after a crash what never was. */
  readonly rows: readonly CheckpointRow[];
  /** Entities that are gone; taken away before the rows are written. */
  readonly deleted: readonly { readonly kind: string; readonly key: string }[];
  /** Set in the last slice: a restart loads all rows and folds the records after this revision. */
  readonly completeFrom: number | undefined;
}

/** What one append makes durable, all of it or nothing. */
export interface AppendGroup {
  /** Revision of the first record; the last one so far plus 1. */
  readonly firstRevision: number;
  readonly records: readonly AppendRecord[];
  readonly submitted: readonly StoredJob[];
  readonly ended: readonly EndedJob[];
  readonly checkpoint: CheckpointSlice | undefined;
}

/** Which jobs a list wants; newest first, below `beforeUid`. */
export interface JobQuery {
  /** Ids of tenants; undefined: all. */
  readonly tenants: readonly string[] | undefined;
  readonly jobSet: string;
  readonly user: string;
  /** `key=value`, all of them. */
  readonly labels: readonly string[];
  /** 0: from the newest. */
  readonly beforeUid: number;
  readonly limit: number;
  readonly withSpec: boolean;
}

/** A stored job with its end, when it has ended. */
export interface ListedJob extends Omit<StoredJob, 'spec'> {
  /** Empty unless asked for. */
  readonly spec: Uint8Array;
  readonly ended: EndedJob | undefined;
}

export interface AuditRow extends AuditHeader {
  readonly revision: number;
  readonly hash: Uint8Array;
}

export interface AuditQuery {
  readonly tenants: readonly string[] | undefined;
  /** Without those whose actor is `controller`. */
  readonly peopleOnly: boolean;
  /** 0: from the newest. */
  readonly beforeRevision: number;
  readonly limit: number;
}

export interface AuditVerdict {
  readonly entries: number;
  readonly firstBadRevision: number | undefined;
}

/** Where the log stands. */
export interface LogHead {
  /** 0: empty. */
  readonly lastRevision: number;
  /** First record that is kept; lastRevision + 1 when there is none. */
  readonly oldestRevision: number;
  /** Records after this one must be folded on top of the checkpoint. 0: no checkpoint. */
  readonly checkpointRevision: number;
}

export type Done = (error: Error | undefined) => void;

export interface Log {
  /** As of the last append and the last compaction that were answered. */
  readonly head: LogHead;
  /**
   * All rows, in batches, in the order of kinds given; kinds not named come last. A checkpoint under way when the process
   * ended has left rows that are newer than `checkpointRevision`: an event that is not newer than its row is skipped.
   */
  loadCheckpoint(
    kinds: readonly string[],
    onRows: (rows: readonly CheckpointRow[]) => void,
  ): Promise<void>;
  /** Bodies of the records after a revision, in order, in batches, each verified against its CRC. */
  replay(
    afterRevision: number,
    onRecords: (firstRevision: number, bodies: readonly Uint8Array[]) => void,
  ): Promise<void>;
  /**
   * Makes a group durable. Only one is under way at a time. An error is final: the log takes nothing more, and whether the
   * group is durable is known only when the log is opened again.
   */
  append(group: AppendGroup, done: Done): void;
  /**
   * Up to `limit` records after a revision, for watches that are behind; fewer when they are large, none only at the end.
   * Undefined: compacted away, or, with an error, not readable (nothing damaged is served).
   */
  readRecords(
    afterRevision: number,
    limit: number,
    done: (bodies: readonly Uint8Array[] | undefined, error?: Error) => void,
  ): void;
  /** Specifications by uid, in the order asked; undefined where there is none. With an error all are undefined. */
  readSpecs(
    uids: readonly number[],
    done: (specs: readonly (Uint8Array | undefined)[], error?: Error) => void,
  ): void;
  listJobs(query: JobQuery): Promise<readonly ListedJob[]>;
  getJob(tenant: string, job: string): Promise<ListedJob | undefined>;
  listAudit(query: AuditQuery): Promise<readonly AuditRow[]>;
  verifyAudit(): Promise<AuditVerdict>;
  /** Drops records up to a revision or to the checkpoint, whichever is lower. */
  compact(throughRevision: number): Promise<void>;
  /** Drops archived jobs that ended before; answers how many. */
  expireArchive(endedBeforeMs: number): Promise<number>;
  /** Writes a consistent copy of everything into a new file and answers its revision. */
  backup(file: string): Promise<number>;
  close(): Promise<void>;
}
