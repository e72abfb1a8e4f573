// What the log in SQLite costs: `node bench/log.ts`. A line is `name value unit target met|missed`; lines with # are the
// conditions.
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteLog } from '#log/sqlite.ts';
import type { AppendGroup, StoredJob } from '#ports/log.ts';
import { conditions, figure } from './figure.ts';
import type { Report } from './figure.ts';

const BODY_BYTES = 300;
const SPEC_BYTES = 300;
/** What the event of a submission takes in a record that holds a thousand of them. */
const EVENT_BYTES = 150;
const MILLION = 1_000_000;
/** Half a second to some seconds each: long enough for several passes of the WAL into the database. */
const SINGLE_COMMITS = 10_000;
const RECORDS = 200_000;
const JOBS = 500_000;
const SUBMITTED_JOBS_TARGET = 150_000;
const MAIN_THREAD_US_TARGET = 1.5;

/** Runs everything in a new directory under `place`, which should be on the disk that is to be measured. */
export async function benchLog(report: Report = console.log, place = tmpdir()): Promise<void> {
  const directory = mkdtempSync(join(place, 'isobar-bench-log-'));
  try {
    describeConditions(report, directory);
    measureSync(report, directory);
    await withLog(join(directory, 'commits'), async (log) => measureCommits(report, log));
    for (const size of [10, 100, 1000]) {
      await withLog(join(directory, `groups-${size}`), async (log) =>
        measureGroups(report, log, size),
      );
    }
    await withLog(join(directory, 'jobs'), async (log) => measureJobs(report, log));
    await withLog(join(directory, 'start'), async (log) =>
      measureStart(report, log, join(directory, 'backup')),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function describeConditions(report: Report, directory: string): void {
  const fileSystem = `0x${statfsSync(directory).type.toString(16)}`;
  conditions(
    report,
    `the log in SQLite ${process.versions.sqlite}: WAL, synchronous=FULL, file system ${fileSystem}, one append under way at a time`,
  );
}

/** The floor: one page written over and synced, as often as the disk does it. */
function measureSync(report: Report, directory: string): void {
  const times = 2000;
  const page = new Uint8Array(4096);
  const file = openSync(join(directory, 'sync'), 'w');
  for (let at = 0; at < times; at++) writeSync(file, page);
  fdatasyncSync(file);
  const startedMs = performance.now();
  for (let at = 0; at < times; at++) {
    writeSync(file, page, 0, page.length, at * page.length);
    fdatasyncSync(file);
  }
  figure(report, 'log_disk_syncs', perSecond(times, startedMs), 'syncs/s');
  closeSync(file);
}

async function measureCommits(report: Report, log: SqliteLog): Promise<void> {
  const tookMs: number[] = [];
  const startedMs = performance.now();
  for (let commit = 0; commit < SINGLE_COMMITS; commit++) {
    const beganMs = performance.now();
    await append(log, groupOf(log, { records: 1, bodyBytes: BODY_BYTES, jobs: 0 }));
    tookMs.push(performance.now() - beganMs);
  }
  figure(report, 'log_commits', perSecond(SINGLE_COMMITS, startedMs), 'commits/s');
  figure(report, 'log_commit_p50', quantile(tookMs, 0.5), 'ms');
  figure(report, 'log_commit_p99', quantile(tookMs, 0.99), 'ms');
}

/** Each record submits a job. */
async function measureGroups(report: Report, log: SqliteLog, size: number): Promise<void> {
  const groups = Math.min(RECORDS / size, 4000);
  const startedMs = performance.now();
  for (let group = 0; group < groups; group++) {
    await append(log, groupOf(log, { records: size, bodyBytes: BODY_BYTES, jobs: size }));
  }
  figure(report, `log_records_in_${size}`, perSecond(groups * size, startedMs), 'records/s');
}

/** Batches of submissions as the API makes them: one record with a thousand events, a thousand specifications. */
async function measureJobs(report: Report, log: SqliteLog): Promise<void> {
  const size = 1000;
  let mainMs = 0;
  let workMs = 0;
  const tookMs: number[] = [];
  for (let round = 0; round < JOBS / size; round++) {
    const group = groupOf(log, { records: 1, bodyBytes: EVENT_BYTES * size, jobs: size });
    const beganMs = performance.now();
    const answered = append(log, group);
    mainMs += performance.now() - beganMs;
    await answered;
    tookMs.push(performance.now() - beganMs);
    workMs += performance.now() - beganMs;
  }
  figure(report, 'log_submitted_jobs', (JOBS / workMs) * 1000, 'jobs/s', {
    value: SUBMITTED_JOBS_TARGET,
    better: 'higher',
  });
  figure(report, 'log_append_main_thread', (mainMs * 1000) / JOBS, 'us/job', {
    value: MAIN_THREAD_US_TARGET,
    better: 'lower',
  });
  figure(report, 'log_group_p50', quantile(tookMs, 0.5), 'ms');
  figure(report, 'log_group_p99', quantile(tookMs, 0.99), 'ms');
  await measureReads(report, log);
}

async function measureReads(report: Report, log: SqliteLog): Promise<void> {
  const query = { jobSet: '', labels: [], beforeUid: 0, limit: 100, withSpec: false };
  const timed = async (name: string, read: () => Promise<unknown>): Promise<void> => {
    await read();
    const startedMs = performance.now();
    for (let round = 0; round < 10; round++) await read();
    figure(report, name, (performance.now() - startedMs) / 10, 'ms');
  };
  report(`# reads among ${JOBS} jobs`);
  await timed('log_list_page', () => log.listJobs({ ...query, tenants: undefined, user: '' }));
  await timed('log_list_tenant', () => log.listJobs({ ...query, tenants: ['health'], user: '' }));
  await timed('log_list_unknown_user', () =>
    log.listJobs({ ...query, tenants: undefined, user: 'nobody' }),
  );
  await timed('log_get_job', () => log.getJob('health', 'training-0'));
  await timed('log_get_unknown_job', () => log.getJob('health', 'nothing'));
}

/** What a start reads: a checkpoint and records, with all their checksums. */
async function measureStart(report: Report, log: SqliteLog, backup: string): Promise<void> {
  for (let first = 0; first < MILLION; first += 2000) {
    const group = groupOf(log, { records: 2000, bodyBytes: BODY_BYTES, jobs: 0 });
    const body = new Uint8Array(BODY_BYTES);
    const revision = group.firstRevision;
    const rows = group.records.map((_, at) => ({
      kind: 'job',
      key: String(first + at),
      revision,
      body,
    }));
    await append(log, { ...group, checkpoint: { rows, deleted: [], completeFrom: undefined } });
  }
  let startedMs = performance.now();
  let count = 0;
  await log.replay(0, (_, bodies) => (count += bodies.length));
  figure(report, 'log_replay', perSecond(count, startedMs), 'records/s');

  startedMs = performance.now();
  count = 0;
  await log.loadCheckpoint(['job'], (rows) => (count += rows.length));
  figure(report, 'log_checkpoint_load', perSecond(count, startedMs), 'rows/s');

  startedMs = performance.now();
  const { entries } = await log.verifyAudit();
  figure(report, 'log_audit_verify', perSecond(entries, startedMs), 'entries/s');

  await append(log, {
    ...groupOf(log, { records: 0, bodyBytes: 0, jobs: 0 }),
    checkpoint: { rows: [], deleted: [], completeFrom: MILLION },
  });
  await measureDisturbed(report, log, 'backup', log.backup(backup));
  rmSync(backup);
  await measureDisturbed(report, log, 'compaction', log.compact(MILLION));
}

/** Single commits while something large is under way. */
async function measureDisturbed(
  report: Report,
  log: SqliteLog,
  by: string,
  work: Promise<unknown>,
): Promise<void> {
  const startedMs = performance.now();
  const state = { isOver: false };
  const over = work.finally(() => (state.isOver = true));
  const tookMs: number[] = [];
  while (!state.isOver) {
    const beganMs = performance.now();
    await append(log, groupOf(log, { records: 1, bodyBytes: BODY_BYTES, jobs: 0 }));
    tookMs.push(performance.now() - beganMs);
  }
  await over;
  figure(report, `log_${by}`, (performance.now() - startedMs) / 1000, 's');
  figure(report, `log_commit_p99_during_${by}`, quantile(tookMs, 0.99), 'ms');
}

async function withLog(directory: string, run: (log: SqliteLog) => Promise<void>): Promise<void> {
  const log = await SqliteLog.open(directory);
  try {
    await run(log);
  } finally {
    await log.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function append(log: SqliteLog, group: AppendGroup): Promise<void> {
  return new Promise((resolve, reject) => {
    log.append(group, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

interface Shape {
  readonly records: number;
  readonly bodyBytes: number;
  readonly jobs: number;
}

let lastUid = 0;

function groupOf(log: SqliteLog, { records, bodyBytes, jobs }: Shape): AppendGroup {
  const firstRevision = log.head.lastRevision + 1;
  return {
    firstRevision,
    records: Array.from({ length: records }, (_, at) => ({
      body: new Uint8Array(bodyBytes).fill(65),
      audit: {
        timeMs: 1_800_000_000_000 + at,
        actor: 'spiffe://isobar.internal/tenant/health/user/ana',
        method: 'isobar.v1.JobService/SubmitJobs',
        requestId: `request-${firstRevision + at}`,
        tenant: 'health',
        resource: `tenants/health/jobs/training-${firstRevision + at}`,
        eventCount: Math.max(1, jobs),
      },
    })),
    submitted: Array.from({ length: jobs }, jobOf),
    ended: [],
    checkpoint: undefined,
  };
}

function jobOf(): StoredJob {
  const uid = ++lastUid;
  return {
    uid,
    tenant: ['health', 'energy', 'province-seven'][uid % 3] ?? '',
    // Not in order: names that people choose are not.
    job: `training-${(Math.imul(uid, 0x9e3779b1) >>> 0).toString(36)}`,
    jobSet: '',
    user: `user-${uid % 300}`,
    createMs: 1_800_000_000_000 + uid,
    spec: new Uint8Array(SPEC_BYTES).fill(65),
    labels: `app=scan\nteam=${uid % 10}`,
  };
}

function perSecond(count: number, startedMs: number): number {
  return (count / (performance.now() - startedMs)) * 1000;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

if (import.meta.main) await benchLog();
