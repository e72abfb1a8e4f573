// Sends the messages of a stream no faster than its client reads them.
//
// Every message is encoded here, once, so that what waits in memory is counted in bytes. A client that reads nothing for
// a while is cut off and told the revision of the last message that it will have seen.
import { refuse, type Refusal } from '#domain/refusal.ts';
import type { Clock } from '#ports/clock.ts';
import { RefusalError } from './errors.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';

/**
 * Sends one message; a Uint8Array is one that is encoded already, for events that many watch. `revision`: a client that
 * has this message resumes after it. The promise settles when there is room for more, and rejects when the call is over.
 */
export type Send<Response> = (message: Response | Uint8Array, revision?: number) => Promise<void>;

/** The writing half of a grpc-js stream. */
export interface Sink {
  readonly writableNeedDrain: boolean;
  /** `written` gets an error for a message that was dropped. */
  write(bytes: Buffer, written: (error?: Error | null) => void): boolean;
}

interface Options<Response> {
  readonly encode: (message: Response) => Buffer;
  readonly clock: Clock;
  /** What may wait in memory before `send` makes its caller wait. */
  readonly waitingBytes: number;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** The client has read nothing for longer than its patience allows. */
  readonly onStalled: (refusal: Refusal) => void;
}

const DONE = Promise.resolve();

export class StreamWriter<Response> {
  readonly #sink: Sink;
  readonly #options: Options<Response>;
  /** Revisions of what was written and not yet taken by the transport, oldest first. */
  readonly #waiting: { readonly bytes: number; readonly revision: number }[] = [];
  #waitingBytes = 0;
  #takenRevision = 0;
  #room: PromiseWithResolvers<void> | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(sink: Sink, options: Options<Response>) {
    this.#sink = sink;
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#fail(), { once: true });
  }

  readonly send: Send<Response> = (message, revision) => {
    const { signal, encode, waitingBytes } = this.#options;
    if (signal.aborted) return Promise.reject(asError(signal.reason));
    let bytes: Buffer;
    try {
      bytes = message instanceof Uint8Array ? viewOf(message) : encode(message);
    } catch (error) {
      return Promise.reject(asError(error));
    }
    if (bytes.length > MAX_MESSAGE_BYTES) return Promise.reject(tooLarge(bytes.length));

    const last = this.#waiting.at(-1)?.revision ?? this.#takenRevision;
    this.#waiting.push({ bytes: bytes.length, revision: revision ?? last });
    this.#waitingBytes += bytes.length;
    const goOn = this.#sink.write(bytes, (error) => {
      if (error === undefined || error === null) this.#taken();
    });
    if (goOn && this.#waitingBytes < waitingBytes) return DONE;
    if (this.#room === undefined) {
      this.#room = Promise.withResolvers();
      this.#startTimer();
    }
    return this.#room.promise;
  };

  /** Where a client resumes that gets nothing more but what is on the wire. */
  get resumeRevision(): number {
    // Messages leave one at a time: the oldest that waits is the one on the wire, and a status comes after it.
    return this.#waiting[0]?.revision ?? this.#takenRevision;
  }

  #taken(): void {
    const oldest = this.#waiting.shift();
    if (oldest !== undefined) {
      this.#waitingBytes -= oldest.bytes;
      this.#takenRevision = oldest.revision;
    }
    if (this.#room === undefined) return;
    const { waitingBytes } = this.#options;
    const roomy = this.#waitingBytes < waitingBytes / 2 && !this.#sink.writableNeedDrain;
    if (!roomy) {
      this.#startTimer(); // it reads, if slowly
      return;
    }
    this.#stopTimer?.();
    this.#room.resolve();
    this.#room = undefined;
  }

  #startTimer(): void {
    this.#stopTimer?.();
    const { clock, patienceMs, onStalled } = this.#options;
    this.#stopTimer = clock.after(patienceMs, () => onStalled(slowReader(this.resumeRevision)));
  }

  #fail(): void {
    this.#stopTimer?.();
    this.#room?.promise.catch(() => {}); // a handler that stopped sending does not wait for it any more
    this.#room?.reject(asError(this.#options.signal.reason));
    this.#room = undefined;
  }
}

function slowReader(resumeRevision: number): Refusal {
  return refuse(
    'ABORTED',
    'SLOW_READER',
    `Nothing was read from this stream for too long. Start it again after revision ${resumeRevision} and read faster, or watch less.`,
    { metadata: { resume_revision: String(resumeRevision) } },
  );
}

function tooLarge(bytes: number): RefusalError {
  return new RefusalError(
    refuse(
      'RESOURCE_EXHAUSTED',
      'MESSAGE_TOO_LARGE',
      `The answer has ${bytes} bytes, more than a message may have (${MAX_MESSAGE_BYTES}). Ask for less at once.`,
    ),
  );
}

export const viewOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error('the call is over', { cause: reason });
