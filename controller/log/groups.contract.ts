// Builders and waits for tests of logs: a test says only what matters to it.
import type {
  AppendGroup,
  CheckpointRow,
  CheckpointSlice,
  JobQuery,
  Log,
  StoredJob,
} from '#ports/log.ts';

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
export const decode = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Long for anything that a test asks of a log, short for a person who waits. */
const deadlineMs = 15_000;

export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer to ${what} in time`)), deadlineMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A group of so many records after a revision; record r says `record r`, by `user-r` of tenant `health`. */
export function groupAfter(
  revision: number,
  count: number,
  more: Partial<Omit<AppendGroup, 'firstRevision'>> = {},
): AppendGroup {
  const records = Array.from({ length: count }, (_, at) => ({
    body: encode(`record ${revision + 1 + at}`),
    audit: {
      timeMs: 1_800_000_000_000 + revision + 1 + at,
      actor: `user-${revision + 1 + at}`,
      method: 'SubmitJobs',
      requestId: `request-${revision + 1 + at}`,
      tenant: 'health',
      resource: `tenants/health/jobs/job-${revision + 1 + at}`,
      eventCount: 1,
    },
  }));
  return {
    firstRevision: revision + 1,
    records,
    submitted: [],
    ended: [],
    checkpoint: undefined,
    ...more,
  };
}

export function jobOf(uid: number, more: Partial<StoredJob> = {}): StoredJob {
  return {
    uid,
    tenant: 'health',
    job: `job-${uid}`,
    jobSet: '',
    user: 'ana',
    createMs: 1_800_000_000_000 + uid,
    spec: encode(`spec ${uid}`),
    labels: '',
    ...more,
  };
}

export function rowOf(kind: string, key: string, revision: number): CheckpointRow {
  return { kind, key, revision, body: encode(`${kind} ${key} ${revision}`) };
}

export function sliceOf(more: Partial<CheckpointSlice>): CheckpointSlice {
  return { rows: [], deleted: [], completeFrom: undefined, ...more };
}

export function queryOf(more: Partial<JobQuery> = {}): JobQuery {
  return {
    tenants: undefined,
    jobSet: '',
    user: '',
    labels: [],
    beforeUid: 0,
    limit: 100,
    withSpec: false,
    ...more,
  };
}

/** Rejects with what the log answered. */
export function append(log: Log, group: AppendGroup): Promise<void> {
  const answered = new Promise<void>((resolve, reject) => {
    log.append(group, (error) => (error === undefined ? resolve() : reject(error)));
  });
  return within(`append from ${group.firstRevision}`, answered);
}

/** Appends so many records after the head. */
export async function appendMore(
  log: Log,
  count: number,
  more: Partial<Omit<AppendGroup, 'firstRevision'>> = {},
): Promise<void> {
  await append(log, groupAfter(log.head.lastRevision, count, more));
}

/** What replay gives, as text, with revisions. */
export async function replayed(log: Log, after: number): Promise<[number, string][]> {
  const found: [number, string][] = [];
  await within(
    'replay',
    log.replay(after, (first, bodies) => {
      for (const [at, body] of bodies.entries()) found.push([first + at, decode(body)]);
    }),
  );
  return found;
}

export function recordsAfter(log: Log, after: number, limit = 100): Promise<string[] | undefined> {
  const answered = new Promise<string[] | undefined>((resolve, reject) => {
    log.readRecords(after, limit, (bodies, error) =>
      error === undefined ? resolve(bodies?.map(decode)) : reject(error),
    );
  });
  return within('readRecords', answered);
}

export function specsOf(log: Log, uids: readonly number[]): Promise<(string | undefined)[]> {
  const answered = new Promise<(string | undefined)[]>((resolve, reject) => {
    log.readSpecs(uids, (specs, error) =>
      error === undefined ? resolve(specs.map((spec) => spec && decode(spec))) : reject(error),
    );
  });
  return within('readSpecs', answered);
}

export async function rowsOf(log: Log, kinds: readonly string[] = []): Promise<CheckpointRow[]> {
  const found: CheckpointRow[] = [];
  await within(
    'loadCheckpoint',
    log.loadCheckpoint(kinds, (rows) => found.push(...rows)),
  );
  return found;
}

export async function uidsOf(log: Log, query: Partial<JobQuery> = {}): Promise<number[]> {
  const jobs = await within('listJobs', log.listJobs(queryOf(query)));
  return jobs.map((job) => job.uid);
}
