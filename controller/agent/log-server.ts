// Answers the controller's reads of task output from the executor, piece by piece, no faster than they are taken.
import type { AttachDataRequest, AttachDataResponse, ReadTaskLog } from '#gen/isobar/v1/agent.ts';
import type { Executor, LogPiece } from '#ports/executor.ts';

/** Reads under way at once; a further one is refused. */
const MOST_READS = 64;
/** Pieces that wait for the connection; a reader that lags further loses its read, not our memory. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;

export interface BulkStream {
  /** False: wait for `onDrain` before sending more. */
  send(message: AttachDataRequest): boolean;
  onDrain(call: () => void): void;
}

interface Read {
  cancel: () => void;
  readonly waiting: LogPiece[];
  waitingBytes: number;
}

export class LogServer {
  readonly #executor: Executor;
  readonly #stream: BulkStream;
  readonly #reads = new Map<number, Read>();
  #isFull = false;

  constructor(executor: Executor, stream: BulkStream) {
    this.#executor = executor;
    this.#stream = stream;
  }

  receive({ request, action }: AttachDataResponse): void {
    switch (action?.$case) {
      case 'readLog':
        return this.#open(request, action.value);
      case 'cancel':
        return this.#end(request);
      case undefined:
        return;
      default:
        action satisfies never;
    }
  }

  close(): void {
    for (const request of this.#reads.keys()) this.#end(request);
  }

  #open(request: number, wanted: ReadTaskLog): void {
    if (this.#reads.size >= MOST_READS)
      return this.#fail(request, 'too many logs are being read there; try again');
    const read: Read = { cancel: () => {}, waiting: [], waitingBytes: 0 };
    this.#reads.set(request, read);
    const cancel = this.#executor.readLog(
      wanted,
      (piece) => this.#piece(request, read, piece),
      (message) => {
        if (this.#reads.has(request)) this.#fail(request, message);
      },
    );
    // It may have ended within the call.
    if (this.#reads.get(request) === read) read.cancel = cancel;
    else cancel();
  }

  #piece(request: number, read: Read, piece: LogPiece): void {
    if (this.#reads.get(request) !== read) return;
    read.waiting.push(piece);
    read.waitingBytes += piece.data.length;
    if (read.waitingBytes > MOST_WAITING_BYTES) {
      return this.#fail(request, 'the log comes faster than it is read; read it with a tail');
    }
    this.#flush();
  }

  #flush(): void {
    for (const [request, read] of this.#reads) {
      while (!this.#isFull) {
        const piece = read.waiting.shift();
        if (piece === undefined) break;
        read.waitingBytes -= piece.data.length;
        this.#send({ request, ...piece, error: undefined });
        if (piece.done) this.#end(request);
      }
    }
  }

  #send(message: AttachDataRequest): void {
    if (this.#stream.send(message) || this.#isFull) return;
    this.#isFull = true;
    this.#stream.onDrain(() => {
      this.#isFull = false;
      this.#flush();
    });
  }

  #fail(request: number, message: string): void {
    this.#end(request);
    const error = {
      code: 'LOG_UNAVAILABLE',
      dataCenter: '',
      subject: '',
      needed: 0,
      available: 0,
      message,
    };
    this.#send({ request, data: new Uint8Array(), skippedBytes: 0, done: true, error });
  }

  #end(request: number): void {
    const read = this.#reads.get(request);
    this.#reads.delete(request);
    read?.cancel();
  }
}
