// The database file: how it is recognised, the settings on which durability stands, and its tables.
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { LogError } from './errors.ts';
import type { LogErrorKind } from './errors.ts';

export const databaseName = 'isobar.db';

/** `ISOB`, where SQLite keeps whose file it is. */
const applicationId = 0x49_53_4f_42;
const schemaVersion = 1;

export type Synchronous = 'FULL' | 'NORMAL';

/**
 * Jobs and audit entries are numbered upwards, and their indexes are cut into segments of so many numbers: a key is segment
 * and hash. A plain index by name puts every job on a page of its own, and each page goes to the log whole: 14 µs a job
 * measured, against 1 µs here. The price is one look in each segment, 1,200 for 10,000,000 jobs, 10 ms.
 */
export const segmentSize = 8192;

export const segmentOf = (number: number): number => Math.floor(number / segmentSize);

/** So many segments have keys of their own; with the hash a key stays below 2^52. */
const distinctSegments = 2 ** 20;

/**
 * Uids begin at 2^40 for each incarnation of the federation, so the number of a segment does not fit beside the hash. Segments
 * that share a key are 8,589,934,592 numbers apart; whoever looks a key up compares the number, or the name, as well.
 */
export const keyOf = (number: number, hash: number): number =>
  (segmentOf(number) % distinctSegments) * 2 ** 32 + hash;

/** FNV-1a over UTF-16 units: finds candidates only, so a collision costs a comparison and nothing else. */
export function hashOf(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

export const hashOfName = (tenant: string, job: string): number =>
  hashOf(job, hashOf('/', hashOf(tenant)));

const tables = `
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- crc is of everything up to and with this record: see chain.ts.
CREATE TABLE records (
  revision INTEGER PRIMARY KEY,
  crc INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE audit (
  revision INTEGER PRIMARY KEY,
  time_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  method TEXT NOT NULL,
  request_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  resource TEXT NOT NULL,
  event_count INTEGER NOT NULL,
  hash BLOB NOT NULL,
  tenant_key INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_by_tenant ON audit (tenant_key);
CREATE INDEX audit_of_people ON audit (revision) WHERE actor <> 'controller';

-- The specification comes last, so that a list does not read it.
CREATE TABLE jobs (
  uid INTEGER PRIMARY KEY,
  create_ms INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  job TEXT NOT NULL,
  job_set TEXT NOT NULL,
  user TEXT NOT NULL,
  labels TEXT NOT NULL,
  name_key INTEGER NOT NULL,
  tenant_key INTEGER NOT NULL,
  user_key INTEGER NOT NULL,
  set_key INTEGER,
  spec_crc INTEGER NOT NULL,
  spec BLOB NOT NULL
) STRICT;
CREATE INDEX jobs_by_name ON jobs (name_key);
CREATE INDEX jobs_by_tenant ON jobs (tenant_key);
CREATE INDEX jobs_by_user ON jobs (user_key);
CREATE INDEX jobs_by_set ON jobs (set_key) WHERE set_key IS NOT NULL;

-- A table of its own: an end that made its job's row longer would split the pages that submissions filled.
CREATE TABLE ended (
  uid INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,
  end_ms INTEGER NOT NULL,
  crc INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX ended_by_time ON ended (end_ms);

CREATE TABLE checkpoint (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  revision INTEGER NOT NULL,
  crc INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('checkpoint_revision', 0), ('dropped_revision', 0), ('dropped_crc', 0);
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${schemaVersion};
`;

/** A statement whose rows come as tuples, which costs half of what objects do. */
export class Query<Row extends readonly unknown[]> {
  readonly #statement: StatementSync;

  constructor(database: DatabaseSync, sql: string) {
    this.#statement = database.prepare(sql);
    this.#statement.setReturnArrays(true);
  }

  // Row is what the SQL beside it selects, and tables are STRICT: the casts hold by construction. Named parameters are one
  // argument, which the declarations know only as an overload of its own.

  get(...parameters: SqlParameters): Row | undefined {
    return this.#statement.get(...(parameters as SQLInputValue[])) as unknown as Row | undefined;
  }

  all(...parameters: SqlParameters): Row[] {
    return this.#statement.all(...(parameters as SQLInputValue[])) as unknown as Row[];
  }

  each(...parameters: SqlParameters): Iterable<Row> {
    return this.#statement.iterate(...(parameters as SQLInputValue[])) as unknown as Iterable<Row>;
  }
}

type SqlParameters = SQLInputValue[] | [named: Readonly<Record<string, SQLInputValue>>];

/** Opens for writing: makes the tables in a new file, refuses one that is not ours. */
export function openForWriting(file: string, synchronous: Synchronous): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 5000 });
  const isNew = checkIdentity(database, file);
  applySettings(database, synchronous);
  if (isNew) database.exec(`BEGIN IMMEDIATE; ${tables} COMMIT`);
  // After a crash the WAL may hold pages that an fsync failed to write and that only the page cache still knows. Whatever
  // recovery found in it is written anew here, so that nothing later stands on them.
  const [busy] = new Query<[number]>(database, 'PRAGMA wal_checkpoint(TRUNCATE)').get() ?? [];
  if (busy !== 0) {
    throw new LogError('locked', `another program reads ${file}: stop it, then start again`);
  }
  return database;
}

