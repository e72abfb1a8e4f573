import { request as plainRequest, type IncomingHttpHeaders } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { createServer } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { SILENT } from '#ports/telemetry.ts';
import { makeCertificates } from './certificates.contract.ts';
import { listenMetrics, type MetricsListener, type MetricsListenerOptions } from './http.ts';
import { Readiness } from './readiness.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function listen(options: Partial<MetricsListenerOptions> = {}): Promise<MetricsListener> {
  const listener = await listenMetrics({
    address: '127.0.0.1:0',
    render: () => Promise.resolve('isobar_x_jobs 1\n'),
    notReady: () => [],
    telemetry: SILENT,
    ...options,
  });
  open.push(listener);
  return listener;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: { readonly ca: string; readonly key?: string; readonly cert?: string };
}

function ask({ address }: MetricsListener, path: string, asking: Asking = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, tls } = asking;
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(address) ?? [];
  const options = { host, port, path, method, headers, agent: false as const, ...tls };
  return new Promise((resolve, reject) => {
    const request = (tls === undefined ? plainRequest : tlsRequest)(options, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => {
        const { statusCode: status, headers: answered } = response;
        resolve({ status, headers: answered, body: Buffer.concat(pieces) });
      });
    });
    request.on('error', reject);
    request.end();
  });
}

describe('/metrics', () => {
  test('is a scrape', async () => {
    const { status, headers, body } = await ask(await listen(), '/metrics?x=1');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers['content-encoding']).toBeUndefined();
    expect(String(body)).toBe('isobar_x_jobs 1\n');
  });

  test('has only a head when only the head is asked for', async () => {
    const { status, headers, body } = await ask(await listen(), '/metrics', { method: 'HEAD' });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(body).toHaveLength(0);
  });

  test.each([
    ['large and asked for', 'gzip, deflate', 100_000, true],
    ['large and asked for with a weight', 'deflate;q=0.1, gzip;q=0.5', 100_000, true],
    ['large and not asked for', '', 100_000, false],
    ['large and refused', 'gzip;q=0', 100_000, false],
    ['small', 'gzip', 100, false],
  ])('is compressed or not: %s', async (_, encodings, size, isCompressed) => {
    const text = `${'x'.repeat(size - 1)}\n`;
    const listener = await listen({ render: () => Promise.resolve(text) });
    const { headers, body } = await ask(listener, '/metrics', {
      headers: { 'accept-encoding': encodings },
    });
    expect(headers['content-encoding']).toBe(isCompressed ? 'gzip' : undefined);
    expect(Number(headers['content-length'])).toBe(body.length);
    expect(String(isCompressed ? gunzipSync(body) : body)).toBe(text);
  });

  test('says that there is nothing yet', async () => {
    const listener = await listen({ render: () => undefined });
    expect((await ask(listener, '/metrics')).status).toBe(503);
  });

  test('that fails says where to look, and the log has it', async () => {
    const logged: string[] = [];
    const error = (message: string): void => void logged.push(message);
    const listener = await listen({
      render: () => Promise.reject(new Error('secret of the state')),
      telemetry: { ...SILENT, error },
    });
    const { status, body } = await ask(listener, '/metrics');
    expect(status).toBe(500);
    expect(String(body)).not.toContain('secret');
    expect(logged).toEqual(['a scrape failed']);
  });

  test('is rendered for four at a time, and for the next ones when those have gone', async () => {
    let finish: (text: string) => void = () => {};
    let arrived: () => void = () => {};
    const four = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const text = new Promise<string>((resolve) => {
      finish = resolve;
    });
    let scrapes = 0;
    const render = (): Promise<string> => {
      if (++scrapes === 4) arrived();
      return text;
    };
    const listener = await listen({ render });
    const waiting = [1, 2, 3, 4].map(() => ask(listener, '/metrics'));
    await four;
    const { status, headers } = await ask(listener, '/metrics');
    expect([status, headers['retry-after'], scrapes]).toEqual([503, '1', 4]);
    expect((await ask(listener, '/healthz')).status).toBe(200);
    finish('isobar_x_jobs 1\n');
    expect((await Promise.all(waiting)).map((answer) => answer.status)).toEqual([
      200, 200, 200, 200,
    ]);
    expect((await ask(listener, '/metrics')).status).toBe(200);
  });
});

