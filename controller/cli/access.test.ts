import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Role, User } from '#client/types.ts';
import { canned } from './canned.ts';
import { ANNA, FEDERATION } from './fixture.ts';
import { ago, runCaptured, startTestbed, words } from './testbed.ts';

let folder: string;
let env: { HOME: string; ISOBAR_CONFIG?: string };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-access-'));
  env = { HOME: folder };
});
afterEach(() => rmSync(folder, { recursive: true }));

const config = (): string => join(folder, '.config', 'isobar', 'config.yaml');
const run = (line: string) => runCaptured(words(line), { env, cwd: folder });

function leaveDemo(): void {
  mkdirSync(join(folder, '.isobar/demo'), { recursive: true });
  writeFileSync(
    join(folder, '.isobar/demo/contexts.yaml'),
    'current: demo\ncontexts: [{name: demo, addresses: ["127.0.0.1:1"], tenant: health, identity_dir: anna}]\n',
  );
}

describe('isobar config', () => {
  test('makes contexts, and chooses one', async () => {
    expect(await run('config set-context national --address a:7420,b:7420 -n health')).toEqual({
      code: 0,
      out: 'context national added\n',
      err: 'next: isobar login gets a certificate for it\n',
    });
    await run('config set-context other --address c:7420 --identity-dir ids');
    expect((await run('config current-context')).out).toBe('national\n');
    expect((await run('config use-context other')).out).toBe('context other is in use\n');
    expect((await run('config get-contexts')).out.replaceAll(folder, '~')).toMatchInlineSnapshot(`
      "IN USE  NAME      CONTROLLER     TENANT  FILE
              national  a:7420,b:7420  health  ~/.config/isobar/config.yaml
      *       other     c:7420         -       ~/.config/isobar/config.yaml
      "
    `);
    expect(readFileSync(config(), 'utf8').replaceAll(folder, '~')).toMatchInlineSnapshot(`
      "current: other
      contexts:
        - name: national
          addresses:
            - a:7420
            - b:7420
          tenant: health
        - name: other
          addresses:
            - c:7420
          identity_dir: ~/ids
      "
    `);
  });

  test('changes only what is named', async () => {
    await run('config set-context national --address a:7420 -n health');
    expect((await run('config set-context national -n energy')).out).toBe(
      'context national changed\n',
    );
    expect(readFileSync(config(), 'utf8')).toContain('- a:7420');
  });

  test('deletes one', async () => {
    await run('config set-context national --address a:7420');
    expect((await run('config delete-context national')).code).toBe(0);
    expect(await run('config delete-context national')).toMatchObject({ code: 3 });
    expect(await run('config current-context')).toMatchObject({ code: 4 });
  });

  test('finds the demo of this folder or above, when nothing is configured', async () => {
    leaveDemo();
    const inside = join(folder, 'a/b');
    mkdirSync(inside, { recursive: true });
    const { out } = await runCaptured(words('config get-contexts'), { env, cwd: inside });
    expect(out.replaceAll(folder, '~')).toMatchInlineSnapshot(`
      "IN USE  NAME  CONTROLLER   TENANT  FILE
      *       demo  127.0.0.1:1  health  ~/.isobar/demo/contexts.yaml
      "
    `);
    await run('config set-context national --address a:7420');
    expect((await run('config current-context')).out).toBe('national\n');
    expect((await run('config current-context --context demo')).out).toBe('demo\n');
  });

  test('tells what to do when there is none', async () => {
    expect(await run('get jobs')).toEqual({
      code: 4,
      out: '',
      err: 'error: no context: neither configured nor a demo in this folder or above\nnext: start one with `isobar demo`, or name a controller with `isobar login` or `isobar config set-context`\n',
    });
    leaveDemo();
    expect((await run('get jobs --context dmeo')).err).toContain(
      'no context dmeo; did you mean demo? (there are demo)',
    );
    await run('config use-context demo');
    expect((await run('get jobs --context dmeo')).err).toContain('(there are demo)');
    await run('config delete-context demo');
    expect((await run('get jobs')).err).toContain('next: get a certificate with `isobar login`');
  });

  test('names what is wrong in the file', async () => {
    env.ISOBAR_CONFIG = 'mine.yaml';
    writeFileSync(join(folder, 'mine.yaml'), 'curent: a\n');
    expect((await run('config current-context')).err).toContain(
      'mine.yaml:1:1: unknown key curent; did you mean current?',
    );
    writeFileSync(join(folder, 'mine.yaml'), 'a: [');
    expect((await run('config current-context')).err).toContain('mine.yaml:1:5: Flow sequence');
  });
});

