// Lists of jobs, and one job by its name.
import type { DatabaseSync } from 'node:sqlite';
import type { JobQuery, ListedJob } from '#ports/log.ts';
import { crcOfJob } from './chain.ts';
import { hashOf, hashOfName, keyOf, Query, segmentSize } from './database.ts';
import { LogError } from './errors.ts';
import type { RecordReader } from './reader-records.ts';
import { walkDown } from './walk.ts';

type JobTuple = [
  uid: number,
  createMs: number,
  tenant: string,
  job: string,
  jobSet: string,
  user: string,
  labels: string,
  state: number | null,
  endMs: number | null,
  endCrc: number | null,
  endBody: Uint8Array | null,
];

const nothing = new Uint8Array(0);

const columns = `j.uid, j.create_ms, j.tenant, j.job, j.job_set, j.user, j.labels,
  e.state, e.end_ms, e.crc, e.body`;

/** By which index a segment is read: the one that leaves least to filter. */
const accessPaths = {
  user: ['INDEXED BY jobs_by_user', 'j.user_key IN (SELECT value FROM json_each($keys))'],
  jobSet: ['INDEXED BY jobs_by_set', 'j.set_key IN (SELECT value FROM json_each($keys))'],
  tenants: ['INDEXED BY jobs_by_tenant', 'j.tenant_key IN (SELECT value FROM json_each($keys))'],
  all: ['NOT INDEXED', '$keys IS NOT NULL'],
} as const;

function listSql(path: keyof typeof accessPaths): string {
  const [index, condition] = accessPaths[path];
  return `SELECT ${columns} FROM jobs j ${index} LEFT JOIN ended e ON e.uid = j.uid
    WHERE j.uid >= $first AND j.uid < $before AND ${condition}
      AND ($user = '' OR j.user = $user)
      AND ($jobSet = '' OR j.job_set = $jobSet)
      AND ($tenants IS NULL OR j.tenant IN (SELECT value FROM json_each($tenants)))
      AND NOT EXISTS (SELECT 1 FROM json_each($labels) l
        WHERE NOT instr(char(10) || j.labels || char(10), char(10) || l.value || char(10)))
    ORDER BY j.uid DESC LIMIT $limit`;
}

export class JobReader {
  readonly #records: RecordReader;
  readonly #lists: Readonly<Record<keyof typeof accessPaths, Query<JobTuple>>>;
  readonly #newest: Query<[number | null]>;
  readonly #named: Query<[uid: number, tenant: string, job: string]>;
  readonly #one: Query<JobTuple>;

  constructor(database: DatabaseSync, records: RecordReader) {
    this.#records = records;
    this.#lists = {
      user: new Query(database, listSql('user')),
      jobSet: new Query(database, listSql('jobSet')),
      tenants: new Query(database, listSql('tenants')),
      all: new Query(database, listSql('all')),
    };
    this.#newest = new Query(database, 'SELECT max(uid) FROM jobs WHERE uid < ?');
    this.#named = new Query(
      database,
      'SELECT uid, tenant, job FROM jobs WHERE name_key = ? ORDER BY uid DESC',
    );
    this.#one = new Query(
      database,
      `SELECT ${columns} FROM jobs j LEFT JOIN ended e ON e.uid = j.uid WHERE j.uid = ?`,
    );
  }

  async listJobs(query: JobQuery): Promise<ListedJob[]> {
    if (query.tenants?.length === 0) return [];
    const [path, selectors] = pathOf(query);
    const hashes = [...new Set(selectors)].map((selector) => hashOf(selector));
    const parameters = {
      $user: query.user,
      $jobSet: query.jobSet,
      $tenants: query.tenants === undefined ? null : JSON.stringify(query.tenants),
      $labels: JSON.stringify(query.labels),
    };
    const found = await walkDown(
      { before: query.beforeUid, limit: query.limit, window: query.limit * 2 },
      (before) => this.#newest.get(before)?.[0],
      (first, before, limit) =>
        this.#lists[path].all({
          ...parameters,
          $first: first,
          $before: before,
          $limit: limit,
          $keys: JSON.stringify(hashes.map((hash) => keyOf(first, hash))),
        }),
    );
    return found.map((row) => this.#toJob(row, query.withSpec));
  }

  async getJob(tenant: string, job: string): Promise<ListedJob | undefined> {
    const hash = hashOfName(tenant, job);
    const [uid] = await walkDown(
      { before: 0, limit: 1, window: segmentSize },
      (before) => this.#newest.get(before)?.[0],
      (first) =>
        this.#named
          .all(keyOf(first, hash))
          .filter((row) => row[1] === tenant && row[2] === job)
          .map((row) => row[0]),
    );
    const row = uid === undefined ? undefined : this.#one.get(uid);
    return row && this.#toJob(row, true);
  }

  #toJob(row: JobTuple, withSpec: boolean): ListedJob {
    const [uid, createMs, tenant, job, jobSet, user, labels, state, endMs, endCrc, body] = row;
    let ended: ListedJob['ended'];
    if (state !== null && endMs !== null && body !== null) {
      if (crcOfJob(uid, body) !== endCrc) {
        throw new LogError('damaged', `the end of job ${uid} is damaged: restore a backup`);
      }
      ended = { uid, state, endMs, body };
    }
    const spec = withSpec ? (this.#records.spec(uid) ?? nothing) : nothing;
    return { uid, tenant, job, jobSet, user, createMs, spec, labels, ended };
  }
}

/** The index to use, and what to look up in it. */
function pathOf(query: JobQuery): [path: keyof typeof accessPaths, selectors: readonly string[]] {
  if (query.user !== '') return ['user', [query.user]];
  if (query.jobSet !== '') return ['jobSet', [query.jobSet]];
  return query.tenants === undefined ? ['all', []] : ['tenants', query.tenants];
}
