// Tokens that people and agents enrol with: the secret is shown once, what is stored is its hash.
import type { Token } from '#gen/isobar/log/v1/entity.ts';
import { formatIdentity, type Identity } from '../identity.ts';
import { makeToken, TOKEN_LIFETIME_MS } from '../tokens.ts';
import type { Parts } from './parts.ts';

export interface HandedOut {
  /** For the command. */
  readonly token: Token;
  /** For the answer, and nothing else. */
  readonly secret: string;
  readonly expireTime: Date;
}

export function handOutToken({ authority, random, loop }: Parts, identity: Identity): HandedOut {
  const made = makeToken(authority.fingerprint, (count) => random.bytes(count));
  const expireMs = loop.nowMs() + TOKEN_LIFETIME_MS;
  const { id, secretSha256 } = made;
  return {
    token: { id, secretSha256, identity: formatIdentity(identity), expireMs },
    secret: made.token,
    expireTime: new Date(expireMs),
  };
}
