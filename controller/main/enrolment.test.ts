// Enrolment and renewal from end to end: the real client against the real edge, with the tokens of a map where the
// controller has its state.
import { once } from 'node:events';
import {
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Channel } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SAFE_TO_REPEAT, openChannel } from '#client/channel.ts';
import { loadCredentials } from '#client/credentials.ts';
import { enrol, renew } from '#client/enrol.ts';
import { StoredIdentity } from '#client/identity.ts';
import { IsobarError } from '#client/isobar-error.ts';
import { keepRenewed } from '#client/renewal.ts';
import { makeClient } from '#client/rpc.ts';
import { parseToken, readToken } from '#client/token.ts';
import { isRefusal } from '#domain/refusal.ts';
import {
  CertificateServiceService,
  EnrolmentServiceService,
  type Certificate,
} from '#gen/isobar/v1/enrolment.ts';
import { Federation, FederationServiceService } from '#gen/isobar/v1/federation.ts';
import { Role } from '#gen/isobar/v1/user.ts';
import { foundAuthority, type Authority } from '#server/authority.ts';
import { FEDERATION } from '#server/authorize.ts';
import { implement } from '#server/call.ts';
import { makeEdge } from '#server/edge.ts';
import { formatIdentity, parseIdentity } from '#server/identity.ts';
import { listenEnrolment, type Listener } from '#server/listen.ts';
import { ENROLMENT_RATES } from '#server/limits.ts';
import { isMethodPath } from '#server/policy.ts';
import { makeTestbed, OMAR, realClock, type Testbed } from '#server/testbed.ts';
import { hashSecret, makeToken, parseSentToken, REFUSED_TOKEN } from '#server/tokens.ts';

const HOUR = 3_600_000;

let bed: Testbed;
let folder: string;
let api: Listener;
let door: Listener;
let nowMs: number;
let lifetimeMs: number;
let signer: Authority;
const tokens = new Map<string, { secret: Uint8Array; expireMs: number }>();
const channels: Channel[] = [];

async function certificateFor(authority: Authority, request: Uint8Array): Promise<Certificate> {
  const issued = await authority.issueClient(OMAR, request, nowMs, lifetimeMs);
  if (isRefusal(issued)) throw new Error(issued.message);
  return {
    chainPem: issued.chainPem,
    authorityPem: issued.authorityPem,
    identity: formatIdentity(OMAR),
    renewTime: new Date(issued.renewMs),
    expireTime: new Date(issued.expireMs),
  };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-enrolment-'));
  // TLS goes by the system's clock. The controller's is so far behind it that a certificate of now is renewed now.
  nowMs = Date.now() - (HOUR * 2) / 3;
  lifetimeMs = HOUR;
  tokens.clear();
  bed = await makeTestbed({ clock: { ...realClock, wallMs: () => nowMs } });
  bed.know(OMAR, Role.OPERATOR);
  signer = bed.authority;
  const services = [
    implement(bed.edge, FederationServiceService, {
      getFederation: {
        concern: () => FEDERATION,
        handle: (_, { peer }) => Federation.fromPartial({ id: peer?.serial ?? '' }),
      },
      backup: {
        concern: () => FEDERATION,
        handle: async (_, _send, { signal }) =>
          void (signal.aborted || (await once(signal, 'abort'))),
      },
    }),
    implement(bed.edge, CertificateServiceService, {
      renewCertificate: {
        concern: () => FEDERATION,
        handle: ({ certificateRequest }) => certificateFor(bed.authority, certificateRequest),
      },
    }),
  ];
  api = await bed.listen(services);
  const edge = makeEdge({ ...bed.edge, rates: ENROLMENT_RATES });
  const enrolment = implement(edge, EnrolmentServiceService, {
    getAuthority: {
      concern: () => FEDERATION,
      handle: () => ({ authorityPem: bed.authority.certificatePem }),
    },
    enroll: {
      concern: () => FEDERATION,
      handle: async ({ token, certificateRequest }) => {
        const sent = parseSentToken(token);
        if (isRefusal(sent)) return sent;
        const stored = tokens.get(sent.id);
        const right =
          stored !== undefined && Buffer.from(hashSecret(sent.secret)).equals(stored.secret);
        if (!right || stored.expireMs <= nowMs) return REFUSED_TOKEN;
        tokens.delete(sent.id);
        return certificateFor(signer, certificateRequest);
      },
    },
  });
  door = await listenEnrolment(
    edge,
    { address: '127.0.0.1:0', authority: bed.authority, names: [] },
    enrolment,
  );
});