export function openForReading(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  if (checkIdentity(database, file)) throw foreign(file);
  return database;
}

/** Reads only, so that a database which is not ours stays as it is. Answers whether it is new and empty. */
function checkIdentity(database: DatabaseSync, file: string): boolean {
  let id: number | undefined;
  let version = 0;
  let objects = 0;
  try {
    [id = 0] = new Query<[number]>(database, 'PRAGMA application_id').get() ?? [];
    [version = 0] = new Query<[number]>(database, 'PRAGMA user_version').get() ?? [];
    [objects = 0] = new Query<[number]>(database, 'SELECT count(*) FROM sqlite_schema').get() ?? [];
  } catch (error) {
    if (!isSqliteError(error) || (error.errcode & 0xff) !== sqliteNotADatabase) throw error;
  }
  if (id === 0 && version === 0 && objects === 0) return true;
  if (id !== applicationId) throw foreign(file);
  if (version > schemaVersion) {
    throw new LogError(
      'newer',
      `${file} has format ${version} and this release knows ${schemaVersion}: start the release that wrote it, or a later one`,
    );
  }
  return false;
}

function foreign(file: string): LogError {
  return new LogError('foreign', `${file} is not a log of Isobar: move it away, or name another`);
}

function applySettings(database: DatabaseSync, synchronous: Synchronous): void {
  const settings: readonly (readonly [name: string, set: string, read: string | number])[] = [
    ['journal_mode', 'WAL', 'wal'],
    ['synchronous', synchronous, synchronous === 'FULL' ? 2 : 1],
    // On macOS a plain fsync does not reach the disk.
    ['fullfsync', 'ON', 1],
    ['foreign_keys', 'ON', 1],
    ['trusted_schema', 'OFF', 0],
    // The writer moves the WAL into the database itself, between appends.
    ['wal_autocheckpoint', '0', 0],
    // A long backup makes the WAL grow; afterwards the file shrinks to this again.
    ['journal_size_limit', String(64 * 1024 * 1024), 64 * 1024 * 1024],
    ['cache_size', '-32000', -32000],
  ];
  for (const [name, set, read] of settings) {
    database.exec(`PRAGMA ${name} = ${set}`);
    const [found] = new Query<[string | number]>(database, `PRAGMA ${name}`).get() ?? [];
    if (found !== read) {
      throw new LogError(
        'settings',
        `SQLite has ${name} = ${found} and not ${read}, so nothing here would be safe: use a local file system and the packaged Node`,
      );
    }
  }
}

const sqliteNotADatabase = 26;

/** What node:sqlite throws. */
export interface SqliteError extends Error {
  readonly errcode: number;
  readonly errstr: string;
}

export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

const meaningByCode: Readonly<Record<number, readonly [kind: LogErrorKind, advice: string]>> = {
  5: ['locked', 'another program has the database open: stop it'],
  8: ['not-writable', 'make the file system and the files writable'],
  10: ['failed', 'look for errors of the disk in the kernel log'],
  11: ['damaged', 'restore a backup'],
  13: ['failed', 'make room on the disk'],
  14: ['not-writable', 'check that the directory and its files may be written'],
  [sqliteNotADatabase]: ['damaged', 'restore a backup'],
};

/** Any failure of writing or opening as one sentence that says what to do. */
export function toLogError(error: unknown, doing: string): LogError {
  if (error instanceof LogError) return error;
  if (!isSqliteError(error)) {
    return new LogError('failed', `${doing} failed: ${String(error)}`, { cause: error });
  }
  const [kind, advice] = meaningByCode[error.errcode & 0xff] ?? ['failed', 'see the cause'];
  return new LogError(
    kind,
    `${doing} failed (${error.message}, SQLite ${error.errcode}): ${advice}, then start again`,
    { cause: error },
  );
}
