// The thread that reads: lists, watches, specifications and the start, on a connection that cannot write.
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { AuditQuery, AuditRow, AuditVerdict, JobQuery, ListedJob } from '#ports/log.ts';
import { openForReading, toLogError } from './database.ts';
import { AuditReader } from './reader-audit.ts';
import { JobReader } from './reader-jobs.ts';
import { RecordReader } from './reader-records.ts';
import { serve } from './remote.ts';

export interface ReaderData {
  readonly file: string;
}

/** What the thread answers; buffers are packed as reader-records.ts says. */
export interface ReaderApi {
  readRecords(afterRevision: number, limit: number): ArrayBuffer | undefined;
  readSpecs(uids: readonly number[]): Promise<ArrayBuffer>;
  replay(afterRevision: number): Generator<ArrayBuffer>;
  loadCheckpoint(kinds: readonly string[]): Generator<ArrayBuffer>;
  listJobs(query: JobQuery): Promise<ListedJob[]>;
  getJob(tenant: string, job: string): Promise<ListedJob | undefined>;
  listAudit(query: AuditQuery): Promise<AuditRow[]>;
  verifyAudit(): Promise<AuditVerdict>;
  close(): void;
}

if (parentPort === null) throw new Error('this file runs in a worker thread');
const { file } = workerData as ReaderData;

interface Readers {
  readonly database: DatabaseSync;
  readonly records: RecordReader;
  readonly jobs: JobReader;
  readonly audit: AuditReader;
}

/** Opened with the first question: the thread starts while the writer still makes the file. */
let readers: Readers | undefined;
function open(): Readers {
  if (readers !== undefined) return readers;
  const database = openForReading(file);
  const records = new RecordReader(database);
  const jobs = new JobReader(database, records);
  readers = { database, records, jobs, audit: new AuditReader(database) };
  return readers;
}

serve(
  parentPort,
  {
    readRecords: (afterRevision: number, limit: number) =>
      open().records.readRecords(afterRevision, limit),
    readSpecs: (uids: readonly number[]) => open().records.readSpecs(uids),
    replay: (afterRevision: number) => open().records.replay(afterRevision),
    loadCheckpoint: (kinds: readonly string[]) => open().records.loadCheckpoint(kinds),
    listJobs: (query: JobQuery) => open().jobs.listJobs(query),
    getJob: (tenant: string, job: string) => open().jobs.getJob(tenant, job),
    listAudit: (query: AuditQuery) => open().audit.listAudit(query),
    verifyAudit: () => open().audit.verifyAudit(),
    close: () => readers?.database.close(),
  } satisfies ReaderApi,
  (error) => toLogError(error, 'reading the log'),
);
