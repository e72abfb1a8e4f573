// The way from an agent to the controller over gRPC: the control stream, and beside it, over a connection of its own, the bulk
// stream that carries logs, so that heartbeats never wait behind bytes.
import { type Channel, Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
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

const CONNECT_DEADLINE_MS = 10_000;
const REASON_DEADLINE_MS = 1_000;

export interface UplinkOptions {
  /** A channel to the controllers with a connection of its own. */
  readonly openChannel: () => Channel;
  readonly executor: Executor;
}

export class GrpcUplink implements Uplink {
  readonly #options: UplinkOptions;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  connect(events: UplinkEvents): Connection {
    const { executor, openChannel } = this.#options;
    const control = clientOn(openChannel());
    const bulk = clientOn(openChannel());
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
      if (error !== undefined) {
        return whyNot(control, (why) => close(`the controller cannot be reached: ${why}`));
      }
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

/**
 * Waiting tells only that it was in vain. A call on a channel that could not connect fails with what the last attempt met: a
 * closed port, or a controller of another authority.
 */
function whyNot(client: Client, tell: (why: string) => void): void {
  const { path, requestSerialize, responseDeserialize } = AgentServiceService.connect;
  const call: ClientDuplexStream<ConnectRequest, ConnectResponse> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { deadline: Date.now() + REASON_DEADLINE_MS },
  );
  call.on('data', () => {});
  call.on('error', (failure) => tell(failure.message));
  call.on('end', () => tell('it did not answer in time'));
}

/** The channel has its address and credentials already. */
function clientOn(channel: Channel): Client {
  return new Client('', credentials.createInsecure(), { channelOverride: channel });
}

function openControl(client: Client): ClientDuplexStream<ConnectRequest, ConnectResponse> {
  const { path, requestSerialize, responseDeserialize } = AgentServiceService.connect;
  return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
}

/** Serves the controller's reads of logs for as long as the stream lives. */
function openBulk(
  client: Client,
  executor: Executor,
): ClientDuplexStream<AttachDataRequest, AttachDataResponse> {
  const { path, requestSerialize, responseDeserialize } = AgentServiceService.attachData;
  const stream: ClientDuplexStream<AttachDataRequest, AttachDataResponse> =
    client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const server = new LogServer(executor, {
    send: (message) => stream.write(message),
    onDrain: (call) => stream.once('drain', call),
  });
  stream.on('data', (request: AttachDataResponse) => server.receive(request));
  // The control stream decides over the connection; without this one, logs cannot be read and nothing else suffers.
  stream.on('error', () => server.close());
  stream.on('end', () => server.close());
  stream.write({
    request: 0,
    data: new Uint8Array(),
    skippedBytes: 0,
    done: false,
    error: undefined,
  });
  return stream;
}
