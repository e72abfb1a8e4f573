// The way from an agent to the controller over gRPC: the control stream, and beside it, over a connection of its own, the bulk
// stream that carries logs, so that heartbeats never wait behind bytes.
import {
  Client,
  type ChannelCredentials,
  type ChannelOptions,
  type ClientDuplexStream,
} from '@grpc/grpc-js';
import {
  AgentServiceService,
  type AttachDataRequest,
  type AttachDataResponse,
  type ConnectRequest,
  type ConnectResponse,
} from '#gen/isobar/v1/agent.ts';
import type { Executor } from '#ports/executor.ts';
import type { Connection, Uplink, UplinkEvents } from './agent.ts';
import { LogServer } from './log-server.ts';

/** A hello names all nodes and all runs of a data center. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const CONNECT_DEADLINE_MS = 10_000;

const OPTIONS: ChannelOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  // Streams of different uplinks must not share a connection.
  'grpc.use_local_subchannel_pool': 1,
};

export interface UplinkOptions {
  /** host:port of the controllers, tried in turn. */
  readonly addresses: readonly string[];
  /** Asked at every connect: the certificate may have been renewed. */
  credentials(): ChannelCredentials;
  /** Name in the controllers' certificates, where it is not the address. */
  readonly serverName?: string;
  readonly executor: Executor;
}

export class GrpcUplink implements Uplink {
  readonly #options: UplinkOptions;
  #next = 0;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  connect(events: UplinkEvents): Connection {
    const { addresses, executor, serverName } = this.#options;
    const address = addresses[this.#next++ % addresses.length] ?? '';
    const options = serverName === undefined ? OPTIONS : { ...OPTIONS, 'grpc.ssl_target_name_override': serverName };
    const credentials = this.#options.credentials();
    const control = new Client(address, credentials, options);
    const bulk = new Client(address, credentials, options);
    let isClosed = false;
    const close = (why: string): void => {
      if (isClosed) return;
      isClosed = true;
      control.close();
      bulk.close();
      events.closed(why);
    };
    let stream: ClientDuplexStream<ConnectRequest, ConnectResponse> | undefined;
    let data: ClientDuplexStream<AttachDataRequest, AttachDataResponse> | undefined;
    control.waitForReady(Date.now() + CONNECT_DEADLINE_MS, (error) => {
      if (isClosed) return;
      if (error !== undefined) return close(`${address} cannot be reached: ${error.message}`);
      stream = openControl(control);
      stream.on('data', (message: ConnectResponse) => {
        if (!isClosed) events.received(message);
      });
      // What the server says when it ends a stream comes as an error or as a status, or both.
      stream.on('error', (failure) => close(failure.message));
      stream.on('end', () => close('the controller ended the session'));
      data = openBulk(bulk, executor);
      events.opened();
    });
    return {
      send: (message) => {
        if (!isClosed) stream?.write(message);
      },
      close: () => {
        if (isClosed) return;
        isClosed = true;
        stream?.on('error', () => {});
        stream?.cancel();
        data?.cancel();
        control.close();
        bulk.close();
      },
    };
  }
}

function openControl(client: Client): ClientDuplexStream<ConnectRequest, ConnectResponse> {
  const { path, requestSerialize, responseDeserialize } = AgentServiceService.connect;
  return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
}

/** Serves the controller's reads of logs for as long as the stream lives. */
function openBulk(client: Client, executor: Executor): ClientDuplexStream<AttachDataRequest, AttachDataResponse> {
  const { path, requestSerialize, responseDeserialize } = AgentServiceService.attachData;
  const stream: ClientDuplexStream<AttachDataRequest, AttachDataResponse> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
  );
  const server = new LogServer(executor, {
    send: (message) => stream.write(message),
    onDrain: (call) => stream.once('drain', call),
  });
  stream.on('data', (request: AttachDataResponse) => server.receive(request));
  // The control stream decides over the connection; without this one, logs cannot be read and nothing else suffers.
  stream.on('error', () => server.close());
  stream.on('end', () => server.close());
  stream.write({ request: 0, data: new Uint8Array(), skippedBytes: 0, done: false, error: undefined });
  return stream;
}
