// The listener for those who watch the controller: `/metrics` for Prometheus, `/healthz` (the process lives) and `/readyz` (it
// can serve; else 503 and why). Plain only where nobody else can come, on loopback; TLS everywhere else.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Telemetry } from '#ports/telemetry.ts';
import { checkLoopback, formatAddress, parseAddress, whyNotBound } from './address.ts';

interface Tls {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /**
   * PEM: `/metrics`, which names tenants and tells what they use, is only for those who show a certificate of this authority.
   * Undefined: for everybody who can reach the port.
   */
  readonly clientAuthority: string | undefined;
}

export interface MetricsListenerOptions {
  /** `host:port`, `[::1]:port`; port 0 takes any that is free. */
  readonly address: string;
  /** Required unless the host is loopback. */
  readonly tls?: Tls;
  /** The text of a scrape; undefined: there is nothing to tell yet. */
  readonly render: () => Promise<string> | undefined;
  /** Why the controller cannot serve; empty: it can. */
  readonly notReady: () => readonly string[];
  readonly telemetry: Telemetry;
}

export interface MetricsListener {
  /** `host:port` with the port that was taken. */
  readonly address: string;
  /** New key and certificate for connections to come. */
  rotate(tls: Tls): void;
  /** Scrapes under way may end, but not for long. */
  close(): Promise<void>;
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';
/** Two Prometheus servers, a person, and one to spare. Each holds its whole text until it has read it. */
const MOST_SCRAPES = 4;
const MOST_CONNECTIONS = 64;
/** Prometheus gives up after 10 s unless told otherwise. */
const PATIENCE_MS = 10_000;
const CLOSE_GRACE_MS = 1000;
/** Below this a packet or a few carry it anyhow. */
const GZIP_FROM_BYTES = 16 * 1024;

const compress = promisify(gzip);

export async function listenMetrics(options: MetricsListenerOptions): Promise<MetricsListener> {
  const { host, port } = parseAddress(options.address);
  const { tls } = options;
  if (tls === undefined) checkLoopback(options.address, host);
  const pages = new Pages(options);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    void pages.answer(request, response);
  };
  const server = tls === undefined ? createServer(answer) : createTlsServer(toContext(tls), answer);
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = PATIENCE_MS;
  server.requestTimeout = PATIENCE_MS;
  server.timeout = PATIENCE_MS;
  await bind(server, host, port, options.address);
  const bound = server.address();
  // Of a server that listens on a port, not on a pipe.
  if (bound === null || typeof bound === 'string') throw new Error('the listener has no address');
  if (tls === undefined && host === 'localhost') {
    try {
      checkLoopback(options.address, bound.address);
    } catch (error) {
      server.close();
      throw error;
    }
  }
  return {
    address: formatAddress(host, bound.port),
    rotate: (next) => {
      if (server instanceof TlsServer) server.setSecureContext(toContext(next));
    },
    close: () => close(server),
  };
}

class Pages {
  readonly #options: MetricsListenerOptions;
  #scrapes = 0;

  constructor(options: MetricsListenerOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace(/[?#].*/s, '');
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!['/metrics', '/healthz', '/readyz'].includes(path)) {
      return send(request, response, 404, 'not found: there are /metrics, /healthz and /readyz\n');
    }
    if (!isRead) {
      response.setHeader('allow', 'GET, HEAD');
      return send(request, response, 405, 'this can only be read: use GET\n');
    }
    if (path === '/healthz') return send(request, response, 200, 'ok\n');
    if (path === '/readyz') {
      const reasons = this.#options.notReady();
      if (reasons.length === 0) return send(request, response, 200, 'ready\n');
      return send(
        request,
        response,
        503,
        `not ready\n${reasons.map((why) => `${why}\n`).join('')}`,
      );
    }
    await this.#metrics(request, response);
  }

  async #metrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { tls, telemetry } = this.#options;
    if (tls?.clientAuthority !== undefined && !isKnown(request)) {
      const message = 'metrics are for those who show a certificate of the authority\n';
      return send(request, response, 403, message);
    }
    if (request.method === 'HEAD') {
      response.writeHead(200, { 'content-type': METRICS_TYPE }).end();
      return;
    }
    if (this.#scrapes >= MOST_SCRAPES) {
      response.setHeader('retry-after', '1');
      return send(request, response, 503, `${MOST_SCRAPES} scrapes are under way: try again\n`);
    }
    this.#scrapes++;
    response.once('close', () => this.#scrapes--);
    try {
      const text = await this.#options.render();
      if (text === undefined) return send(request, response, 503, 'there are no metrics yet\n');
      await sendScrape(request, response, text);
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      telemetry.error('a scrape failed', { error: message });
      if (response.headersSent) response.destroy();
      else send(request, response, 500, 'the scrape failed: the log of the controller says why\n');
    }
  }
}

async function sendScrape(
  request: IncomingMessage,
  response: ServerResponse,
  text: string,
): Promise<void> {
  let body = Buffer.from(text);
  response.setHeader('content-type', METRICS_TYPE);
  response.setHeader('vary', 'accept-encoding');
  if (body.length >= GZIP_FROM_BYTES && acceptsGzip(request.headers['accept-encoding'])) {
    // In another thread, and the fastest: the text repeats itself, so that even this makes a tenth of it.
    body = await compress(body, { level: 1 });
    response.setHeader('content-encoding', 'gzip');
  }
  response.setHeader('content-length', body.length);
  response.writeHead(200).end(body);
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
): void {
  response.writeHead(status, {
    'content-type': TEXT_TYPE,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .some((part) => {
      const [coding = '', ...parameters] = part
        .split(';')
        .map((piece) => piece.trim().toLowerCase());
      const isRefused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
      return (coding === 'gzip' || coding === 'x-gzip') && !isRefused;
    });
}

function isKnown({ socket }: IncomingMessage): boolean {
  return socket instanceof TLSSocket && socket.authorized;
}

function toContext({ key, cert, clientAuthority }: Tls) {
  return {
    key,
    cert,
    minVersion: 'TLSv1.3' as const,
    // Health is for everybody, so a connection without a certificate is taken and looked at later.
    ...(clientAuthority === undefined
      ? {}
      : { ca: clientAuthority, requestCert: true, rejectUnauthorized: false }),
  };
}

function bind(server: Server, host: string, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(whyNotBound(address, error), { cause: error })),
    );
    server.listen({ host, port }, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
