// A watch of everything whose client does not read. The usual client of Node reads messages ahead into memory before anybody asks for
// one; this one speaks HTTP/2 itself and leaves its stream alone, so that the window of the stream fills and stays full. The
// connection lives on: it answers pings, and is not given up for dead.
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { once } from 'node:events';
import { CONTROLLER_NAME } from '#client/addresses.ts';
import type { Credentials } from '#client/credentials.ts';
import { decodeStatus } from '#client/errors.ts';
import { codeName, type Code } from '#client/isobar-error.ts';
import { EventServiceService, WatchEventsRequest } from '#gen/isobar/v1/event.ts';
import { hear, type Heard } from './events.ts';

/** How it went for one reader. */
export interface Fate {
  /** What lay there when it read at last. */
  readonly heard: readonly Heard[];
  readonly bytes: number;
  /** Undefined: the stream was reset before a status could be read. */
  readonly code: Code | undefined;
  readonly reason: string;
  /** Where it was told to resume. */
  readonly resume: number | undefined;
}

const HEADER_BYTES = 5;

export class DeafWatch {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #closed: Promise<void>;
  #trailers: Readonly<Record<string, unknown>> = {};

  private constructor(session: ClientHttp2Session, stream: ClientHttp2Stream) {
    this.#session = session;
    this.#stream = stream;
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers;
    });
    // A reset comes as an error; what there is to say of it is in the trailers, or that there are none.
    stream.on('error', () => {});
    this.#closed = new Promise((resolve) => stream.once('close', resolve));
  }

  /** Answers when the controller has begun to answer. */
  static async open(api: string, from: Credentials, fromRevision: number): Promise<DeafWatch> {
    const session = connect(`https://${api}`, {
      ca: from.authorityPem,
      cert: from.chainPem,
      key: from.keyPem,
      servername: CONTROLLER_NAME,
    });
    await once(session, 'connect');
    const stream = session.request({
      ':method': 'POST',
      ':path': EventServiceService.watchEvents.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const begun = once(stream, 'response');
    stream.end(framed(WatchEventsRequest.create({ parent: 'tenants/-', fromRevision })));
    await begun;
    return new DeafWatch(session, stream);
  }

  /** Reads at last, to the end of the stream. */
  async read(): Promise<Fate> {
    const pieces: Buffer[] = [];
    this.#stream.on('data', (piece: Buffer) => pieces.push(piece));
    await this.#closed;
    this.#session.close();
    const bytes = Buffer.concat(pieces);
    const { 'grpc-status': code, 'grpc-status-details-bin': details } = this.#trailers;
    const { reason, metadata } =
      typeof details === 'string' ? decodeStatus(Buffer.from(details, 'base64')) : NOTHING;
    const told = metadata?.['resume_revision'];
    return {
      heard: [...messagesIn(bytes)].map((message) => hear(message).response),
      bytes: bytes.length,
      code: code === undefined ? undefined : codeName(Number(code)),
      reason: reason ?? '',
      resume: told === undefined ? undefined : Number(told),
    };
  }
}

const NOTHING = { reason: '', metadata: undefined };

function framed(request: WatchEventsRequest): Buffer {
  const bytes = WatchEventsRequest.encode(request).finish();
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

/** One that was cut off is none. */
function* messagesIn(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const end = at + HEADER_BYTES + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) return;
    yield bytes.subarray(at + HEADER_BYTES, end);
    at = end;
  }
}
