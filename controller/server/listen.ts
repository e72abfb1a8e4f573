// Opens the two doors: the API, where everybody shows a certificate, and enrolment, where nobody has one yet.
import tls from 'node:tls';
import { Server, setLogger } from '@grpc/grpc-js';
import { refuse } from '#domain/refusal.ts';
import { reasonToEnd } from './admission.ts';
import type { Authority, KeyAndCertificate } from './authority.ts';
import type { Implemented } from './call.ts';
import type { Edge } from './edge.ts';
import {
  MAX_ENROLMENT_MESSAGE_BYTES,
  MAX_MESSAGE_BYTES,
  serverOptions,
  SWEEP_INTERVAL_MS,
} from './limits.ts';
import { EXPIRING } from './open-calls.ts';
import { isMethodPath, rowOf } from './policy.ts';
import { addReflectionAndHealth } from './reflection.ts';
import { RotatingCredentials } from './server-credentials.ts';

// For whatever in this process speaks TLS without saying how.
tls.DEFAULT_MIN_VERSION = 'TLSv1.3';

export interface ListenOptions {
  /** `host:port`, `[::1]:port`; port 0 takes any that is free. */
  readonly address: string;
  readonly authority: Authority;
  /** DNS names and addresses under which clients reach this listener. */
  readonly names: readonly string[];
  /** Life of the server's certificate; it is exchanged at two thirds. */
  readonly certificateLifetimeMs?: number;
}

export interface Listener {
  /** `host:port` with the port that was taken. */
  readonly address: string;
  readonly port: number;
  /** Takes nothing new, ends streams so that clients come back elsewhere, and waits for calls so long. */
  stop(graceMs: number): Promise<void>;
}

/** The API with reflection and health. Streams are swept for revocations and certificates that end. */
export async function listenApi(
  edge: Edge,
  options: ListenOptions,
  services: readonly Implemented[],
): Promise<Listener> {
  const server = new Server(serverOptions(MAX_MESSAGE_BYTES));
  addServices(server, services, false);
  const setHealth = addReflectionAndHealth(edge, server, services);
  const listener = await listen(edge, server, options, true);
  setHealth('SERVING');
  const stopSweeping = sweepStreams(edge);
  return {
    ...listener,
    async stop(graceMs) {
      setHealth('NOT_SERVING');
      stopSweeping();
      await listener.stop(graceMs);
    },
  };
}

/** Enrolment alone: no client certificate, small messages, and rates for each address. */
export async function listenEnrolment(
  edge: Edge,
  options: ListenOptions,
  service: Implemented,
): Promise<Listener> {
  const server = new Server(serverOptions(MAX_ENROLMENT_MESSAGE_BYTES));
  addServices(server, [service], true);
  return listen(edge, server, options, false);
}

/** What grpc-js has to say about itself, which would otherwise go to standard error past the log. */
function routeLibraryLog(edge: Edge): void {
  const warn = (...words: unknown[]): void => {
    edge.telemetry.warn('grpc-js', { text: words.map(String).join(' ') });
  };
  setLogger({ error: warn, info: warn, debug: warn });
}

async function listen(
  edge: Edge,
  server: Server,
  options: ListenOptions,
  clientCertificates: boolean,
): Promise<Listener> {
  routeLibraryLog(edge);
  const issue = (): Promise<KeyAndCertificate> =>
    options.authority.issueServer(
      options.names,
      edge.clock.wallMs(),
      options.certificateLifetimeMs,
    );
  const certificate = await issue();
  const credentials = new RotatingCredentials(certificate, clientCertificates);
  const port = await bind(server, options.address, credentials);
  const stopRenewing = keepRenewed(edge, credentials, certificate, issue);
  const address = options.address.replace(/:\d+$/, `:${port}`);
  return {
    address,
    port,
    async stop(graceMs) {
      stopRenewing();
      await shutDown(edge, server, address, graceMs);
    },
  };
}

