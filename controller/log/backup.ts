// Backups: one file with everything, made while the log is in use, and put back only where nothing is.
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { crcOfJob } from './chain.ts';
import { databaseName, openForReading, Query, toLogError } from './database.ts';
import { lockDirectory, prepareDirectory, syncPath } from './directory.ts';
import { LogError } from './errors.ts';
import { AuditReader } from './reader-audit.ts';
import { RecordReader } from './reader-records.ts';
import { startCopier } from './threads.ts';

/** Copies a database that is in use; the file appears under its name when it is whole and durable. */
export async function writeBackup(
  database: string,
  file: string,
  signal: AbortSignal,
): Promise<number> {
  if (existsSync(file)) throw inTheWay(file);
  const part = `${file}.${process.pid}.part`;
  // Made first, so that it is for its owner only from the first byte.
  try {
    closeSync(openSync(part, 'wx', 0o600));
  } catch (error) {
    throw new LogError(
      'not-writable',
      `${part} cannot be made: name a backup in a directory that exists and may be written`,
      { cause: error },
    );
  }
  const copier = startCopier({ file: database });
  const stop = (): void => void copier.stop();
  signal.addEventListener('abort', stop);
  try {
    const revision = await copier.remote.call('copy', resolve(part));
    publish(part, file);
    return revision;
  } finally {
    signal.removeEventListener('abort', stop);
    await copier.stop();
    rmSync(part, { force: true });
    rmSync(`${part}-journal`, { force: true });
  }
}

/** Gives a whole file its name, never another's. */
function publish(part: string, file: string): void {
  try {
    linkSync(part, file);
  } catch (error) {
    if (existsSync(file)) throw inTheWay(file, error);
    // A file system without hard links.
    renameSync(part, file);
  }
  syncPath(dirname(resolve(file)));
}

/** Makes a directory from a backup and verifies all of it; answers the last revision. A directory in use is refused. */
export async function restoreBackup(file: string, directory: string): Promise<number> {
  if (!existsSync(file)) {
    throw new LogError('missing', `there is no backup ${file}: name the file that a backup made`);
  }
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new LogError('exists', `${directory} is not empty: restore into a new directory`);
  }
  refuseLiveDatabase(file);
  prepareDirectory(directory);
  const lock = lockDirectory(directory);
  const part = join(directory, `${databaseName}.part`);
  try {
    await copyFile(file, part);
    chmodSync(part, 0o600);
    syncPath(part);
    const revision = await verifyFile(part);
    renameSync(part, join(directory, databaseName));
    syncPath(directory);
    return revision;
  } catch (error) {
    rmSync(part, { force: true });
    throw toLogError(error, `restoring ${file}`);
  } finally {
    lock.release();
    for (const name of ['lock.db', 'lock.db-journal', 'lock.json']) {
      rmSync(join(directory, name), { force: true });
    }
  }
}

/** The file of a log in use lacks what still lies in its WAL, and would pass for an older log that is whole. */
function refuseLiveDatabase(file: string): void {
  const header = new Uint8Array(20);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, header);
  } finally {
    closeSync(descriptor);
  }
  // https://www.sqlite.org/fileformat.html, 1.3.3: 2 is WAL, which a backup is never in.
  if (header[18] === 2 || header[19] === 2) {
    throw new LogError(
      'foreign',
      `${file} is the database of a log, not a backup: make a backup of that log and restore it`,
    );
  }
}

/** Reads every byte that has a checksum, and lets SQLite look at its own structure. */
async function verifyFile(file: string): Promise<number> {
  const database = openForReading(file);
  try {
    const [verdict] = new Query<[string]>(database, 'PRAGMA quick_check(1)').get() ?? [];
    if (verdict !== 'ok') {
      throw new LogError('damaged', `${file} is damaged (${verdict}): take an earlier backup`);
    }
    return await verifyContents(database);
  } finally {
    database.close();
  }
}

type EndTuple = [uid: number, crc: number, body: Uint8Array];

async function verifyContents(database: DatabaseSync): Promise<number> {
  const records = new RecordReader(database);
  const [dropped = 0] =
    new Query<[number]>(database, "SELECT value FROM meta WHERE key = 'dropped_revision'").get() ??
    [];
  exhaust(records.replay(dropped));
  exhaust(records.loadCheckpoint([]));
  for (const [uid] of new Query<[number]>(database, 'SELECT uid FROM jobs').each()) {
    records.spec(uid);
  }
  const ends = new Query<EndTuple>(database, 'SELECT uid, crc, body FROM ended');
  for (const [uid, crc, body] of ends.each()) {
    if (crcOfJob(uid, body) !== crc) {
      throw new LogError('damaged', `the end of job ${uid} is damaged: take an earlier backup`);
    }
  }
  const { entries, firstBadRevision } = await new AuditReader(database).verifyAudit();
  if (firstBadRevision !== undefined) {
    throw new LogError(
      'damaged',
      `audit entry ${firstBadRevision} is not what was written: take an earlier backup, and find out who changed it`,
    );
  }
  return entries;
}

function exhaust(batches: Generator<ArrayBuffer>): void {
  while (batches.next().done !== true);
}

function inTheWay(file: string, cause?: unknown): LogError {
  return new LogError('exists', `${file} exists: a backup never overwrites, name another file`, {
    cause,
  });
}
