// Handlers as plain functions: `implement` puts identity, policy, limits, deadlines, back-pressure and errors around the
// handlers of a generated service, so that a handler sees a checked request and answers it.
import type {
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  StatusObject,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { isRefusal, refuse, type Refusal } from '#domain/refusal.ts';
import { scopeOf, type Concern } from './authorize.ts';
import type { Edge } from './edge.ts';
import { RefusalError, trailersOf } from './errors.ts';
import { MAX_MESSAGE_BYTES, MAX_WAITING_BYTES } from './limits.ts';
import { isMethodPath, rowOf, type MethodPath } from './policy.ts';
import { RunningCall, type CallContext } from './running-call.ts';
import { messagesOf } from './stream-reader.ts';
import { StreamWriter, viewOf, type Send } from './stream-writer.ts';

/** A method as ts-proto generates it. */
interface Method {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
}
type Service = Readonly<Record<string, Method>>;
type RequestOf<M extends Method> = ReturnType<M['requestDeserialize']>;
type ResponseOf<M extends Method> = Parameters<M['responseSerialize']>[0];

/** Whose things a request is about, or what is wrong with its names. Asked for each message of a stream. */
type ConcernOf<Request> = (request: Request) => Concern | Refusal;

/** May return or throw a refusal. A Uint8Array is a response that is encoded already. */
type Answer<Response> = Response | Uint8Array | Refusal;

export interface Unary<Request, Response> {
  readonly concern: ConcernOf<Request>;
  handle(request: Request, context: CallContext): Promise<Answer<Response>> | Answer<Response>;
}

interface ClientStream<Request, Response> {
  readonly concern: ConcernOf<Request>;
  handle(requests: AsyncIterable<Request>, context: CallContext): Promise<Answer<Response>>;
}

export interface ServerStream<Request, Response> {
  readonly concern: ConcernOf<Request>;
  /** What may wait in memory for its client. Default: MAX_WAITING_BYTES. */
  readonly waitingBytes?: number;
  /** The stream ends when the promise settles. */
  handle(request: Request, send: Send<Response>, context: CallContext): Promise<void | Refusal>;
}

export interface Bidi<Request, Response> {
  readonly concern: ConcernOf<Request>;
  /** The stream ends when the promise settles, even if the client has more to say. */
  handle(
    requests: AsyncIterable<Request>,
    send: Send<Response>,
    context: CallContext,
  ): Promise<void | Refusal>;
}

type HandlerOf<M extends Method> = M extends { readonly requestStream: true }
  ? M extends { readonly responseStream: true }
    ? Bidi<RequestOf<M>, ResponseOf<M>>
    : ClientStream<RequestOf<M>, ResponseOf<M>>
  : M extends { readonly responseStream: true }
    ? ServerStream<RequestOf<M>, ResponseOf<M>>
    : Unary<RequestOf<M>, ResponseOf<M>>;

export type Handlers<S extends Service> = { readonly [K in keyof S]: HandlerOf<S[K]> };

export interface Implemented {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** A generated service definition and a handler for each of its methods, ready for `Server.addService`. */
export function implement<S extends Service>(
  edge: Edge,
  service: S,
  handlers: Handlers<S>,
): Implemented {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(service)) {
    const { path } = method;
    if (!isMethodPath(path)) throw new Error(`${path} has no row in the policy`);
    // Bytes on both sides: what cannot be decoded becomes a refusal, and what is encoded already stays as it is.
    const bytes = {
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    definition[name] = {
      path,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      ...bytes,
    };
    // The kind of handler follows from the two flags, as HandlerOf says.
    const handler: unknown = handlers[name as keyof S];
    implementation[name] = method.requestStream
      ? method.responseStream
        ? bidi(edge, path, method, handler as Bidi<unknown, unknown>)
        : clientStream(edge, path, method, handler as ClientStream<unknown, unknown>)
      : method.responseStream
        ? serverStream(edge, path, method, handler as ServerStream<unknown, unknown>)
        : unary(edge, path, method, handler as Unary<unknown, unknown>);
  }
  return { definition, implementation };
}

function unary(edge: Edge, path: MethodPath, method: Method, handler: Unary<unknown, unknown>) {
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const running = new RunningCall(edge, path, call, false, (status) => callback(status));
    void running.run(async () => {
      const request = decode(method, call.request);
      running.demand(handler.concern(request));
      answerOnce(method, running, callback, await handler.handle(request, running));
    });
  };
}

function clientStream(
  edge: Edge,
  path: MethodPath,
  method: Method,
  handler: ClientStream<unknown, unknown>,
) {
  return (call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const running = new RunningCall(edge, path, call, true, (status) => callback(status));
    void running.run(async () => {
      demandSomeRight(running);
      const requests = requestsOf(call, running, method, handler.concern);
      answerOnce(method, running, callback, await handler.handle(requests, running));
    });
  };
}

function serverStream(
  edge: Edge,
  path: MethodPath,
  method: Method,
  handler: ServerStream<unknown, unknown>,
) {
  return (call: ServerWritableStream<Buffer, Buffer>): void => {
    const running = new RunningCall(edge, path, call, true, failer(call));
    void running.run(async () => {
      const request = decode(method, call.request);
      running.demand(handler.concern(request));
      const { send } = writerFor(edge, method, running, call, handler.waitingBytes);
      endStream(running, call, await handler.handle(request, send, running));
    });
  };
}

function bidi(edge: Edge, path: MethodPath, method: Method, handler: Bidi<unknown, unknown>) {
  return (call: ServerDuplexStream<Buffer, Buffer>): void => {
    const running = new RunningCall(edge, path, call, true, failer(call));
    void running.run(async () => {
      demandSomeRight(running);
      const requests = requestsOf(call, running, method, handler.concern);
      const { send } = writerFor(edge, method, running, call);
      endStream(running, call, await handler.handle(requests, send, running));
    });
  };
}

/** Before the first message says what it is about: whoever has no right to the method at all does not reach the handler. */
function demandSomeRight(running: RunningCall): void {
  const { peer, roles, method } = running;
  if (peer === undefined || scopeOf(peer.identity, roles, method).size > 0) return;
  running.demand(rowOf(method) === 'agents' ? { kind: 'federation' } : { kind: 'visible' });
}

async function* requestsOf(
  call: ServerReadableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  running: RunningCall,
  method: Method,
  concern: ConcernOf<unknown>,
): AsyncGenerator<unknown, void, undefined> {
  for await (const bytes of messagesOf(call, running.signal)) {
    const request = decode(method, bytes);
    running.demand(concern(request));
    yield request;
  }
  running.demandClient();
}

function writerFor(
  edge: Edge,
  method: Method,
  running: RunningCall,
  call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  waitingBytes: number = MAX_WAITING_BYTES,
): StreamWriter<unknown> {
  return new StreamWriter<unknown>(
    {
      get writableNeedDrain() {
        return call.writableNeedDrain;
      },
      write: (bytes, written) => call.write(bytes, written),
    },
    {
      encode: (message) => method.responseSerialize(message as never), // HandlerOf gave the handler this very type
      clock: edge.clock,
      waitingBytes,
      patienceMs: edge.patience.readerMs,
      signal: running.signal,
      onStalled: (refusal) => running.close(refusal),
    },
  );
}

function answerOnce(
  method: Method,
  running: RunningCall,
  callback: sendUnaryData<Buffer>,
  answer: unknown,
): void {
  if (isRefusal(answer)) throw new RefusalError(answer);
  const bytes =
    answer instanceof Uint8Array ? viewOf(answer) : method.responseSerialize(answer as never); // as above
  if (bytes.length > MAX_MESSAGE_BYTES) throw new RefusalError(tooLarge(bytes.length));
  running.succeed(() => callback(null, bytes, trailersOf(running.requestId)));
}

function endStream(
  running: RunningCall,
  call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  refusal: Refusal | void,
): void {
  if (isRefusal(refusal)) throw new RefusalError(refusal);
  running.succeed(() => call.end(trailersOf(running.requestId)));
}

/** The status after what was sent already: grpc-js ends a stream with a status when it is told of an error. */
function failer(call: { emit(event: 'error', status: StatusObject): boolean }) {
  return (status: StatusObject): void => void call.emit('error', status);
}

function decode(method: Method, bytes: Buffer): unknown {
  try {
    return method.requestDeserialize(bytes);
  } catch (error) {
    // The decoder's words are about the caller's own bytes, for example a number above 2^53.
    const words = error instanceof Error ? error.message : 'unknown';
    throw new RefusalError(
      refuse('INVALID_ARGUMENT', 'MALFORMED_MESSAGE', `The request cannot be decoded: ${words}.`),
    );
  }
}

function tooLarge(bytes: number): Refusal {
  return refuse(
    'RESOURCE_EXHAUSTED',
    'MESSAGE_TOO_LARGE',
    `The answer has ${bytes} bytes, more than a message may have (${MAX_MESSAGE_BYTES}). Ask for less at once.`,
  );
}

const same = (bytes: Buffer): Buffer => bytes;
