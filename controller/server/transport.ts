// What grpc-js keeps to itself and the edge cannot do without: the connection of a call, a status that overtakes
// messages that are stuck, and the reset of a stream whose client reads nothing at all. No public function does these;
// the tests of the edge fail when an update of grpc-js moves them.
import type { ServerHttp2Stream } from 'node:http2';
import type { StatusObject } from '@grpc/grpc-js';

/** The part that all calls of grpc-js have in common. */
export interface CallHandle {
  getPeer(): string;
}

interface Inner {
  readonly nextCall?: Inner;
  readonly stream?: ServerHttp2Stream;
  sendStatus?(status: StatusObject): void;
}

/** Something that lives as long as the connection, to remember things about it. */
export function connectionOf(call: CallHandle): object | undefined {
  return streamOf(call)?.session;
}

/**
 * Ends a call with a status that does not wait for queued messages, only for the one that is on the wire. The public way
 * (`emit('error')`) flushes first, and so never ends a stream that nobody reads.
 */
export function sendStatusNow(call: CallHandle, status: StatusObject): void {
  innerOf(call)?.sendStatus?.(status);
}

/**
 * Lets the calls of a connection end and takes no more on it: its client comes back over a new one, with its newest
 * certificate.
 */
export function retireConnection(call: CallHandle): void {
  const session = streamOf(call)?.session;
  if (session !== undefined && !session.closed) session.close();
}

/** Ends a stream for good; a client that reads again sees a cancelled call. Harmless when it has ended. */
export function resetStream(call: CallHandle): void {
  const stream = streamOf(call);
  if (stream !== undefined && !stream.destroyed) stream.close(8); // CANCEL of RFC 9113
}

/**
 * Whether the client has reset the stream. The end of its messages is seen before the cancellation is, and would pass
 * for a client that has said all it had to say. (Node's clients end their half first in earnest: for them nothing but the
 * signal tells.)
 */
export function wasReset(call: CallHandle): boolean {
  const stream = streamOf(call);
  return stream !== undefined && (stream.closed || stream.destroyed);
}

/** Calls back when nothing of the call is left on the connection. */
export function onStreamClosed(call: CallHandle, callback: () => void): void {
  const stream = streamOf(call);
  if (stream === undefined || stream.destroyed) callback();
  else stream.once('close', callback);
}

function streamOf(call: CallHandle): ServerHttp2Stream | undefined {
  let inner = innerOf(call);
  while (inner?.nextCall !== undefined) inner = inner.nextCall;
  return inner?.stream;
}

function innerOf(call: CallHandle): Inner | undefined {
  return (call as { readonly call?: Inner }).call; // private in the types, there in all four kinds of call
}
