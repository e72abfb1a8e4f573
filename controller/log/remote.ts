// Calls to a worker thread: answers by number, errors that keep their kind, and streams that do not run ahead of whoever reads.
import type { MessagePort, Worker } from 'node:worker_threads';
import { LogError } from './errors.ts';
import type { LogErrorKind } from './errors.ts';
import { nextTurn } from './walk.ts';

/** Batches that a stream may be ahead: enough to keep both threads busy, few enough to stay small. */
const streamAhead = 4;

type Request =
  | { readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly id: number; readonly more: boolean };

interface WireError {
  readonly kind: LogErrorKind;
  readonly message: string;
  readonly cause: string | undefined;
}

type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly batch: ArrayBuffer }
  | { readonly id: number; readonly error: WireError };

/** What a worker offers: methods that answer once, and generators of batches. */
type Method = (...args: never[]) => unknown;
export type Methods = Readonly<Record<string, Method>>;

interface Waiting {
  readonly settle: (error: Error | undefined, value: unknown) => void;
  readonly onBatch: ((batch: ArrayBuffer) => void) | undefined;
}

/** The caller's side. */
export class Remote<Api extends { readonly [name in keyof Api]: Method }> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #gone: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (reply: Reply) => this.#receive(reply));
    worker.on('error', (error) => {
      this.#end(new LogError('failed', 'a thread of the log died', { cause: error }));
    });
    worker.on('exit', () => this.#end(new LogError('closed', 'the log is closed: open it again')));
  }

  /** Calls back in a later turn. Buffers named for transfer are the worker's from then on. */
  send<Name extends keyof Api & string>(
    name: Name,
    args: Parameters<Api[Name]>,
    done: (error: Error | undefined, value: Awaited<ReturnType<Api[Name]>> | undefined) => void,
    transfer: readonly ArrayBuffer[] = [],
  ): void {
    // The worker is typed by the same Api: value is what the method answered.
    this.#post(name, args, { settle: done as Waiting['settle'], onBatch: undefined }, transfer);
  }

  call<Name extends keyof Api & string>(
    name: Name,
    ...args: Parameters<Api[Name]>
  ): Promise<Awaited<ReturnType<Api[Name]>>> {
    return new Promise((resolve, reject) => {
      this.send(name, args, (error, value) => {
        // Without an error there is a value.
        if (error === undefined) resolve(value as Awaited<ReturnType<Api[Name]>>);
        else reject(error);
      });
    });
  }

  /** Resolves when the last batch was taken; rejects with what onBatch throws. */
  stream<Name extends keyof Api & string>(
    name: Name,
    args: Parameters<Api[Name]>,
    onBatch: (batch: ArrayBuffer) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: Error | undefined): void =>
        error === undefined ? resolve() : reject(error);
      this.#post(name, args, { settle, onBatch }, []);
    });
  }

  #post(
    method: string,
    args: readonly unknown[],
    waiting: Waiting,
    transfer: readonly ArrayBuffer[],
  ): void {
    if (this.#gone !== undefined) {
      const gone = this.#gone;
      queueMicrotask(() => waiting.settle(gone, undefined));
      return;
    }
    const id = ++this.#lastId;
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ id, method, args } satisfies Request, transfer);
  }

  #receive(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    if ('batch' in reply) {
      let failure: Error | undefined;
      try {
        waiting.onBatch?.(reply.batch);
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
      }
      const more = failure === undefined;
      this.#worker.postMessage({ id: reply.id, more } satisfies Request, []);
      if (more) return;
      this.#waiting.delete(reply.id);
      waiting.settle(failure, undefined);
      return;
    }
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting.settle(fromWire(reply.error), undefined);
    else waiting.settle(undefined, reply.value);
  }

  #end(error: Error): void {
    this.#gone ??= error;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { settle } of waiting) settle(this.#gone, undefined);
  }
}

/** The worker's side: answers calls until the port closes. A value that is a buffer, or a list of such, is transferred. */
export function serve(
  port: MessagePort,
  methods: Methods,
  toError: (error: unknown) => LogError,
): void {
  const streams = new Map<number, Stream>();

  port.on('message', (request: Request) => {
    if ('more' in request) streams.get(request.id)?.taken(request.more);
    else void answer(request.id, request.method, request.args);
  });

  async function answer(id: number, name: string, args: readonly unknown[]): Promise<void> {
    try {
      // Both sides are typed by the same Api.
      const method = methods[name] as ((...args: readonly unknown[]) => unknown) | undefined;
      if (method === undefined) throw new Error(`there is no method ${name}`);
      const result = method(...args);
      if (isBatches(result)) {
        const stream = new Stream((batch) => {
          port.postMessage({ id, batch } satisfies Reply, [batch]);
        });
        streams.set(id, stream);
        await stream.run(result);
        port.postMessage({ id, value: undefined } satisfies Reply, []);
        return;
      }
      const value = result instanceof Promise ? ((await result) as unknown) : result;
      port.postMessage({ id, value } satisfies Reply, value instanceof ArrayBuffer ? [value] : []);
    } catch (error) {
      port.postMessage({ id, error: toWire(toError(error)) } satisfies Reply, []);
    } finally {
      streams.delete(id);
    }
  }
}

/** Batches on their way: stops when the reader is behind, ends when the reader has gone. */
class Stream {
  readonly #send: (batch: ArrayBuffer) => void;
  #ahead = 0;
  #wanted = true;
  #resume: (() => void) | undefined;

  constructor(send: (batch: ArrayBuffer) => void) {
    this.#send = send;
  }

  taken(wantsMore: boolean): void {
    this.#ahead--;
    this.#wanted &&= wantsMore;
    this.#resume?.();
  }

  async run(batches: Generator<ArrayBuffer>): Promise<void> {
    for (const batch of batches) {
      this.#send(batch);
      this.#ahead++;
      // Lets other requests in between two batches, whether or not the reader is behind.
      await nextTurn();
      while (this.#ahead >= streamAhead && this.#wanted) {
        await new Promise<void>((resolve) => {
          this.#resume = resolve;
        });
      }
      if (!this.#wanted) return;
    }
  }
}

function isBatches(value: unknown): value is Generator<ArrayBuffer> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value;
}

function toWire(error: LogError): WireError {
  const { kind, message, cause } = error;
  return { kind, message, cause: cause instanceof Error ? cause.message : undefined };
}

function fromWire({ kind, message, cause }: WireError): LogError {
  return new LogError(kind, message, cause === undefined ? {} : { cause: new Error(cause) });
}
