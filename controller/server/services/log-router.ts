// Output of tasks on its way from agents to callers. Each agent has one data stream, on which requests are numbered; its pieces
// go to the call that asked. A call that reads slowly slows its agent's stream, for a while: then it is cut off, so that one
// reader does not stop all others, and nobody's memory grows here.
import { refuse, type Refusal } from '#domain/refusal.ts';
import type { AttachDataRequest, AttachDataResponse, ReadTaskLog } from '#gen/isobar/v1/agent.ts';
import type { Reason } from '#gen/isobar/v1/resources.ts';
import type { Clock } from '#ports/clock.ts';

/** What waits for one reader; an agent sends pieces of at most 64 KiB. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** A reader that takes nothing for so long, while others of the same data center wait, is cut off. */
const PATIENCE_MS = 5_000;
/** Readers of one data center at a time: each holds up to what may wait. */
const MAX_REQUESTS = 64;

export interface LogPiece {
  readonly data: Uint8Array;
  readonly skippedBytes: number;
}

/** How a task's output ended. */
export type LogEnd =
  | { readonly kind: 'done' }
  /** The agent has nothing of it. */
  | { readonly kind: 'nothing'; readonly reason: Reason }
  | { readonly kind: 'broken'; readonly refusal: Refusal };

export class LogRouter {
  readonly #clock: Clock;
  readonly #streams = new Map<string, DataStream>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An agent has opened its data stream; an older one of the same data center ends. */
  attach(dataCenter: string, link: DataLink): DataStream {
    this.#streams.get(dataCenter)?.replaced();
    const stream = new DataStream(this.#clock, link, () => {
      if (this.#streams.get(dataCenter) === stream) this.#streams.delete(dataCenter);
    });
    this.#streams.set(dataCenter, stream);
    return stream;
  }

  get dataCenters(): readonly string[] {
    return [...this.#streams.keys()];
  }

  /** Undefined: the data center has no data stream now. */
  read(dataCenter: string, what: ReadTaskLog): LogRequest | Refusal | undefined {
    return this.#streams.get(dataCenter)?.read(what);
  }
}

/** The other end of a data stream. */
export interface DataLink {
  send(message: AttachDataResponse): void;
  close(why: Refusal): void;
}

export class DataStream {
  readonly #clock: Clock;
  readonly #link: DataLink;
  readonly #onClosed: () => void;
  readonly #requests = new Map<number, LogRequest>();
  #lastNumber = 0;
  #isOpen = true;

  constructor(clock: Clock, link: DataLink, onClosed: () => void) {
    this.#clock = clock;
    this.#link = link;
    this.#onClosed = onClosed;
  }

  read(what: ReadTaskLog): LogRequest | Refusal {
    if (this.#requests.size >= MAX_REQUESTS) {
      return refuse(
        'RESOURCE_EXHAUSTED',
        'TOO_MANY_LOG_READERS',
        `${MAX_REQUESTS} others read logs of this data center; try again when some have finished`,
        { retryAfterMs: 5_000 },
      );
    }
    const request = ++this.#lastNumber;
    const reader = new LogRequest(this.#clock, () => {
      if (!this.#requests.delete(request) || !this.#isOpen) return;
      this.#link.send({ request, action: { $case: 'cancel', value: true } });
    });
    this.#requests.set(request, reader);
    this.#link.send({ request, action: { $case: 'readLog', value: what } });
    return reader;
  }

  /** A message of the agent. Wait for the promise before reading the next one: it keeps the agent from running ahead. */
  async receive({ request, data, skippedBytes, done, error }: AttachDataRequest): Promise<void> {
    const reader = this.#requests.get(request);
    if (reader === undefined) return; // cancelled: what was under way comes still
    if (error !== undefined || done) this.#requests.delete(request);
    if (error === undefined) await reader.push({ data, skippedBytes });
    if (error !== undefined) reader.end({ kind: 'nothing', reason: error });
    else if (done) reader.end({ kind: 'done' });
  }

  /** The agent has opened another one. */
  replaced(): void {
    this.close();
    this.#link.close(
      refuse('ABORTED', 'STREAM_REPLACED', 'the agent has opened another data stream'),
    );
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const reader of this.#requests.values()) reader.end({ kind: 'broken', refusal: GONE });
    this.#requests.clear();
    this.#onClosed();
  }
}

const GONE = refuse(
  'UNAVAILABLE',
  'DATA_CENTER_UNREACHABLE',
  'the connection to the data center was lost while the log was read; try again',
  { retryAfterMs: 5_000 },
);

const SLOW = refuse(
  'ABORTED',
  'SLOW_READER',
  'nothing was read from this log for too long; read it again and faster, or fewer lines of it',
);

/** One reader's request. */
export class LogRequest {
  readonly #clock: Clock;
  readonly #cancel: () => void;
  #pieces: LogPiece[] = [];
  #bytes = 0;
  #end: LogEnd | undefined;
  #onPiece: (() => void) | undefined;
  #onRoom: (() => void) | undefined;

  constructor(clock: Clock, cancel: () => void) {
    this.#clock = clock;
    this.#cancel = cancel;
  }

  push(piece: LogPiece): Promise<void> {
    if (this.#end !== undefined) return Promise.resolve();
    if (piece.data.length > 0 || piece.skippedBytes > 0) {
      this.#pieces.push(piece);
      this.#bytes += piece.data.length;
    }
    this.#onPiece?.();
    if (this.#bytes < MAX_WAITING_BYTES) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.#clock.after(PATIENCE_MS, () => {
        this.end({ kind: 'broken', refusal: SLOW });
        this.#cancel();
      });
      this.#onRoom = () => {
        stop();
        this.#onRoom = undefined;
        resolve();
      };
    });
  }

  end(end: LogEnd): void {
    this.#end ??= end;
    this.#onRoom?.();
    this.#onPiece?.();
  }

  /** The next piece, or how it ended. Throws the signal's reason when the call is over before. */
  async next(signal: AbortSignal): Promise<LogPiece | LogEnd> {
    for (;;) {
      signal.throwIfAborted();
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#bytes -= piece.data.length;
        if (this.#bytes < MAX_WAITING_BYTES / 2) this.#onRoom?.();
        return piece;
      }
      if (this.#end !== undefined) return this.#end;
      await this.#change(signal);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#onPiece = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#onPiece = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** The reader has what it wanted, or is gone. */
  close(): void {
    this.end({ kind: 'done' });
    this.#cancel();
  }
}
