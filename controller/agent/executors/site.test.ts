import { describe, expect, test } from 'vitest';
import { matchesAny, parseSite } from './site.ts';

describe('parseSite', () => {
  test('reads every rule', () => {
    const text = `
tenants:
  health: { uid: 2001, gid: 2002 }
allowTenants: [health]
allowCommands: [/usr/bin/*, python3]
denyImages: ['**:latest']
denyEnv: [LD_*]
secrets:
  database: [health]
maxRunTime: 24h
`;
    expect(parseSite(text, 'site.yaml')).toEqual({
      demo: false,
      tenants: { health: { uid: 2001, gid: 2002 } },
      allowTenants: ['health'],
      allowCommands: ['/usr/bin/*', 'python3'],
      denyImages: ['**:latest'],
      denyEnv: ['LD_*'],
      secrets: { database: ['health'] },
      maxRunMs: 86_400_000,
    });
  });

  test('an empty file is a site without permissions', () => {
    const rules = { demo: false, tenants: {}, denyImages: [], denyEnv: [] };
    expect(parseSite('', 'site.yaml')).toEqual(rules);
  });

  test.each([
    ['demo: true\nallow: [x]', 'site.yaml:2: allow: '],
    ['demo: perhaps', 'site.yaml:1: demo: '],
    ['tenants:\n  health: { uid: 0, gid: 5 }', 'site.yaml:2: tenants.health.uid: '],
    ['tenants:\n  health: { uid: 7 }', 'site.yaml:2: tenants.health.gid: '],
    ['tenants:\n  a: { uid: 7, gid: 1 }\n  b: { uid: 7, gid: 2 }', 'site.yaml:3: tenants.b: '],
    ['denyEnv:\n  - A\n  - 5', 'site.yaml:3: denyEnv.1: '],
    ['\nmaxRunTime: long', 'site.yaml:2: maxRunTime: a number with s, m, h or d'],
    ['demo: true\nx: "', 'site.yaml:2: '],
    ['- 1', 'site.yaml:1: '],
  ])('%j is refused with its place', (text, message) => {
    expect(() => parseSite(text, 'site.yaml')).toThrow(message);
  });
});

test.each([
  ['/usr/bin/*', '/usr/bin/env', true],
  ['/usr/bin/*', '/usr/bin/sub/env', false],
  ['/usr/**', '/usr/bin/sub/env', true],
  ['LD_*', 'LD_PRELOAD', true],
  ['LD_*', 'OLD_X', false],
  ['a.b+c?', 'a.b+cd', true],
  ['a.b', 'axb', false],
])('pattern %s and %s', (pattern, text, matches) => {
  expect(matchesAny([pattern], text)).toBe(matches);
});
