import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { restoreBackup } from './backup.ts';
import { logContract } from './contract.ts';
import type { LogPlace } from './contract.ts';
import { databaseName } from './database.ts';
import { appendMore, groupAfter, jobOf, recordsAfter, replayed } from './groups.contract.ts';
import { rowOf, rowsOf, sliceOf, specsOf, uidsOf } from './groups.contract.ts';
import { SqliteLog } from './sqlite.ts';

const columnOf: Readonly<Record<string, string>> = {
  timeMs: 'time_ms',
  actor: 'actor',
  method: 'method',
  requestId: 'request_id',
  tenant: 'tenant',
  resource: 'resource',
  eventCount: 'event_count',
};

function sqlitePlace(directory: string): LogPlace {
  let made = 0;
  return {
    open: () => SqliteLog.open(join(directory, 'log')),
    async damageRecord(revision, how) {
      edit(
        join(directory, 'log'),
        how === 'missing'
          ? 'DELETE FROM records WHERE revision = ?'
          : "UPDATE records SET body = CAST('X' || substr(body, 2) AS BLOB) WHERE revision = ?",
        revision,
      );
    },
    async tamperAudit(revision, change) {
      for (const [field, value] of Object.entries(change)) {
        const sql = `UPDATE audit SET ${columnOf[field]} = ? WHERE revision = ?`;
        edit(join(directory, 'log'), sql, value, revision);
      }
    },
    backupName: () => join(directory, `backup-${++made}`),
    async restore(backup) {
      const restored = join(directory, `restored-${++made}`);
      await restoreBackup(backup, join(restored, 'log'));
      return sqlitePlace(restored);
    },
    remove: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

function edit(directory: string, sql: string, ...parameters: SQLInputValue[]): void {
  const database = new DatabaseSync(join(directory, databaseName));
  database.prepare(sql).run(...parameters);
  database.close();
}

const makeDirectory = (): string => mkdtempSync(join(tmpdir(), 'isobar-log-'));

logContract('SqliteLog', async () => sqlitePlace(makeDirectory()));

let directory: string;
let log: SqliteLog | undefined;
beforeEach(() => {
  directory = makeDirectory();
});
afterEach(async () => {
  await log?.close();
  log = undefined;
  rmSync(directory, { recursive: true, force: true });
});

test('a missing directory is made, for its owner only', async () => {
  const nested = join(directory, 'a', 'b');
  log = await SqliteLog.open(nested);
  expect(statSync(nested).mode & 0o777).toBe(0o700);
});

test('a directory that cannot be made is named', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  await expect(SqliteLog.open(join(file, 'log'))).rejects.toMatchObject({
    kind: 'not-writable',
    message: expect.stringContaining(`${file}/log cannot be written`),
  });
});

test('a second log on a directory is refused and told who has it', async () => {
  log = await SqliteLog.open(directory);
  await expect(SqliteLog.open(directory)).rejects.toMatchObject({
    kind: 'locked',
    message: expect.stringMatching(`in use by process ${process.pid} on .+: stop that, or`),
  });
  await appendMore(log, 1);
  await log.close();
  log = await SqliteLog.open(directory);
  expect(log.head.lastRevision).toBe(1);
});

test('a database of another program is refused and left as it is', async () => {
  const file = join(directory, databaseName);
  const other = new DatabaseSync(file);
  other.exec('CREATE TABLE other (a)');
  other.close();
  await expect(SqliteLog.open(directory)).rejects.toMatchObject({ kind: 'foreign' });
  const same = new DatabaseSync(file);
  expect(same.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
  same.close();

  writeFileSync(
    file,
    'this is no database at all, and long enough to be seen as such. '.repeat(99),
  );
  await expect(SqliteLog.open(directory)).rejects.toMatchObject({ kind: 'foreign' });
});

test('a database of a newer release is refused', async () => {
  log = await SqliteLog.open(directory);
  await log.close();
  edit(directory, 'PRAGMA user_version = 99');
  await expect(SqliteLog.open(directory)).rejects.toMatchObject({
    kind: 'newer',
    message: expect.stringContaining('format 99'),
  });
});

test.each([
  ['its first record', 'DELETE FROM records WHERE revision = 1', 'record 1 '],
  ['its last record', 'DELETE FROM records WHERE revision = 9', 'record 9 '],
  ['its last audit entry', 'DELETE FROM audit WHERE revision = 9', 'audit entry 9 '],
  ['what it says of itself', "DELETE FROM meta WHERE key = 'dropped_crc'", 'dropped_crc'],
])('a log that has lost %s does not open', async (_, sql, named) => {
  log = await SqliteLog.open(directory);
  await appendMore(log, 9, { checkpoint: sliceOf({ completeFrom: 9 }) });
  if (named === 'dropped_crc') await log.compact(9);
  await log.close();
  edit(directory, sql);
  await expect(SqliteLog.open(directory)).rejects.toMatchObject({
    kind: 'damaged',
    message: expect.stringContaining(named),
  });
});

test('a damaged specification, end or checkpoint row is not served', async () => {
  log = await SqliteLog.open(directory);
  await appendMore(log, 1, {
    submitted: [jobOf(1), jobOf(2), jobOf(3)],
    ended: [{ uid: 2, state: 5, endMs: 9, body: new Uint8Array([1]) }],
    checkpoint: sliceOf({ rows: [rowOf('tenant', 'health', 1)] }),
  });
  await log.close();
  edit(directory, "UPDATE jobs SET spec = X'00' WHERE uid = 1");
  edit(directory, "UPDATE ended SET body = X'00' WHERE uid = 2");
  edit(directory, "UPDATE checkpoint SET revision = 0 WHERE kind = 'tenant'");
  log = await SqliteLog.open(directory);
  const damaged = { kind: 'damaged' };
  await expect(specsOf(log, [3, 1])).rejects.toMatchObject(damaged);
  await expect(log.getJob('health', 'job-1')).rejects.toMatchObject(damaged);
  await expect(log.getJob('health', 'job-2')).rejects.toMatchObject(damaged);
  await expect(rowsOf(log)).rejects.toMatchObject(damaged);
  expect(await specsOf(log, [3])).toEqual(['spec 3']);
});

test('an answer to a watch is bounded in bytes', async () => {
  log = await SqliteLog.open(directory);
  const [record] = groupAfter(0, 1).records;
  if (record === undefined) throw new Error('groupAfter() made no record');
  const body = new Uint8Array(1_500_000);
  await appendMore(log, 0, { records: Array.from({ length: 8 }, () => ({ ...record, body })) });
  expect(await recordsAfter(log, 0, 8)).toHaveLength(3);
  expect(await recordsAfter(log, 3, 8)).toHaveLength(3);
  expect(await recordsAfter(log, 6, 8)).toHaveLength(2);
});

test('what a reader of the replay throws ends it', async () => {
  log = await SqliteLog.open(directory);
  await appendMore(log, 10);
  const stopped = log.replay(0, () => {
    throw new Error('no further');
  });
  await expect(stopped).rejects.toThrow('no further');
  expect(await replayed(log, 0)).toHaveLength(10);
});

test('a backup is for its owner only, and nothing else is left beside it', async () => {
  log = await SqliteLog.open(directory);
  await appendMore(log, 10);
  const folder = makeDirectory();
  try {
    expect(await log.backup(join(folder, 'backup'))).toBe(10);
    expect(readdirSync(folder)).toEqual(['backup']);
    expect(statSync(join(folder, 'backup')).mode & 0o777).toBe(0o600);
    await expect(log.backup(join(folder, 'none', 'backup'))).rejects.toMatchObject({
      kind: 'not-writable',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a backup under way is given up when the log closes', async () => {
  log = await SqliteLog.open(directory);
  await appendMore(log, 1000);
  const folder = makeDirectory();
  try {
    const outcome = log.backup(join(folder, 'backup')).catch((error: unknown) => error);
    await log.close();
    expect(await outcome).toMatchObject({ kind: 'closed' });
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a backup is not restored over anything', async () => {
  log = await SqliteLog.open(directory);
  const backup = join(directory, 'backup');
  await log.backup(backup);
  await expect(restoreBackup(backup, directory)).rejects.toMatchObject({ kind: 'exists' });
  const empty = join(directory, 'empty');
  writeFileSync(join(directory, 'no-backup'), '');
  await expect(restoreBackup(join(directory, 'no-backup'), empty)).rejects.toMatchObject({
    kind: 'foreign',
  });
  expect(readdirSync(empty)).toEqual([]);
  await expect(restoreBackup(join(directory, databaseName), empty)).rejects.toMatchObject({
    kind: 'foreign',
    message: expect.stringContaining('not a backup'),
  });
  expect(await restoreBackup(backup, empty)).toBe(0);
  expect(readdirSync(empty)).toEqual([databaseName]);
});

test('jobs are found across segments', async () => {
  log = await SqliteLog.open(directory);
  // Uids far apart lie in segments of their own.
  const uids = [1, 8191, 8192, 8193, 20_000, 90_000, 90_001, 5_000_000];
  await appendMore(log, 1, {
    submitted: uids.map((uid) => jobOf(uid, { job: uid % 2 === 0 ? 'even' : `job-${uid}` })),
  });
  expect(await uidsOf(log, { limit: 1000 })).toEqual(uids.toReversed());
  expect(await uidsOf(log, { tenants: ['health'], limit: 3 })).toEqual([5_000_000, 90_001, 90_000]);
  expect(await uidsOf(log, { user: 'ana', beforeUid: 8193 })).toEqual([8192, 8191, 1]);
  expect((await log.getJob('health', 'even'))?.uid).toBe(5_000_000);
  expect((await log.getJob('health', 'job-1'))?.uid).toBe(1);
});
