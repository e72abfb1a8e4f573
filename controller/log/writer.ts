// The one thread that writes. It answers an append when the disk has it, and does its housekeeping between two appends.
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { LogHead } from '#ports/log.ts';
import { firstHash } from './chain.ts';
import { openForWriting, Query, toLogError } from './database.ts';
import type { Synchronous } from './database.ts';
import { damagedRecord, LogError } from './errors.ts';
import { serve } from './remote.ts';
import { nextTurn } from './walk.ts';
import { GroupWriter } from './writer-tables.ts';
import type { ChainEnd } from './writer-tables.ts';

export interface WriterData {
  readonly file: string;
  readonly synchronous: Synchronous;
}

/** What the thread answers. */
export interface WriterApi {
  open(): LogHead;
  append(group: ArrayBuffer): void;
  /** Answers the oldest revision that is left. */
  compact(throughRevision: number): Promise<number>;
  expireArchive(endedBeforeMs: number): Promise<number>;
  close(): void;
}

/** Pages of the WAL that may wait to be moved: 8 MiB, some 10 ms of writing. */
const walPages = 2000;
/** A slice of housekeeping may hold up an append for about so long. */
const sliceMs = 5;

class Writer {
  readonly #database: DatabaseSync;
  readonly #end: ChainEnd;
  readonly #groups: GroupWriter;
  readonly #walState: Query<[busy: number, pages: number, moved: number]>;
  #droppedRevision: number;
  /** The first error is final: what the disk holds after it is known only by opening it again. */
  #failure: LogError | undefined;
  #housekeeping = false;

  constructor(file: string, synchronous: Synchronous) {
    this.#database = openForWriting(file, synchronous);
    this.#droppedRevision = this.#meta('dropped_revision');
    this.#end = this.#findEnd();
    this.#groups = new GroupWriter(this.#database, this.#end);
    this.#walState = new Query(this.#database, 'PRAGMA wal_checkpoint(NOOP)');
  }

  get head(): LogHead {
    return {
      lastRevision: this.#end.revision,
      oldestRevision: this.#droppedRevision + 1,
      checkpointRevision: this.#meta('checkpoint_revision'),
    };
  }

