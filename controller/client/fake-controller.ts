// A controller for tests of the client and of the command: the real wire on loopback, answers as the test gives them.
import {
  Channel,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type ServiceDefinition,
  status,
  type StatusObject,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { AuditServiceService } from '#gen/isobar/v1/audit.ts';
import { DataCenterServiceService } from '#gen/isobar/v1/data_center.ts';
import { EventServiceService } from '#gen/isobar/v1/event.ts';
import { FederationServiceService } from '#gen/isobar/v1/federation.ts';
import { JobServiceService } from '#gen/isobar/v1/job.ts';
import { LinkServiceService } from '#gen/isobar/v1/link.ts';
import { NodeServiceService } from '#gen/isobar/v1/node.ts';
import { RunServiceService } from '#gen/isobar/v1/run.ts';
import { TenantServiceService } from '#gen/isobar/v1/tenant.ts';
import { UsageServiceService } from '#gen/isobar/v1/usage.ts';
import { UserServiceService } from '#gen/isobar/v1/user.ts';
import { IsobarError } from './isobar-error.ts';

const SERVICES = [
  AuditServiceService,
  DataCenterServiceService,
  EventServiceService,
  FederationServiceService,
  JobServiceService,
  LinkServiceService,
  NodeServiceService,
  RunServiceService,
  TenantServiceService,
  UsageServiceService,
  UserServiceService,
] as const;

type Definitions = (typeof SERVICES)[number];
type Method<D, N> = D extends unknown ? (N extends keyof D ? D[N] : never) : never;
type Names<D> = D extends unknown ? keyof D : never;

interface Shape {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}
type HandlerOf<M> = M extends Shape
  ? M['requestStream'] extends true
    ? (
        requests: AsyncIterable<ReturnType<M['requestDeserialize']>>,
      ) => AsyncIterable<ReturnType<M['responseDeserialize']>>
    : M['responseStream'] extends true
      ? (
          request: ReturnType<M['requestDeserialize']>,
          signal: AbortSignal,
        ) =>
          | Iterable<ReturnType<M['responseDeserialize']>>
          | AsyncIterable<ReturnType<M['responseDeserialize']>>
      : (
          request: ReturnType<M['requestDeserialize']>,
        ) => ReturnType<M['responseDeserialize']> | Promise<ReturnType<M['responseDeserialize']>>
  : never;

/** What the controller answers, by method. It throws an IsobarError to refuse. Others are UNIMPLEMENTED. */
export type FakeHandlers = { [N in Names<Definitions>]?: HandlerOf<Method<Definitions, N>> };

export interface FakeController extends AsyncDisposable {
  readonly address: string;
  /** Requests by method, as they came. */
  readonly requests: readonly { readonly method: string; readonly request: unknown }[];
  openChannel(): Channel;
}

export async function startFakeController(handlers: FakeHandlers): Promise<FakeController> {
  const server = new Server();
  const requests: { method: string; request: unknown }[] = [];
  for (const service of SERVICES) {
    const implementation: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(service as ServiceDefinition)) {
      const handler = handlers[name as keyof FakeHandlers] as AnyHandler | undefined;
      if (handler === undefined) continue;
      implementation[name] = implement(method, handler, (request) =>
        requests.push({ method: name, request }),
      );
    }
    server.addService(service, implementation);
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const address = `127.0.0.1:${port}`;
  return {
    address,
    requests,
    openChannel: () => new Channel(address, credentials.createInsecure(), {}),
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

/** One handler of any method; which it is says the definition. */
type AnyHandler = (request: unknown, signal?: AbortSignal) => unknown;

function implement(
  method: { requestStream: boolean; responseStream: boolean },
  handler: AnyHandler,
  record: (request: unknown) => void,
): UntypedServiceImplementation[string] {
  if (method.requestStream) {
    return (call: ServerDuplexStream<unknown, unknown>) => {
      void pump(call, () => handler(recorded(call.iterator({ destroyOnReturn: false }), record)));
    };
  }
  if (method.responseStream) {
    return (call: ServerWritableStream<unknown, unknown>) => {
      record(call.request);
      const gone = new AbortController();
      call.on('cancelled', () => gone.abort());
      void pump(call, () => handler(call.request, gone.signal));
    };
  }
  return (call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>) => {
    record(call.request);
    Promise.resolve()
      .then(() => handler(call.request))
      .then(
        (response) => answer(null, response),
        (error: unknown) => answer(toStatus(error)),
      );
  };
}

async function pump(
  call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
  open: () => unknown,
): Promise<void> {
  try {
    for await (const response of open() as AsyncIterable<unknown>) {
      if (call.cancelled) return;
      call.write(response);
    }
    call.end();
  } catch (error) {
    call.emit('error', toStatus(error)); // how grpc-js ends a stream with a status
  }
}

/** A handler that throws leaves the stream open, so that its status still goes out. */
async function* recorded(
  requests: AsyncIterable<unknown>,
  record: (request: unknown) => void,
): AsyncGenerator<unknown, void, undefined> {
  for await (const request of requests) {
    record(request);
    yield request;
  }
}

function toStatus(error: unknown): StatusObject {
  if (!(error instanceof IsobarError)) {
    return { code: status.INTERNAL, details: String(error), metadata: new Metadata() };
  }
  const metadata = new Metadata();
  if (error.reason !== '') metadata.set('grpc-status-details-bin', encodeDetails(error));
  return { code: status[error.code], details: error.message, metadata };
}

/** google.rpc.Status with ErrorInfo and BadRequest. */
function encodeDetails({ reason, metadata, violations }: IsobarError): Buffer {
  const info = new BinaryWriter().uint32(10).string(reason);
  for (const [key, value] of Object.entries(metadata)) info.uint32(26).bytes(pair(key, value));
  const request = new BinaryWriter();
  for (const { field, description } of violations)
    request.uint32(10).bytes(pair(field, description));
  const whole = new BinaryWriter();
  for (const [type, body] of [
    ['ErrorInfo', info],
    ['BadRequest', request],
  ] as const) {
    const any = new BinaryWriter().uint32(10).string(`type.googleapis.com/google.rpc.${type}`);
    whole.uint32(26).bytes(any.uint32(18).bytes(body.finish()).finish());
  }
  return Buffer.from(whole.finish());
}

function pair(first: string, second: string): Uint8Array {
  return new BinaryWriter().uint32(10).string(first).uint32(18).string(second).finish();
}
