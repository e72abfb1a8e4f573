// Enrolment tokens: `isobar-<id>-<secret>-<fingerprint of the authority>`, all hex, so that a double click, a URL and a
// shell take it as it is. Whoever enrols sends id and secret only; the fingerprint tells them whom to trust with it.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { refuse, type Refusal } from '#domain/refusal.ts';

/** A token works for one hour, once. */
export const TOKEN_LIFETIME_MS = 3_600_000;

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const SENT = /^isobar-([0-9a-f]{16})-([0-9a-f]{64})(?:-[0-9a-f]{64})?$/;

export interface NewToken {
  /** Shown once, to the person who hands it on. Never stored and never logged. */
  readonly token: string;
  /** What is stored: see isobar.log.v1.Token. */
  readonly id: string;
  readonly secretSha256: Uint8Array;
}

export function makeToken(
  fingerprint: string,
  random: (count: number) => Uint8Array = randomBytes,
): NewToken {
  const id = Buffer.from(random(ID_BYTES)).toString('hex');
  const secret = Buffer.from(random(SECRET_BYTES)).toString('hex');
  return {
    token: `isobar-${id}-${secret}-${fingerprint}`,
    id,
    secretSha256: hashSecret(secret),
  };
}

export interface SentToken {
  readonly id: string;
  readonly secret: string;
}

/** Reads what a caller of Enroll sent. Every token that is no good gets the same answer, whatever is wrong with it. */
export function parseSentToken(text: string): SentToken | Refusal {
  const match = SENT.exec(text.trim());
  if (match?.[1] === undefined || match[2] === undefined) return REFUSED_TOKEN;
  return { id: match[1], secret: match[2] };
}

export const REFUSED_TOKEN: Refusal = refuse(
  'UNAUTHENTICATED',
  'TOKEN_REFUSED',
  'The token is unknown, used or expired. Ask for a new one: a token works once, within an hour.',
);

/** SHA-256 over the secret's hex text. A plain hash is enough: the secret has 256 random bits, so nobody can guess it. */
export function hashSecret(secret: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(secret).digest());
}

/** In constant time. `stored` is undefined for an unknown id, which takes as long as a wrong secret. */
export function secretMatches(secret: string, stored: Uint8Array | undefined): boolean {
  const expected = stored?.length === 32 ? stored : new Uint8Array(32);
  return timingSafeEqual(hashSecret(secret), expected) && stored?.length === 32;
}
