import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashSecret, makeToken, parseSentToken, REFUSED_TOKEN } from './tokens.ts';

const FINGERPRINT = 'f'.repeat(64);

test('a token is id, secret and fingerprint, and only the hash of its secret is kept', () => {
  const { token, id, secretSha256 } = makeToken(FINGERPRINT);
  const [isobar, tokenId, secret = '', fingerprint] = token.split('-');
  expect([isobar, tokenId, fingerprint]).toEqual(['isobar', id, FINGERPRINT]);
  expect(secret).toHaveLength(64);
  expect(Buffer.from(secretSha256)).toEqual(createHash('sha256').update(secret).digest());
  expect(hashSecret(secret)).toEqual(secretSha256);
  expect(token).toBe(encodeURIComponent(token));
});

test('no two tokens are alike', () => {
  expect(makeToken(FINGERPRINT).token).not.toBe(makeToken(FINGERPRINT).token);
});

test('what a caller sends is read with and without the fingerprint and surrounding space', () => {
  const { token, id } = makeToken(FINGERPRINT);
  const secret = token.split('-')[2];
  expect(parseSentToken(token)).toEqual({ id, secret });
  expect(parseSentToken(`${token.split('-').slice(0, 3).join('-')}\n`)).toEqual({ id, secret });
});

test.each(['', 'isobar', 'isobar-1-2', `isobar-${'g'.repeat(16)}-${'0'.repeat(64)}`])(
  '%j is refused as any bad token is',
  (text) => {
    expect(parseSentToken(text)).toBe(REFUSED_TOKEN);
  },
);
