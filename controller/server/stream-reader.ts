// Reads the messages of a client's stream one by one, as its handler asks for them.
import type { Readable } from 'node:stream';

/**
 * The messages until the client ends its half; throws the signal's reason when the call is over before. It leaves the
 * stream open behind it: the usual iterator of a stream destroys it, and the answer with it.
 */
export async function* messagesOf(
  source: Readable,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    signal.throwIfAborted();
    // One message for each read: the stream is in object mode, and grpc-js fills it with what requestDeserialize made.
    const message = source.read() as Buffer | null;
    if (message !== null) yield message;
    else if (source.readableEnded) return;
    else await change(source, signal);
  }
}

/** Settles when there may be something to read, the client has ended its half, or the call is over. */
function change(source: Readable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      source.off('readable', done).off('end', done).off('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    source.on('readable', done).on('end', done).on('close', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
