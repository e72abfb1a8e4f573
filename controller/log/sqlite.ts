// The log in SQLite, for one controller on one machine. It survives kill -9 and power cuts: an append is answered when the
// disk has it (WAL, synchronous=FULL). SQLite is synchronous, so it runs in two threads, one that writes and one that reads.
import { join } from 'node:path';
import type {
  AppendGroup,
  AuditQuery,
  AuditRow,
  AuditVerdict,
  CheckpointRow,
  Done,
  JobQuery,
  ListedJob,
  Log,
  LogHead,
} from '#ports/log.ts';
import { writeBackup } from './backup.ts';
import { checkGroup } from './check.ts';
import { databaseName } from './database.ts';
import type { Synchronous } from './database.ts';
import { lockDirectory, prepareDirectory } from './directory.ts';
import type { DirectoryLock } from './directory.ts';
import { LogError } from './errors.ts';
import { packGroup } from './frame.ts';
import { Unpacker } from './pack.ts';
import type { ReaderApi } from './reader.ts';
import { startReader, startWriter } from './threads.ts';
import type { Thread } from './threads.ts';
import type { WriterApi } from './writer.ts';

export interface SqliteLogOptions {
  /** NORMAL loses acknowledged appends in a power cut. It is here for the test that proves that FULL does not. */
  readonly synchronous?: Synchronous;
}

export class SqliteLog implements Log {
  readonly #directory: string;
  readonly #lock: DirectoryLock;
  readonly #writer: Thread<WriterApi>;
  readonly #reader: Thread<ReaderApi>;
  #head: LogHead;
  #appending = false;
  /** What every append is answered from now on: the first error is final. */
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  readonly #backups = new Set<AbortController>();

  /** Makes the directory when it is missing. Rejects with a LogError whose message says what to do. */
  static async open(directory: string, options: SqliteLogOptions = {}): Promise<SqliteLog> {
    prepareDirectory(directory);
    const lock = lockDirectory(directory);
    const file = join(directory, databaseName);
    const writer = startWriter({ file, synchronous: options.synchronous ?? 'FULL' });
    const reader = startReader({ file });
    try {
      const head = await writer.remote.call('open');
      return new SqliteLog(directory, lock, writer, reader, head);
    } catch (error) {
      await Promise.all([writer.stop(), reader.stop()]);
      lock.release();
      throw error;
    }
  }

  private constructor(
    directory: string,
    lock: DirectoryLock,
    writer: Thread<WriterApi>,
    reader: Thread<ReaderApi>,
    head: LogHead,
  ) {
    this.#directory = directory;
    this.#lock = lock;
    this.#writer = writer;
    this.#reader = reader;
    this.#head = head;
  }

  get head(): LogHead {
    return this.#head;
  }

  append(group: AppendGroup, done: Done): void {
    if (this.#appending) throw new Error('an append is under way: wait until it is answered');
    if (this.#closing !== undefined) return queueMicrotask(() => done(closed()));
    this.#failure ??= checkGroup(this.#head, group);
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      return queueMicrotask(() => done(failure));
    }
    this.#appending = true;
    const buffer = packGroup(group);
    const lastRevision = group.firstRevision + group.records.length - 1;
    const checkpointRevision = group.checkpoint?.completeFrom ?? this.#head.checkpointRevision;
    this.#writer.remote.send(
      'append',
      [buffer],
      (error) => {
        this.#appending = false;
        this.#failure ??= error;
        if (error === undefined) this.#head = { ...this.#head, lastRevision, checkpointRevision };
        done(error);
        this.#onIdle?.();
      },
      [buffer],
    );
  }

  loadCheckpoint(
    kinds: readonly string[],
    onRows: (rows: readonly CheckpointRow[]) => void,
  ): Promise<void> {
    return this.#reader.remote.stream('loadCheckpoint', [kinds], (batch) => {
      const from = new Unpacker(batch);
      const rows: CheckpointRow[] = [];
      while (!from.atEnd) {
        rows.push({
          kind: from.text(0),
          key: from.text(1),
          revision: from.number(),
          body: from.bytes(),
        });
      }
      onRows(rows);
    });
  }

  replay(
    afterRevision: number,
    onRecords: (firstRevision: number, bodies: readonly Uint8Array[]) => void,
  ): Promise<void> {
    return this.#reader.remote.stream('replay', [afterRevision], (batch) => {
      const from = new Unpacker(batch);
      const firstRevision = from.number();
      onRecords(firstRevision, bodiesOf(from));
    });
  }

  readRecords(
    afterRevision: number,
    limit: number,
    done: (bodies: readonly Uint8Array[] | undefined, error?: Error) => void,
  ): void {
    this.#reader.remote.send('readRecords', [afterRevision, limit], (error, batch) => {
      if (error === undefined) done(batch && bodiesOf(new Unpacker(batch)));
      else done(undefined, error);
    });
  }

  readSpecs(
    uids: readonly number[],
    done: (specs: readonly (Uint8Array | undefined)[], error?: Error) => void,
  ): void {
    this.#reader.remote.send('readSpecs', [uids], (error, batch) => {
      if (batch === undefined) {
        done(
          uids.map(() => undefined),
          error,
        );
        return;
      }
      const from = new Unpacker(batch);
      done(uids.map(() => (from.number() === 1 ? from.bytes() : undefined)));
    });
  }

  listJobs(query: JobQuery): Promise<readonly ListedJob[]> {
    return this.#reader.remote.call('listJobs', query);
  }

  getJob(tenant: string, job: string): Promise<ListedJob | undefined> {
    return this.#reader.remote.call('getJob', tenant, job);
  }

  listAudit(query: AuditQuery): Promise<readonly AuditRow[]> {
    return this.#reader.remote.call('listAudit', query);
  }

  verifyAudit(): Promise<AuditVerdict> {
    return this.#reader.remote.call('verifyAudit');
  }

  async compact(throughRevision: number): Promise<void> {
    const oldestRevision = await this.#change(() =>
      this.#writer.remote.call('compact', throughRevision),
    );
    this.#head = { ...this.#head, oldestRevision };
  }

  expireArchive(endedBeforeMs: number): Promise<number> {
    return this.#change(() => this.#writer.remote.call('expireArchive', endedBeforeMs));
  }

  /** Housekeeping writes too: what failed once writes no more, and what fails here is final for appends as well. */
  async #change<T>(write: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await write();
    } catch (error) {
      const isClosed = error instanceof LogError && error.kind === 'closed';
      if (error instanceof Error && !isClosed) this.#failure ??= error;
      throw error;
    }
  }

  async backup(file: string): Promise<number> {
    if (this.#closing !== undefined) throw closed();
    const abort = new AbortController();
    this.#backups.add(abort);
    try {
      return await writeBackup(join(this.#directory, databaseName), file, abort.signal);
    } finally {
      this.#backups.delete(abort);
    }
  }

  /** An append under way is still answered; a backup under way is given up. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const backup of this.#backups) backup.abort();
    if (this.#appending) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    // The reader first: whoever closes last moves the WAL into the database, and only the writer can.
    await this.#reader.remote.call('close').catch(() => {});
    await this.#reader.stop();
    await this.#writer.remote.call('close').catch(() => {});
    await this.#writer.stop();
    this.#lock.release();
  }
}

function bodiesOf(from: Unpacker): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  while (!from.atEnd) bodies.push(from.bytes());
  return bodies;
}

function closed(): LogError {
  return new LogError('closed', 'the log is closed: open it again');
}