  append(group: ArrayBuffer): void {
    this.#attempt('writing the log', () => this.#groups.write(group));
    if (this.#housekeeping) return;
    // After the answer, which is on its way when this turn ends.
    this.#housekeeping = true;
    setImmediate(() => this.#keepHouse());
  }

  async compact(throughRevision: number): Promise<number> {
    const drop = this.#database.prepare('DELETE FROM records WHERE revision <= ?');
    const crcOf = new Query<[number]>(this.#database, 'SELECT crc FROM records WHERE revision = ?');
    await this.#inSlices('compacting the log', (size) => {
      const allowed = Math.min(throughRevision, this.#meta('checkpoint_revision'));
      const through = Math.min(this.#droppedRevision + size, allowed);
      if (through <= this.#droppedRevision) return false;
      const [crc] = crcOf.get(through) ?? [];
      if (crc === undefined) throw damagedRecord(through, 'missing');
      drop.run(through);
      this.#setMeta('dropped_revision', through);
      this.#setMeta('dropped_crc', crc);
      this.#droppedRevision = through;
      return through < allowed;
    });
    return this.#droppedRevision + 1;
  }

  async expireArchive(endedBeforeMs: number): Promise<number> {
    const find = new Query<[uid: number]>(
      this.#database,
      'SELECT uid FROM ended WHERE end_ms < ? ORDER BY end_ms LIMIT ?',
    );
    const dropJob = this.#database.prepare('DELETE FROM jobs WHERE uid = ?');
    const dropEnd = this.#database.prepare('DELETE FROM ended WHERE uid = ?');
    let expired = 0;
    await this.#inSlices('expiring archived jobs', (size) => {
      const found = find.all(endedBeforeMs, size);
      for (const [uid] of found) {
        expired += Number(dropJob.run(uid).changes);
        dropEnd.run(uid);
      }
      return found.length === size;
    });
    return expired;
  }

  close(): void {
    // After a failure too: SQLite then moves into the database what was committed before, not the group that failed.
    this.#database.close();
    this.#failure ??= new LogError('closed', 'the log is closed: open it again');
  }

  /** Runs one transaction after the other, sized by how long the last one took, with appends in between. */
  async #inSlices(doing: string, slice: (size: number) => boolean): Promise<void> {
    for (let size = 64; ;) {
      const startedMs = performance.now();
      const more = this.#attempt(doing, () => {
        this.#database.exec('BEGIN IMMEDIATE');
        const isMore = slice(size);
        this.#database.exec('COMMIT');
        return isMore;
      });
      this.#keepHouse();
      if (!more) return;
      const tookMs = performance.now() - startedMs;
      if (tookMs > sliceMs) size = Math.max(1, Math.floor(size / 2));
      else if (tookMs < sliceMs / 2) size *= 2;
      await nextTurn();
    }
  }

  /** Moves the WAL into the database when enough has gathered, so that the WAL can begin anew. */
  #keepHouse(): void {
    this.#housekeeping = false;
    if (this.#failure !== undefined) return;
    try {
      const [, pages = 0, moved = 0] = this.#walState.get() ?? [];
      if (pages - moved >= walPages) this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch (error) {
      this.#failure = toLogError(error, 'moving the write-ahead log into the database');
    }
  }

  #attempt<T>(doing: string, write: () => T): T {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return write();
    } catch (error) {
      this.#failure = toLogError(error, doing);
      throw this.#failure;
    }
  }

  #findEnd(): ChainEnd {
    const [revision = this.#droppedRevision, crc = this.#meta('dropped_crc')] =
      new Query<[number, number]>(
        this.#database,
        'SELECT revision, crc FROM records ORDER BY revision DESC LIMIT 1',
      ).get() ?? [];
    const [oldest] =
      new Query<[number | null]>(this.#database, 'SELECT min(revision) FROM records').get() ?? [];
    if (typeof oldest === 'number' && oldest !== this.#droppedRevision + 1) {
      throw damagedRecord(this.#droppedRevision + 1, 'missing');
    }
    // Each record has its audit entry: where one reaches further, the end of the other is gone.
    const [audited = 0, hash] =
      new Query<[number, Uint8Array]>(
        this.#database,
        'SELECT revision, hash FROM audit ORDER BY revision DESC LIMIT 1',
      ).get() ?? [];
    if (audited > revision) throw damagedRecord(revision + 1, 'missing');
    if (audited < revision) {
      throw new LogError(
        'damaged',
        `audit entry ${audited + 1} is missing: restore a backup, and find out who wrote to the database`,
      );
    }
    return {
      revision,
      crc,
      hash: hash === undefined ? firstHash : Buffer.from(hash).toString('hex'),
    };
  }

  #meta(key: string): number {
    const [value] =
      new Query<[number]>(this.#database, 'SELECT value FROM meta WHERE key = ?').get(key) ?? [];
    if (value === undefined) {
      throw new LogError('damaged', `the database has lost its ${key}: restore a backup`);
    }
    return value;
  }

  #setMeta(key: string, value: number): void {
    this.#database.prepare('UPDATE meta SET value = ? WHERE key = ?').run(value, key);
  }
}

if (parentPort === null) throw new Error('this file runs in a worker thread');
const { file, synchronous } = workerData as WriterData;
let writer: Writer | undefined;
const opened = (): Writer => {
  if (writer === undefined) throw new LogError('closed', 'the log is not open');
  return writer;
};

serve(
  parentPort,
  {
    open: () => {
      writer = new Writer(file, synchronous);
      return writer.head;
    },
    append: (group: ArrayBuffer) => opened().append(group),
    compact: (throughRevision: number) => opened().compact(throughRevision),
    expireArchive: (endedBeforeMs: number) => opened().expireArchive(endedBeforeMs),
    close: () => opened().close(),
  } satisfies WriterApi,
  (error) => toLogError(error, 'opening the log'),
);
