// A federation's edge for tests: an authority, a directory that a test changes at will, real listeners on loopback and
// clients with whatever certificate a test wants.
import { randomBytes } from 'node:crypto';
import {
  Client,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ClientOptions,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import { isRefusal } from '#domain/refusal.ts';
import type { Role } from '#gen/isobar/v1/user.ts';
import type { Clock } from '#ports/clock.ts';
import type { Fields, Telemetry } from '#ports/telemetry.ts';
import {
  CONTROLLER_NAME,
  foundAuthority,
  keyToPem,
  newKeyPair,
  type Authority,
} from './authority.ts';
import type { Implemented } from './call.ts';
import { makeEdge, type Edge, type EdgeOptions } from './edge.ts';
import { formatIdentity, type Identity } from './identity.ts';
import { listenApi, type Listener, type ListenOptions } from './listen.ts';
import { API_RATES } from './limits.ts';
import { Pkcs10CertificateRequestGenerator } from './x509.ts';

export const ANNA: Identity = { kind: 'user', tenant: 'energy', user: 'anna' };
export const OMAR: Identity = { kind: 'operator', user: 'omar' };
export const NORTH: Identity = { kind: 'agent', dataCenter: 'north-1' };

export const realClock: Clock = {
  wallMs: () => Date.now(),
  bootMs: () => performance.now(),
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (call) => void setImmediate(call),
};

export interface Line {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Fields;
}

export interface Observation {
  readonly method: string;
  readonly code: string;
  readonly seconds: number;
}

export class Testbed {
  readonly authority: Authority;
  readonly edge: Edge;
  readonly lines: Line[] = [];
  readonly observed: Observation[] = [];
  /** Identity → what the state says of it. Whoever is not in it is unknown. */
  readonly known = new Map<string, readonly Role[] | 'revoked'>();
  /** Tenant → the one above it. */
  readonly parents = new Map<string, string>([
    ['nation', ''],
    ['energy', 'nation'],
    ['grid', 'energy'],
    ['health', ''],
  ]);
  readonly #open: { close(): void | Promise<void> }[] = [];

  constructor(authority: Authority, options: Partial<EdgeOptions> = {}) {
    this.authority = authority;
    this.edge = makeEdge({
      clock: realClock,
      random: { next: Math.random, bytes: (count) => randomBytes(count) },
      telemetry: this.#recorder(),
      directory: {
        lookup: ({ uri }) => this.known.get(uri) ?? 'unknown',
        parentOf: (tenant) => this.parents.get(tenant),
      },
      observe: (method, code, seconds) => this.observed.push({ method, code, seconds }),
      rates: API_RATES,
      ...options,
    });
  }

  know(identity: Identity, ...roles: Role[]): void {
    this.known.set(formatIdentity(identity), roles);
  }

  async listen(
    services: readonly Implemented[],
    options: Partial<ListenOptions> = {},
  ): Promise<Listener> {
    const defaults = { address: '127.0.0.1:0', authority: this.authority, names: ['127.0.0.1'] };
    const listener = await listenApi(this.edge, { ...defaults, ...options }, services);
    this.#open.push({ close: () => listener.stop(0) });
    return listener;
  }

  /** Credentials of a certificate that this or another authority signs for an identity. */
  async credentialsFor(
    identity: Identity,
    options: { nowMs?: number; lifetimeMs?: number; signer?: Authority } = {},
  ): Promise<ChannelCredentials> {
    const { nowMs = Date.now(), lifetimeMs = 3_600_000, signer = this.authority } = options;
    const { keyPem, chainPem } = await issueFor(signer, identity, nowMs, lifetimeMs);
    return credentials.createSsl(
      Buffer.from(this.authority.certificatePem),
      Buffer.from(keyPem),
      Buffer.from(chainPem),
    );
  }

  async client(address: string, identity: Identity, options: ClientOptions = {}): Promise<Client> {
    return this.clientWith(address, await this.credentialsFor(identity), options);
  }

  clientWith(address: string, creds: ChannelCredentials, options: ClientOptions = {}): Client {
    const client = new Client(address, creds, {
      // Connections of tests must not be shared: they differ in their certificates.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.ssl_target_name_override': CONTROLLER_NAME,
      ...options,
    });
    this.#open.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const open of this.#open.toReversed()) await open.close();
  }

  #recorder(): Telemetry {
    const record =
      (level: Line['level']) =>
      (message: string, fields: Fields = {}) =>
        void this.lines.push({ level, message, fields });
    return { info: record('info'), warn: record('warn'), error: record('error') };
  }
}

export async function makeTestbed(options: Partial<EdgeOptions> = {}): Promise<Testbed> {
  const { authority } = await foundAuthority(Date.now());
  return new Testbed(authority, options);
}

export async function issueFor(
  signer: Authority,
  identity: Identity,
  nowMs: number,
  lifetimeMs: number,
): Promise<{ readonly keyPem: string; readonly chainPem: string }> {
  const keys = await newKeyPair();
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  const issued = await signer.issueClient(
    identity,
    new Uint8Array(request.rawData),
    nowMs,
    lifetimeMs,
  );
  if (isRefusal(issued)) throw new Error(issued.message);
  return { keyPem: keyToPem(keys.privateKey), chainPem: issued.chainPem };
}

interface ClientMethod<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export interface Answered<Response> {
  readonly response: Response | undefined;
  readonly error: ServiceError | null;
  readonly status: StatusObject;
}

/** Makes a call and answers what came of it; it never rejects. */
export function ask<Request, Response>(
  client: Client,
  method: ClientMethod<Request, Response>,
  request: Request,
  options: { requestId?: string; deadline?: number } = {},
): Promise<Answered<Response>> {
  const metadata = new Metadata();
  if (options.requestId !== undefined) metadata.set('x-request-id', options.requestId);
  return new Promise((resolve) => {
    let answer: Pick<Answered<Response>, 'response' | 'error'> | undefined;
    let status: StatusObject | undefined;
    const settle = (): void => {
      if (answer !== undefined && status !== undefined) resolve({ ...answer, status });
    };
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      options.deadline === undefined ? {} : { deadline: options.deadline },
      (error, response) => {
        answer = { error, response };
        settle();
      },
    );
    call.on('status', (given: StatusObject) => {
      status = given;
      settle();
    });
  });
}