describe('isobar login', () => {
  test.each([
    ['login', 'which context?'],
    ['login national', '--address is missing'],
    ['login national --address a:1 --token-file nothing', 'nothing: there is no such file'],
    ['login national --address a:1', 'this is no token'],
  ])('%s: %s', async (line, message) => {
    const { code, err } = await run(line);
    expect(err).toContain(message);
    expect(code).not.toBe(0);
  });

  test('never repeats a token', async () => {
    writeFileSync(join(folder, 'token'), 'isobar-0123-secret-part');
    const { err } = await run('login national --address a:1 --token-file token');
    expect(err).toContain('the token is damaged');
    expect(err).not.toContain('secret');
  });
});

describe('isobar user', () => {
  test('invite prints the token alone on standard output', async () => {
    await using bed = await startTestbed({
      inviteUser: ({ parent, userId, roles }) => ({
        user: User.create({ name: `${parent}/users/${userId}`, roles }),
        token: 'isobar-1-2-3',
        expireTime: ago(-3600),
      }),
    });
    const { out, err } = await bed.run(...words('user invite bert --role submitter,tenant-admin'));
    expect(out).toBe('isobar-1-2-3\n');
    expect(err.replace(/:\d+ --token/, ':PORT --token')).toMatchInlineSnapshot(`
      "token of tenants/health/users/bert, works once, until 2026-11-21 13:00:00 UTC
      next: hand it over in a file; they run isobar login NAME --address 127.0.0.1:PORT --token-file FILE
      "
    `);
    expect(bed.fake.requests[0]?.request).toEqual({
      parent: 'tenants/health',
      userId: 'bert',
      roles: [Role.SUBMITTER, Role.TENANT_ADMIN],
    });
    await bed.run(...words('user invite olga --federation --role operator'));
    expect(bed.fake.requests[1]?.request).toMatchObject({ parent: '' });
    expect((await bed.run(...words('user invite x --role submiter'))).err).toContain(
      'did you mean submitter?',
    );
  });

  test('revoke and list', async () => {
    await using bed = await startTestbed(
      canned({ revokeUser: () => ({ ...ANNA, revoked: true }) }),
    );
    expect((await bed.run('user', 'revoke', 'anna')).out).toBe(
      'user tenants/health/users/anna revoked\n',
    );
    expect((await bed.run('user', 'list')).out).toContain('health/anna');
  });
});

const ME = {
  identity: 'spiffe://isobar.internal/tenant/health/user/anna',
  roles: [Role.SUBMITTER],
  certificateExpireTime: ago(-4 * 86_400),
};

test('isobar whoami', async () => {
  await using bed = await startTestbed({ whoAmI: () => ME });
  const { out } = await bed.run('whoami');
  expect(out.replace(bed.fake.address, 'ADDRESS')).toMatchInlineSnapshot(`
    "Identity:     spiffe://isobar.internal/tenant/health/user/anna
    Roles:        submitter
    Certificate:  until 2026-11-25 12:00:00 UTC (4d left)
    Context:      test
    Controller:   ADDRESS
    Tenant:       health
    "
  `);
});

describe('isobar doctor', () => {
  test('looks at everything, and brings checks of others', async () => {
    await using bed = await startTestbed({ whoAmI: () => ME, getFederation: () => FEDERATION });
    const { code, out } = await bed.runWith(
      {
        extraChecks: [{ name: 'disk', run: async () => ({ outcome: 'ok', text: 'fast enough' }) }],
      },
      'doctor',
    );
    const stable = out
      .replaceAll(bed.fake.address, 'ADDRESS')
      .replace(/from \S+/, 'from FILE')
      .replace(/Node [\d.]+/, 'Node VERSION');
    expect(stable).toMatchInlineSnapshot(`
      "ok       node          Node VERSION
      ok       context       test from FILE
      failed   identity      the context has no identity
                             next: isobar login
      ok       address       ADDRESS answers
      ok       controller    version 0.1.0, revision 905
      ok       roles         spiffe://isobar.internal/tenant/health/user/anna: submitter
      warning  federation    2 of 3 data centers reachable
                             next: isobar get data-centers
      ok       disk          fast enough
      "
    `);
    expect(code).toBe(1);
  });

  test('stops where nothing after it can work', async () => {
    const { code, out } = await run('doctor');
    expect(code).toBe(1);
    expect(out).toMatch(
      /failed {3}context {7}no context[^\n]*\n {23}next: start one with `isobar demo`[^\n]*\n$/,
    );
  });

  test('says why an address does not answer', async () => {
    leaveDemo();
    expect((await run('doctor')).out).toContain('failed   address       127.0.0.1:1: ECONNREFUSED');
  });
});
