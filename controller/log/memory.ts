// A log in memory: for the simulator, which decides when an append returns, when it fails and what a crash leaves, and for
// tests. It keeps the whole contract of the port.
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
import { LogError } from './errors.ts';
import { MemoryDisk } from './memory-disk.ts';

/** Calls back later, never inside the call: an append has become durable, or a read is answered. */
export type Schedule = (call: () => void, what: 'append' | 'read') => void;

export interface MemoryLogOptions {
  /** What an earlier log made durable; a new, empty one when absent. */
  readonly disk?: MemoryDisk;
  readonly schedule?: Schedule;
}

export class MemoryLog implements Log {
  readonly disk: MemoryDisk;
  readonly #schedule: Schedule;
  /** Set for the next append only: it fails, and its group is then not on the disk, or is. */
  #failNext: { readonly when: 'before' | 'after'; readonly error: Error } | undefined;
  #underWay: { readonly group: AppendGroup; readonly done: Done } | undefined;
  /** What every append is answered from now on. */
  #failure: Error | undefined;
  #state: 'open' | 'closed' | 'crashed' = 'open';
  /** Waits for the append under way. */
  #onIdle: (() => void) | undefined;

  constructor({
    disk = new MemoryDisk(),
    schedule = (call) => queueMicrotask(call),
  }: MemoryLogOptions = {}) {
    this.disk = disk;
    this.#schedule = schedule;
  }

  get head(): LogHead {
    return this.disk.head;
  }

  append(group: AppendGroup, done: Done): void {
    if (this.#underWay !== undefined) {
      throw new Error('an append is under way: wait until it is answered');
    }
    if (this.#state === 'closed') {
      this.#schedule(() => done(closed()), 'append');
      return;
    }
    this.#underWay = { group, done };
    this.#schedule(() => this.#finishAppend(), 'append');
  }

  #finishAppend(): void {
    const underWay = this.#underWay;
    if (underWay === undefined || this.#state === 'crashed') return;
    this.#underWay = undefined;
    this.#failure ??= this.#write(underWay.group);
    underWay.done(this.#failure);
    this.#onIdle?.();
  }

  #write(group: AppendGroup): Error | undefined {
    if (this.disk.full) return new LogError('failed', 'the disk is full: make room and restart');
    const failure = this.#failNext;
    this.#failNext = undefined;
    if (failure?.when === 'before') return failure.error;
    const refusal = this.disk.check(group);
    if (refusal !== undefined) return refusal;
    this.disk.write(group);
    return failure?.error;
  }

  /** The next append fails, before or after its group became durable. A full disk is `disk.full`. */
  failNextAppend(
    when: 'before' | 'after',
    error: Error = new LogError('failed', 'writing failed: check the disk and restart'),
  ): void {
    this.#failNext = { when, error };
  }

  /**
   * The process dies. An append under way is lost or durable, as the caller wants, and nothing is answered any more. Open a
   * new MemoryLog on the disk that this answers.
   */
  crash(underWay: 'lost' | 'durable'): MemoryDisk {
    const group = this.#underWay?.group;
    if (group !== undefined && underWay === 'durable' && this.#failure === undefined) {
      this.#write(group);
    }
    this.#state = 'crashed';
    this.#underWay = undefined;
    return this.disk;
  }

  readRecords(
    afterRevision: number,
    limit: number,
    done: (bodies: readonly Uint8Array[] | undefined, error?: Error) => void,
  ): void {
    this.#answer(
      () => this.disk.read(afterRevision, limit),
      (bodies, error) => done(bodies, error),
    );
  }

  readSpecs(
    uids: readonly number[],
    done: (specs: readonly (Uint8Array | undefined)[], error?: Error) => void,
  ): void {
    this.#answer(
      () => uids.map((uid) => this.disk.spec(uid)),
      (specs, error) => done(specs ?? uids.map(() => undefined), error),
    );
  }

  loadCheckpoint(
    kinds: readonly string[],
    onRows: (rows: readonly CheckpointRow[]) => void,
  ): Promise<void> {
    return this.#promise(() => this.disk.loadCheckpoint(kinds, onRows));
  }

  replay(
    afterRevision: number,
    onRecords: (firstRevision: number, bodies: readonly Uint8Array[]) => void,
  ): Promise<void> {
    return this.#promise(() => this.disk.replay(afterRevision, onRecords));
  }

  listJobs(query: JobQuery): Promise<readonly ListedJob[]> {
    return this.#promise(() => this.disk.listJobs(query));
  }

  getJob(tenant: string, job: string): Promise<ListedJob | undefined> {
    return this.#promise(() => this.disk.getJob(tenant, job));
  }

  listAudit(query: AuditQuery): Promise<readonly AuditRow[]> {
    return this.#promise(() => this.disk.listAudit(query));
  }

  verifyAudit(): Promise<AuditVerdict> {
    return this.#promise(() => this.disk.verifyAudit());
  }

  compact(throughRevision: number): Promise<void> {
    return this.#change(() => this.disk.compact(throughRevision));
  }

  expireArchive(endedBeforeMs: number): Promise<number> {
    return this.#change(() => this.disk.expireArchive(endedBeforeMs));
  }

  /** Kept under the file's name with the disk; restoreMemoryBackup() opens it. */
  backup(file: string): Promise<number> {
    return this.#promise(() => {
      if (this.disk.backups.has(file)) throw new LogError('exists', `${file} exists: name another`);
      this.disk.backups.set(file, this.disk.copy());
      return this.disk.head.lastRevision;
    });
  }

  /** An append under way is still answered. */
  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closed';
    if (this.#underWay === undefined || this.#state === 'crashed') return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** What failed once writes no more. */
  #change<T>(write: () => T): Promise<T> {
    return this.#promise(() => {
      if (this.#failure !== undefined) throw this.#failure;
      return write();
    });
  }

  /** Answers through the scheduler; after a crash nothing is answered. */
  #answer<T>(read: () => T, done: (answer: T | undefined, error?: Error) => void): void {
    this.#schedule(() => {
      if (this.#state === 'crashed') return;
      if (this.#state === 'closed') return done(undefined, closed());
      let answer: T;
      try {
        answer = read();
      } catch (error) {
        return done(undefined, error as Error); // the disk throws only LogError
      }
      return done(answer);
    }, 'read');
  }

  #promise<T>(read: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#answer(read, (answer, error) => {
        if (error === undefined) resolve(answer as T); // without an error it is what read() answered
        else reject(error);
      });
    });
  }
}

/** A new disk from a backup, verified. */
export function restoreMemoryBackup(disk: MemoryDisk, file: string): MemoryDisk {
  const backup = disk.backups.get(file);
  if (backup === undefined) throw new LogError('missing', `there is no backup ${file}`);
  backup.verify();
  return backup.copy();
}

function closed(): LogError {
  return new LogError('closed', 'the log is closed: open it again');
}