/** Each door has its own methods: enrolment asks nobody who they are, and everything else must. */
function addServices(
  server: Server,
  services: readonly Implemented[],
  forStrangers: boolean,
): void {
  for (const { definition, implementation } of services) {
    for (const { path } of Object.values(definition)) {
      const open = isMethodPath(path) && rowOf(path) === 'enrolment';
      if (open !== forStrangers) throw new Error(`${path} does not belong behind this door`);
    }
    server.addService(definition, implementation);
  }
}

function bind(server: Server, address: string, credentials: RotatingCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new Error(whyNotBound(address, error.message), { cause: error }));
    });
  });
}

function whyNotBound(address: string, words: string): string {
  const port = address.slice(address.lastIndexOf(':') + 1);
  if (words.includes('EADDRINUSE')) {
    return `cannot listen on ${address}: another program has the port. See which one with "ss -ltnp 'sport = :${port}'" and stop it, or configure another address`;
  }
  if (words.includes('EACCES')) {
    return `cannot listen on ${address}: ports below 1024 need a privilege. Configure a higher port`;
  }
  if (words.includes('EADDRNOTAVAIL') || words.includes('ENOTFOUND')) {
    return `cannot listen on ${address}: this machine does not have that address. Configure one of its own, or 0.0.0.0 or [::] for all`;
  }
  return `cannot listen on ${address}: ${words}`;
}

/** Looks every hour at least, by wall time: a machine that slept is not late by as long as it slept. */
function keepRenewed(
  edge: Edge,
  credentials: RotatingCredentials,
  first: KeyAndCertificate,
  issue: () => Promise<KeyAndCertificate>,
): () => void {
  const { clock, telemetry } = edge;
  let { renewMs } = first;
  let stop = (): void => {};
  const wait = (delayMs: number): void => {
    stop = clock.after(Math.min(Math.max(delayMs, 1000), 3_600_000), () => void look());
  };
  const look = async (): Promise<void> => {
    const mine = stop;
    if (clock.wallMs() >= renewMs) {
      try {
        const next = await issue();
        credentials.rotate(next);
        renewMs = next.renewMs;
        telemetry.info('the server has a new certificate', { serial: next.serial });
      } catch (error) {
        telemetry.error('the server cannot renew its certificate', { error: String(error) });
        renewMs = clock.wallMs() + 60_000;
      }
    }
    if (stop === mine) wait(renewMs - clock.wallMs());
  };
  wait(renewMs - clock.wallMs());
  return () => {
    stop();
    stop = () => {};
  };
}

function sweepStreams(edge: Edge): () => void {
  const { clock, calls, patience } = edge;
  let stop = (): void => {};
  const sweep = (): void => {
    const endMs = clock.wallMs() + patience.certificateMarginMs;
    calls.sweep(
      (peer) => reasonToEnd(edge, peer) ?? (peer.expireMs <= endMs ? EXPIRING : undefined),
    );
    stop = clock.after(SWEEP_INTERVAL_MS, sweep);
  };
  stop = clock.after(SWEEP_INTERVAL_MS, sweep);
  return () => stop();
}

const SHUTTING_DOWN = refuse(
  'UNAVAILABLE',
  'SHUTTING_DOWN',
  'The controller is going down. Connect again; streams resume after their last revision.',
  { retryAfterMs: 1000 },
);

/**
 * forceShutdown would be the usual end of this, but with channelz off it forgets the connections that are open; draining
 * the address destroys them when the time is over.
 */
function shutDown(edge: Edge, server: Server, address: string, graceMs: number): Promise<void> {
  edge.calls.closeEvery(SHUTTING_DOWN);
  return new Promise((resolve) => {
    const stopTimer = edge.clock.after(graceMs, () => {
      edge.telemetry.warn('calls were cut off at the end', { listener: address });
    });
    server.drain(address, graceMs);
    server.tryShutdown(() => {
      stopTimer();
      resolve();
    });
  });
}
