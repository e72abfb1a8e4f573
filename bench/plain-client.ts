// Unary calls over HTTP/2 by hand: what a client costs that does nothing but send and read. grpc-js takes longer for a call than the
// controller does, and on a machine that both share it would be measured instead.
import { connect, constants, type ClientHttp2Session } from 'node:http2';

const { HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, HTTP2_HEADER_CONTENT_TYPE, HTTP2_HEADER_TE } =
  constants;
const PREFIX_BYTES = 5;

export interface PlainIdentity {
  readonly address: string;
  readonly authorityPem: string;
  readonly keyPem: string;
  readonly chainPem: string;
}

export class PlainClient {
  readonly #session: ClientHttp2Session;

  constructor({ address, authorityPem: ca, keyPem: key, chainPem: cert }: PlainIdentity) {
    const options = { ca, key, cert, ALPNProtocols: ['h2'], servername: 'localhost' };
    this.#session = connect(`https://${address}`, {
      ...options,
      checkServerIdentity: () => undefined,
    });
  }

  /** Rejects unless the status is OK. The answer is read and thrown away. */
  unary(path: string, message: Uint8Array): Promise<void> {
    const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
    frame[0] = 0;
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, PREFIX_BYTES);
    return new Promise((resolve, reject) => {
      const call = this.#session.request({
        [HTTP2_HEADER_METHOD]: 'POST',
        [HTTP2_HEADER_PATH]: path,
        [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        [HTTP2_HEADER_TE]: 'trailers',
      });
      call.on('trailers', (trailers) => {
        if (trailers['grpc-status'] === '0') resolve();
        else reject(new Error(`status ${String(trailers['grpc-status'])}`));
      });
      call.on('error', reject);
      call.resume();
      call.end(frame);
    });
  }

  close(): void {
    this.#session.close();
  }
}