afterEach(async () => {
  for (const channel of channels.splice(0)) channel.close();
  await door.stop(0);
  await bed.close();
  rmSync(folder, { recursive: true, force: true });
});

function newToken(fingerprint = bed.authority.fingerprint, lifeMs = HOUR): string {
  const { token, id, secretSha256 } = makeToken(fingerprint);
  tokens.set(id, { secret: secretSha256, expireMs: nowMs + lifeMs });
  return token;
}

const enrolWith = (token: string, addresses = [door.address]): Promise<StoredIdentity> =>
  enrol({ addresses, token: parseToken(token), folder: join(folder, 'omar') });

function open(identity: StoredIdentity, addresses = [api.address]): Channel {
  const channel = openChannel(addresses, identity);
  channels.push(channel);
  return channel;
}

/** The serial of the certificate that the server sees. */
async function serialSeen(channel: Channel): Promise<string> {
  return (await makeClient(FederationServiceService, channel).getFederation({ minRevision: 0 })).id;
}

describe('enrolment', () => {
  test('trades a token for an identity that the API knows', async () => {
    const identity = await enrolWith(newToken());
    expect(identity.facts.identity).toBe('spiffe://isobar.internal/operator/omar');
    expect(parseIdentity(identity.facts.identity)).toEqual(OMAR);
    expect(await serialSeen(open(identity))).toMatch(/^[0-9a-f]{32}$/);
    const home = join(folder, 'omar');
    expect(readdirSync(home).toSorted()).toEqual(['authority.pem', 'certificate.pem', 'key.pem']);
    expect(statSync(join(home, 'key.pem')).mode & 0o777).toBe(0o600);
  });

  test('finds a controller among several addresses, names and numbers', async () => {
    const identity = await enrolWith(newToken(), ['127.0.0.1:1', door.address]);
    const { port } = api;
    expect(
      await serialSeen(open(identity, ['no-such.invalid:7', '127.0.0.1:1', `localhost:${port}`])),
    ).not.toBe('');
  });

  test.each<[string, () => string]>([
    ['an unknown one', () => makeToken(bed.authority.fingerprint).token],
    ['one with another secret', () => newToken().replace(/-[0-9a-f]{64}-/, `-${'0'.repeat(64)}-`)],
    ['one whose time is over', () => newToken(undefined, -1)],
  ])('refuses %s, and they all get the same answer', async (_, token) => {
    await expect(enrolWith(token())).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_INVALID',
      message: REFUSED_TOKEN.message,
    });
  });

  test('refuses a token that was used', async () => {
    const token = newToken();
    await enrolWith(token);
    await expect(enrolWith(token)).rejects.toMatchObject({ reason: 'TOKEN_INVALID' });
  });

  test('sends nothing to a controller whose authority is not the token’s', async () => {
    const { authority: other } = await foundAuthority(nowMs);
    const token = newToken(other.fingerprint);
    await expect(enrolWith(token)).rejects.toMatchObject({ reason: 'WRONG_AUTHORITY' });
    expect(tokens.size).toBe(1);
    expect(bed.observed.map(({ method }) => method)).toEqual([
      '/isobar.v1.EnrolmentService/GetAuthority',
    ]);
  });

  test('takes no certificate that its authority did not sign', async () => {
    signer = (await foundAuthority(nowMs)).authority;
    await expect(enrolWith(newToken())).rejects.toMatchObject({ reason: 'WRONG_CERTIFICATE' });
    expect(() => new StoredIdentity(join(folder, 'omar'))).toThrow(/no identity/);
  });
});

