// Whether a call may begin at all: who calls, whether they are still welcome, whether they call too often.
import type { TLSSocket } from 'node:tls';
import { isRefusal, refuse, type Refusal } from '#domain/refusal.ts';
import type { Role } from '#gen/isobar/v1/user.ts';
import type { Edge } from './edge.ts';
import { peerOf, type Peer } from './identity.ts';
import { MAX_STREAMS_PER_IDENTITY } from './limits.ts';
import { REVOKED } from './open-calls.ts';
import { connectionOf, type CallHandle } from './transport.ts';

/** The part of a grpc-js call that admission reads. */
export interface AdmittedCall extends CallHandle {
  getAuthContext(): { sslPeerCertificate?: ReturnType<TLSSocket['getPeerCertificate']> };
}

export interface Admission {
  readonly peer: Peer | undefined;
  readonly roles: readonly Role[];
  readonly refusal: Refusal | undefined;
}

/** Reading a certificate takes longer than the rest of a call, and it is the same for the whole connection. */
const peers = new WeakMap<object, Peer | Refusal>();

export function admit(
  edge: Edge,
  call: AdmittedCall,
  isStream: boolean,
  anonymous: boolean,
): Admission {
  const peer = anonymous ? undefined : peerOfCall(call);
  if (isRefusal(peer)) return { peer: undefined, roles: [], refusal: peer };

  const found = peer === undefined ? [] : edge.directory.lookup(peer);
  const roles = typeof found === 'string' ? [] : found;
  const refusal =
    notWelcome(found) ??
    (peer === undefined ? undefined : expired(peer, edge.clock.wallMs())) ??
    tooOften(edge.rates.take(peer?.uri ?? addressOf(call), edge.clock.bootMs())) ??
    (isStream && peer !== undefined ? tooManyStreams(edge.calls.countOf(peer.uri)) : undefined);
  return { peer, roles, refusal };
}

/** Why a stream must end that was admitted before; undefined: it may go on. */
export function reasonToEnd(edge: Edge, peer: Peer): Refusal | undefined {
  return notWelcome(edge.directory.lookup(peer));
}

/** The address without its port, which is another one for every connection. */
function addressOf(call: CallHandle): string {
  return call.getPeer().replace(/:\d+$/, '');
}

function peerOfCall(call: AdmittedCall): Peer | Refusal {
  const connection = connectionOf(call);
  const known = connection === undefined ? undefined : peers.get(connection);
  if (known !== undefined) return known;
  const certificate = call.getAuthContext().sslPeerCertificate;
  const peer = certificate === undefined ? NO_CERTIFICATE : peerOf(certificate);
  if (connection !== undefined) peers.set(connection, peer);
  return peer;
}

const NO_CERTIFICATE = refuse(
  'UNAUTHENTICATED',
  'NO_CERTIFICATE',
  'This connection shows no client certificate of the federation. Enrol first.',
);

function notWelcome(found: ReturnType<Edge['directory']['lookup']>): Refusal | undefined {
  if (found === 'revoked') return REVOKED;
  if (found !== 'unknown') return undefined;
  return refuse(
    'UNAUTHENTICATED',
    'UNKNOWN_IDENTITY',
    'The federation does not know whom your certificate names any more. Ask to be invited, then enrol again.',
  );
}

/** TLS checks this once, when a connection begins; a connection may last longer than a certificate. */
function expired(peer: Peer, nowMs: number): Refusal | undefined {
  if (nowMs < peer.expireMs) return undefined;
  return refuse(
    'UNAUTHENTICATED',
    'CERTIFICATE_EXPIRED',
    'The certificate of this connection has ended. Connect again with the next one, or enrol again.',
  );
}

function tooOften(retryAfterMs: number): Refusal | undefined {
  if (retryAfterMs === 0) return undefined;
  return refuse(
    'RESOURCE_EXHAUSTED',
    'RATE_LIMITED',
    'Too many calls. Wait as long as RetryInfo says, put more into each call, or watch instead of asking.',
    { retryAfterMs },
  );
}

function tooManyStreams(open: number): Refusal | undefined {
  if (open < MAX_STREAMS_PER_IDENTITY) return undefined;
  return refuse(
    'RESOURCE_EXHAUSTED',
    'TOO_MANY_STREAMS',
    `You have ${open} streams open, and no more are allowed. Close some of them.`,
    { quota: [{ subject: 'streams', description: `${open} of ${MAX_STREAMS_PER_IDENTITY} open` }] },
  );
}
