// Typed calls made from the generated service definitions: unary methods answer promises, streams are async iterables.
// Every call ends by its deadline or by the caller's AbortSignal, and fails with an IsobarError.
import {
  type CallOptions as GrpcCallOptions,
  type Channel,
  type ClientDuplexStream,
  Client as GrpcClient,
  credentials,
  Metadata,
} from '@grpc/grpc-js';
import { toIsobarError } from './isobar-error.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default 30 s for unary calls, none for streams. */
  readonly timeoutMs?: number | undefined;
}

interface Method {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: never) => Buffer;
  readonly responseDeserialize: (value: Buffer) => unknown;
}
type Service = Readonly<Record<string, Method>>;

type Request<M extends Method> = Parameters<M['requestSerialize']>[0];
type Response<M extends Method> = ReturnType<M['responseDeserialize']>;

/** What a definition offers to a caller. */
export type ClientOf<S extends Service> = {
  readonly [K in keyof S]: S[K] extends { requestStream: true }
    ? (
        requests: AsyncIterable<Request<S[K]>>,
        options?: CallOptions,
      ) => AsyncIterable<Response<S[K]>>
    : S[K] extends { responseStream: true }
      ? (request: Request<S[K]>, options?: CallOptions) => AsyncIterable<Response<S[K]>>
      : (request: Request<S[K]>, options?: CallOptions) => Promise<Response<S[K]>>;
};

/** Long enough for a controller that restarts, short enough for a person who waits. */
const UNARY_TIMEOUT_MS = 30_000;

export function makeClient<S extends Service>(service: S, channel: Channel): ClientOf<S> {
  // The channel carries address and credentials; the client demands some all the same and does not use them.
  const grpc = new GrpcClient('', credentials.createInsecure(), { channelOverride: channel });
  const calls: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(service)) {
    if (method.requestStream) {
      calls[name] = (requests: AsyncIterable<never>, options: CallOptions = {}) =>
        duplex(grpc, method, requests, options);
    } else if (method.responseStream) {
      calls[name] = (request: never, options: CallOptions = {}) =>
        serverStream(grpc, method, request, options);
    } else {
      calls[name] = (request: never, options: CallOptions = {}) =>
        unary(grpc, method, request, options);
    }
  }
  return calls as ClientOf<S>; // one call of its shape for each method, above
}

function unary(
  grpc: GrpcClient,
  method: Method,
  request: never,
  options: CallOptions,
): Promise<unknown> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortReason(signal));
      return;
    }
    const call = grpc.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new Metadata(),
      grpcOptions(options, UNARY_TIMEOUT_MS),
      (error, response) => {
        signal?.removeEventListener('abort', abort);
        if (error === null) resolve(response);
        else reject(signal?.aborted === true ? abortReason(signal) : toIsobarError(error));
      },
    );
    const abort = (): void => call.cancel();
    signal?.addEventListener('abort', abort, { once: true });
  });
}

async function* serverStream(
  grpc: GrpcClient,
  method: Method,
  request: never,
  options: CallOptions,
): AsyncGenerator<unknown, void, undefined> {
  options.signal?.throwIfAborted();
  const call = grpc.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    new Metadata(),
    grpcOptions(options),
  );
  yield* responsesOf(call, options.signal);
}

async function* duplex(
  grpc: GrpcClient,
  method: Method,
  requests: AsyncIterable<never>,
  options: CallOptions,
): AsyncGenerator<unknown, void, undefined> {
  options.signal?.throwIfAborted();
  const call: ClientDuplexStream<never, unknown> = grpc.makeBidiStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    new Metadata(),
    grpcOptions(options),
  );
  let failure: { error: unknown } | undefined;
  // Not awaited: a server that ends the call early leaves the sender waiting for a request that nobody needs.
  send(call, requests).catch((error: unknown) => {
    failure = { error };
    call.cancel();
  });
  try {
    yield* responsesOf(call, options.signal);
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  } finally {
    call.cancel();
  }
}

/** Sends no faster than the other side reads. */
async function send(
  call: ClientDuplexStream<never, unknown>,
  requests: AsyncIterable<never>,
): Promise<void> {
  for await (const request of requests) {
    if (call.destroyed) return;
    if (!call.write(request)) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          call.off('drain', done).off('close', done).off('error', done);
          resolve();
        };
        call.on('drain', done).on('close', done).on('error', done);
      });
    }
  }
  call.end();
}

type Incoming = AsyncIterable<unknown> & { cancel(): void };

/** Reading is the back-pressure: the stream is read as fast as its consumer asks, and cancelled when it stops asking. */
async function* responsesOf(
  call: Incoming,
  signal: AbortSignal | undefined,
): AsyncGenerator<unknown, void, undefined> {
  const abort = (): void => call.cancel();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    yield* call;
  } catch (error) {
    throw signal?.aborted === true ? abortReason(signal) : toIsobarError(error);
  } finally {
    signal?.removeEventListener('abort', abort);
    call.cancel();
  }
}

function grpcOptions({ timeoutMs }: CallOptions, fallbackMs?: number): GrpcCallOptions {
  const limit = timeoutMs ?? fallbackMs;
  return limit === undefined ? {} : { deadline: Date.now() + limit };
}

function abortReason(signal: AbortSignal): unknown {
  return signal.reason;
}