describe('renewal', () => {
  test('gives the next connection a new key and certificate, and the folder too', async () => {
    const identity = await enrolWith(newToken());
    const channel = open(identity);
    const before = await serialSeen(channel);
    const key = identity.credentials.keyPem;
    await renew(identity, channel);
    expect(identity.credentials.keyPem).not.toBe(key);
    expect(loadCredentials(join(folder, 'omar'))).toEqual(identity.credentials);
    expect(await serialSeen(open(identity))).not.toBe(before);
  });

  test('comes by itself at two thirds of a life, and a failure is tried again', async () => {
    const identity = await enrolWith(newToken());
    const first = identity.credentials.chainPem;
    const timers: { delayMs: number; call: () => void }[] = [];
    const errors: unknown[] = [];
    const stop = keepRenewed(identity, open(identity), {
      nowMs: () => nowMs,
      after: (delayMs, call) => {
        timers.push({ delayMs, call });
        return () => {};
      },
      onError: (error) => errors.push(error),
    });
    const next = async () => {
      const timer = timers.shift();
      nowMs += timer?.delayMs ?? 0;
      timer?.call();
      await vi.waitFor(() => expect(timers).toHaveLength(1));
      return timer?.delayMs;
    };
    expect(timers[0]?.delayMs).toBeGreaterThan((HOUR * 2) / 3 - 120_000);
    bed.known.clear();
    await next();
    expect(errors).toMatchObject([{ code: 'UNAUTHENTICATED' }]);
    expect(identity.credentials.chainPem).toBe(first);
    bed.know(OMAR, Role.OPERATOR);
    expect(await next()).toBeLessThanOrEqual(300_000);
    expect(identity.credentials.chainPem).not.toBe(first);
    stop();
  });

  test('keeps a channel working beyond the life of the certificate that it began with', async () => {
    const identity = await enrolWith(newToken());
    const channel = open(identity);
    const before = await serialSeen(channel);
    nowMs += (HOUR * 2) / 3;
    lifetimeMs = 10 * HOUR;
    await renew(identity, channel);
    nowMs += HOUR / 3 - 30_000; // within the last minute, the server lets the connection end
    await serialSeen(channel);
    await vi.waitFor(async () => expect(await serialSeen(channel)).not.toBe(before));
    nowMs += HOUR;
    expect(await serialSeen(channel)).not.toBe(before);
  });

  test('that was cut off between its two files is finished by the next start', async () => {
    const identity = await enrolWith(newToken());
    const home = join(folder, 'omar');
    renameSync(join(home, 'key.pem'), join(home, 'key.next.pem'));
    writeFileSync(join(home, 'key.pem'), 'the key before', { mode: 0o600 });
    expect(loadCredentials(home)).toEqual(identity.credentials);
    expect(readdirSync(home)).not.toContain('key.next.pem');
  });

  test('that was cut off before its certificate came leaves the identity as it was', async () => {
    const identity = await enrolWith(newToken());
    const home = join(folder, 'omar');
    const other = await enrol({
      addresses: [door.address],
      token: parseToken(newToken()),
      folder: join(folder, 'other'),
    });
    writeFileSync(join(home, 'key.next.pem'), other.credentials.keyPem, { mode: 0o600 });
    expect(loadCredentials(home)).toEqual(identity.credentials);
  });
});

describe('an identity on disk', () => {
  test('is refused when others may read its key, or the key is another’s', async () => {
    await enrolWith(newToken());
    const home = join(folder, 'omar');
    chmodSync(join(home, 'key.pem'), 0o644);
    expect(() => loadCredentials(home)).toThrow(/mode 0644.*chmod 600/);
    chmodSync(join(home, 'key.pem'), 0o600);
    const other = await enrol({
      addresses: [door.address],
      token: parseToken(newToken()),
      folder: join(folder, 'other'),
    });
    writeFileSync(join(home, 'key.pem'), other.credentials.keyPem);
    expect(() => loadCredentials(home)).toThrow(/is not the key of/);
  });
});

describe('a token', () => {
  test('is read from a file or from the environment', () => {
    const token = newToken();
    const file = join(folder, 'token');
    writeFileSync(file, `${token}\n`);
    const parsed = parseToken(token);
    expect(readToken(file, {})).toEqual(parsed);
    expect(readToken(undefined, { ISOBAR_TOKEN: token })).toEqual(parsed);
    expect(parsed.fingerprint).toBe(bed.authority.fingerprint);
    expect(() => readToken(undefined, {})).toThrow(/ISOBAR_TOKEN/);
  });

  test.each(['', 'secret-123', 'isobar-1', 'isobar-aa-bb-cc', `isobar-${'a'.repeat(200)}`])(
    'that is damaged is refused without being repeated: %j',
    (text) => {
      const parse = (): unknown => parseToken(text);
      expect(parse).toThrow(IsobarError);
      for (const part of text.split('-').slice(1)) {
        expect(parse).not.toThrow(part);
        expect(parse).toThrow(/token/);
      }
    },
  );
});

test('what is called again by itself is a method of the API', () => {
  for (const [service, methods] of Object.entries(SAFE_TO_REPEAT)) {
    for (const method of methods) {
      expect([method, isMethodPath(`/isobar.v1.${service}/${method}`)]).toEqual([method, true]);
    }
  }
});
