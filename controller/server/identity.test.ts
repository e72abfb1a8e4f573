import { describe, expect, test } from 'vitest';
import { formatIdentity, parseIdentity, peerOf, type Identity } from './identity.ts';

describe('identities', () => {
  test.each<Identity>([
    { kind: 'user', tenant: 'energy', user: 'anna' },
    { kind: 'operator', user: 'omar' },
    { kind: 'agent', dataCenter: 'north-1' },
  ])('read as they are written: $kind', (identity) => {
    expect(parseIdentity(formatIdentity(identity))).toEqual(identity);
  });

  test.each([
    '',
    'spiffe://isobar.internal/',
    'spiffe://isobar.internal/agent',
    'spiffe://isobar.internal/agent/',
    'spiffe://isobar.internal/agent/a/b',
    'spiffe://isobar.internal/agent/North',
    'spiffe://isobar.internal/agent/a%2fb',
    'spiffe://isobar.internal/tenant/energy',
    'spiffe://isobar.internal/tenant/energy/user/',
    'spiffe://isobar.internal/tenant/../user/anna',
    'spiffe://isobar.internal/operator/omar?x',
    'spiffe://isobar.internal.example/operator/omar',
    'https://isobar.internal/operator/omar',
  ])('%j names nobody', (uri) => {
    expect(parseIdentity(uri)).toBeUndefined();
  });
});

describe('a peer certificate', () => {
  const certificate = {
    subjectaltname: 'URI:spiffe://isobar.internal/operator/omar',
    serialNumber: '4A0B',
    valid_from: 'Nov 21 12:00:00 2026 GMT',
    valid_to: 'Nov 28 12:00:00 2026 GMT',
  };

  test('gives identity, serial and times', () => {
    expect(peerOf(certificate)).toEqual({
      identity: { kind: 'operator', user: 'omar' },
      uri: 'spiffe://isobar.internal/operator/omar',
      serial: '4a0b',
      issueMs: Date.UTC(2026, 10, 21, 12),
      expireMs: Date.UTC(2026, 10, 28, 12),
    });
  });

  test.each([
    ['no name', undefined],
    ['a name that is no URI', 'DNS:spiffe://isobar.internal/operator/omar'],
    [
      'two names',
      'URI:spiffe://isobar.internal/operator/omar, URI:spiffe://isobar.internal/agent/a',
    ],
    ['a quoted name', 'URI:"spiffe://isobar.internal/operator/omar"'],
  ])('is refused with %s', (_, subjectaltname) => {
    const names = subjectaltname === undefined ? {} : { subjectaltname };
    expect(peerOf({ ...certificate, subjectaltname: '', ...names })).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'UNKNOWN_IDENTITY',
    });
  });
});
