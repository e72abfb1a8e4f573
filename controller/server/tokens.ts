// Enrolment tokens: `isobar-<id>-<secret>-<fingerprint of the authority>`, all hex, so that a double click, a URL and a
// shell take it as it is. Whoever enrols sends id and secret only; the fingerprint tells them whom to trust with it.
import { createHash, randomBytes } from 'node:crypto';
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

/** The words of controller/core/people.ts, so that nobody can tell a wrong form from a wrong secret. */
export const REFUSED_TOKEN: Refusal = refuse(
  'UNAUTHENTICATED',
  'TOKEN_INVALID',
  'the token is unknown, used or expired; ask for a new one',
);

/**
 * SHA-256 over the secret's hex text. A plain hash is enough, since nobody guesses 256 random bits; and since only hashes
 * are compared, how long a comparison takes tells nothing.
 */
export function hashSecret(secret: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(secret).digest());
}
