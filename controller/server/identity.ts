// Who a certificate says that a peer is. The names are SPIFFE-shaped URIs; nothing else of a certificate counts.
import type { PeerCertificate } from 'node:tls';
import { isId } from '#domain/names.ts';
import { refuse, type Refusal } from '#domain/refusal.ts';

export const TRUST_DOMAIN = 'isobar.internal';
const PREFIX = `spiffe://${TRUST_DOMAIN}/`;

export type Identity =
  | { readonly kind: 'user'; readonly tenant: string; readonly user: string }
  | { readonly kind: 'operator'; readonly user: string }
  | { readonly kind: 'agent'; readonly dataCenter: string };

/** `spiffe://isobar.internal/tenant/energy/user/anna`, `…/operator/omar` or `…/agent/north-1`. */
export function formatIdentity(identity: Identity): string {
  if (identity.kind === 'user') return `${PREFIX}tenant/${identity.tenant}/user/${identity.user}`;
  if (identity.kind === 'operator') return `${PREFIX}operator/${identity.user}`;
  return `${PREFIX}agent/${identity.dataCenter}`;
}

/** Undefined for anything that formatIdentity would not have written. */
export function parseIdentity(uri: string): Identity | undefined {
  if (!uri.startsWith(PREFIX)) return undefined;
  const parts = uri.slice(PREFIX.length).split('/');
  const [first, second, third, fourth] = parts;
  if (parts.length === 4 && first === 'tenant' && third === 'user') {
    if (second === undefined || fourth === undefined) return undefined;
    return isId(second) && isId(fourth)
      ? { kind: 'user', tenant: second, user: fourth }
      : undefined;
  }
  if (parts.length !== 2 || second === undefined || !isId(second)) return undefined;
  if (first === 'operator') return { kind: 'operator', user: second };
  if (first === 'agent') return { kind: 'agent', dataCenter: second };
  return undefined;
}

/** What a verified client certificate says. Times are milliseconds since 1970. */
export interface Peer {
  readonly identity: Identity;
  /** The identity as it stands in the certificate; the key under which open calls are kept. */
  readonly uri: string;
  /** Serial number, lower-case hex. */
  readonly serial: string;
  readonly issueMs: number;
  readonly expireMs: number;
}

/**
 * Reads a certificate that TLS has already checked against our authority. Exactly one URI name is allowed, as SPIFFE
 * demands: with two, what is logged and what is authorised could differ.
 */
export function peerOf(
  certificate: Pick<PeerCertificate, 'subjectaltname' | 'serialNumber' | 'valid_from' | 'valid_to'>,
): Peer | Refusal {
  const names = (certificate.subjectaltname ?? '').split(', ');
  const uri = names[0]?.startsWith('URI:') === true ? names[0].slice('URI:'.length) : '';
  const identity = names.length === 1 ? parseIdentity(uri) : undefined;
  const issueMs = Date.parse(certificate.valid_from);
  const expireMs = Date.parse(certificate.valid_to);
  if (identity === undefined || Number.isNaN(issueMs) || Number.isNaN(expireMs)) {
    return refuse(
      'UNAUTHENTICATED',
      'UNKNOWN_IDENTITY',
      `The client certificate names nobody: it needs exactly one name, ${PREFIX}… Enrol again.`,
    );
  }
  return { identity, uri, serial: certificate.serialNumber.toLowerCase(), issueMs, expireMs };
}
