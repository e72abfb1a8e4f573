import { describe, expect, test } from 'vitest';
import { World } from './testing.ts';

const token = (id: string, lifeMs = 3_600_000, secret = 1) => ({
  id,
  secretSha256: new Uint8Array([secret, 2, 3]),
  identity: 'spiffe://isobar.internal/tenant/t/user/ada',
  expireMs: 1_800_000_000_000 + lifeMs,
});
const user = { tenant: 't', id: 'ada', roles: [1], revoked: false, createMs: 0 };

const invited = () => {
  const w = new World().tenant('t');
  w.must({ kind: 'inviteUser', user, token: token('k') });
  return w;
};
const use = (w: World, secret = 1, id = 'k') =>
  w.reasonOf({ kind: 'useToken', id, secretSha256: new Uint8Array([secret, 2, 3]) });

describe('a token', () => {
  test('works once', () => {
    const w = invited();
    expect([use(w), use(w)]).toEqual(['accepted', 'TOKEN_INVALID']);
  });
  test.each<[string, (w: World) => string]>([
    ['with another secret', (w) => use(w, 2)],
    ['that nobody made', (w) => use(w, 1, 'x')],
    ['that has expired', (w) => use(w.wait(3_600_000))],
  ])('%s does not work, and the answer is the same', (_, attempt) => {
    expect(attempt(invited())).toBe('TOKEN_INVALID');
  });
  test('that nobody used in time goes when the next is made', () => {
    const w = invited().wait(3_600_000);
    w.site('north');
    w.must({ kind: 'createToken', dataCenter: 'north', token: token('l', 7_200_000) });
    expect([...w.state.tokens.keys()]).toEqual(['l']);
  });
  test('is for a data center that exists', () => {
    const command = { dataCenter: 'x', token: token('l') };
    expect(invited().reasonOf({ kind: 'createToken', ...command })).toBe('DATA_CENTER_NOT_FOUND');
  });
});

describe('a user', () => {
  const isRevoked = (w: World) => w.state.users.get('tenants/t/users/ada')?.entity.revoked;
  test('who was revoked may be invited again', () => {
    const w = invited();
    w.must({ kind: 'revokeUser', tenant: 't', user: 'ada' });
    expect(isRevoked(w)).toBe(true);
    w.must({ kind: 'inviteUser', user, token: token('l') });
    expect(isRevoked(w)).toBe(false);
  });
  test('is of a tenant that exists, and keeps it from being deleted until revoked', () => {
    const w = invited();
    const remove = () => w.reasonOf({ kind: 'deleteTenant', id: 't', etag: undefined });
    expect(remove()).toBe('TENANT_IN_USE');
    w.must({ kind: 'revokeUser', tenant: 't', user: 'ada' });
    expect(remove()).toBe('accepted');
    const command = { user: { ...user, tenant: 'x' }, token: token('l') };
    expect(w.reasonOf({ kind: 'inviteUser', ...command })).toBe('TENANT_NOT_FOUND');
  });
});