describe('health', () => {
  test('/healthz says that the process lives', async () => {
    const { status, body } = await ask(await listen({ notReady: () => ['x'] }), '/healthz');
    expect([status, String(body)]).toEqual([200, 'ok\n']);
  });

  test('/readyz says what stands in the way until nothing does', async () => {
    const readiness = new Readiness();
    const listener = await listen({ notReady: () => readiness.reasons });
    const look = async () => {
      const { status, body } = await ask(listener, '/readyz');
      return [status, String(body)];
    };
    expect(await look()).toEqual([
      503,
      'not ready\nthe log is being read\nthe log is not open for writing\nthe listeners are not open\n',
    ]);
    readiness.done('recovered');
    readiness.done('log');
    expect(await look()).toEqual([503, 'not ready\nthe listeners are not open\n']);
    readiness.done('listening');
    expect(await look()).toEqual([200, 'ready\n']);
    readiness.undone('log', 'the disk is full');
    expect(await look()).toEqual([503, 'not ready\nthe disk is full\n']);
  });
});

describe('what is not there', () => {
  test.each([
    ['GET', '/', 404],
    ['POST', '/else', 404],
    ['GET', '/metrics/', 404],
    ['POST', '/metrics', 405],
    ['DELETE', '/readyz', 405],
  ])('%s %s is %i', async (method, path, expected) => {
    const { status, headers } = await ask(await listen(), path, { method });
    expect(status).toBe(expected);
    expect(headers.allow).toBe(expected === 405 ? 'GET, HEAD' : undefined);
  });
});

describe('the listener', () => {
  test.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:0', 'example.org:0'])(
    'is not plain on %s, where others come',
    async (address) => {
      await expect(listen({ address })).rejects.toThrow('Configure a key and a certificate');
    },
  );

  test('may be plain wherever only this machine comes', async () => {
    for (const address of ['127.0.0.1:0', '127.1.2.3:0', 'localhost:0']) {
      expect((await ask(await listen({ address }), '/healthz')).status).toBe(200);
    }
  });

  test.each(['', 'localhost', ':1', '127.0.0.1:70000', '[nonsense]:1', '::1:1'])(
    'refuses the address "%s"',
    async (address) => {
      await expect(listen({ address })).rejects.toThrow('no address to listen on');
    },
  );

  test('says what to do when its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    open.push({ close: () => new Promise((resolve) => void other.close(() => resolve())) });
    const bound = other.address();
    const port = typeof bound === 'object' ? bound?.port : 0;
    await expect(listen({ address: `127.0.0.1:${port}` })).rejects.toThrow(
      `another program has the port. See which one with "ss -ltnp 'sport = :${port}'"`,
    );
  });

  test('with TLS shows metrics to those of its authority, and health to all', async () => {
    const { ca, server, client, stranger } = await makeCertificates();
    const tls = { ...server, clientAuthority: ca };
    const listener = await listen({ address: '127.0.0.1:0', tls });
    const status = async (path: string, by: object): Promise<number | undefined> =>
      (await ask(listener, path, { tls: { ca, ...by } })).status;
    expect(await status('/metrics', client)).toBe(200);
    expect(await status('/metrics', stranger)).toBe(403);
    expect(await status('/metrics', {})).toBe(403);
    expect(await status('/readyz', {})).toBe(200);
    await expect(ask(listener, '/healthz')).rejects.toThrow('socket hang up');
  });

  test('with TLS may listen anywhere, and takes a new certificate while it runs', async () => {
    const before = await makeCertificates();
    const after = await makeCertificates();
    const tls = { ...before.server, clientAuthority: undefined };
    const listener = await listen({ address: '0.0.0.0:0', tls });
    const here = { ...listener, address: listener.address.replace('0.0.0.0', '127.0.0.1') };
    const metrics = ({ ca }: { readonly ca: string }) => ask(here, '/metrics', { tls: { ca } });
    expect((await metrics(before)).status).toBe(200);
    listener.rotate({ ...after.server, clientAuthority: undefined });
    expect((await metrics(after)).status).toBe(200);
    await expect(metrics(before)).rejects.toThrow('certificate');
  });
});
