// Reflection and health, as grpcurl and load balancers know them, behind the same admission and policy as everything.
import type {
  sendUnaryData,
  Server,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation, type ServingStatus } from 'grpc-health-check';
import { DESCRIPTORS } from '#gen/descriptors.ts';
import { FEDERATION } from './authorize.ts';
import type { Implemented } from './call.ts';
import type { Edge } from './edge.ts';
import { isMethodPath, type MethodPath } from './policy.ts';
import { RunningCall } from './running-call.ts';

/** Adds both and answers the switch of the health service. */
export function addReflectionAndHealth(
  edge: Edge,
  server: Server,
  services: readonly Implemented[],
): (status: ServingStatus) => void {
  const names = services.flatMap(({ definition }) => serviceNameOf(definition) ?? []);
  const guarded = guard(edge, server);
  new ReflectionService(describeApi(), { services: names }).addToServer(guarded);
  const health = new HealthImplementation();
  health.addToServer(guarded);
  return (status) => {
    for (const name of ['', ...names]) health.setStatus(name, status);
  };
}

/**
 * The API as its compiler describes it, in the form that the package reads. What can be made of the proto files at run time
 * has neither imports nor full names (grpc-node issue 2595), and clients that check, such as grpcurl and buf curl, refuse it.
 */
export function describeApi(): Record<string, MessageTypeDefinition<object, object>> {
  const { file } = fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS.join(''), 'base64'));
  const fileDescriptorProtos = file.map((one) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, one)),
  );
  const unused = (): never => {
    throw new Error('a description has no messages');
  };
  return {
    'isobar.v1': {
      format: 'Protocol Buffer 3 DescriptorProto',
      type: {},
      fileDescriptorProtos,
      serialize: unused,
      deserialize: unused,
    },
  };
}

/** A server that puts admission and policy in front of handlers that other packages wrote. */
function guard(edge: Edge, server: Server): Pick<Server, 'addService'> {
  return {
    addService(definition, implementation) {
      const wrapped = Object.entries(definition).map(([name, method]) => {
        const handler = implementation[name] ?? implementation[method.originalName ?? ''];
        if (!isMethodPath(method.path)) throw new Error(`${method.path} has no row in the policy`);
        if (handler === undefined) throw new Error(`${method.path} has no handler`);
        const wrap = method.responseStream ? guardStream : guardUnary;
        return [name, wrap(edge, method.path, handler)] as const;
      });
      server.addService(definition, Object.fromEntries(wrapped));
    },
  };
}

// The packages' handlers are untyped, and so is what passes through here.
type AnyUnary = (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => void;
type AnyStream = (
  call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
) => void;

function guardUnary(edge: Edge, path: MethodPath, inner: UntypedHandleCall): UntypedHandleCall {
  const outer: AnyUnary = (call, callback) => {
    const running = new RunningCall(edge, path, call, false, (status) => callback(status));
    void running.run(() => {
      running.demand(FEDERATION);
      (inner as AnyUnary)(call, (error, value, trailer) =>
        running.succeed(() => callback(error, value, trailer)),
      );
    });
  };
  return outer;
}

function guardStream(edge: Edge, path: MethodPath, inner: UntypedHandleCall): UntypedHandleCall {
  const outer: AnyStream = (call) => {
    const running = new RunningCall(edge, path, call, true, (status) => {
      call.emit('error', status);
    });
    void running.run(() => {
      running.demand(FEDERATION);
      call.on('finish', () => running.succeed(() => {}));
      (inner as AnyStream)(call);
    });
  };
  return outer;
}

function serviceNameOf(definition: Implemented['definition']): string | undefined {
  const path = Object.values(definition)[0]?.path;
  return path?.slice(1, path.lastIndexOf('/'));
}
