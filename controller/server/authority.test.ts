import { X509Certificate, webcrypto } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isRefusal } from '#domain/refusal.ts';
import { createAuthority, loadAuthority, openAuthority } from './authority-files.ts';
import { AGENT_LIFETIME_MS, foundAuthority, newKeyPair, type Issued } from './authority.ts';
import { Pkcs10CertificateRequestGenerator } from './x509.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const DAY = 86_400_000;

async function requestFor(
  keys: webcrypto.CryptoKeyPair,
  name = 'CN=somebody else',
): Promise<Uint8Array<ArrayBuffer>> {
  const request = await Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  return new Uint8Array(request.rawData);
}

function issued(result: Awaited<ReturnType<typeof issueAgent>>): Issued {
  if (isRefusal(result)) throw new Error(result.message);
  return result;
}

async function issueAgent(request: Uint8Array, nowMs = NOW) {
  const { authority } = await foundAuthority(NOW);
  return authority.issueClient(
    { kind: 'agent', dataCenter: 'north-1' },
    request,
    nowMs,
    AGENT_LIFETIME_MS,
  );
}

describe('a client certificate', () => {
  test('names the identity that we decided on and nothing that the request asked for', async () => {
    const keys = await newKeyPair();
    const result = issued(await issueAgent(await requestFor(keys)));
    const certificate = new X509Certificate(result.chainPem);
    expect(certificate.subjectAltName).toBe('URI:spiffe://isobar.internal/agent/north-1');
    expect(certificate.subject ?? '').toBe('');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']); // clientAuth and nothing else
    expect(certificate.ca).toBe(false);
    expect(certificate.publicKey.export({ type: 'spki', format: 'der' })).toEqual(
      Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey)),
    );
    const authority = new X509Certificate(result.authorityPem);
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(certificate.verify(authority.publicKey)).toBe(true);
  });

  test('starts a minute back, ends after its lifetime and is renewed at two thirds', async () => {
    const result = issued(await issueAgent(await requestFor(await newKeyPair())));
    const certificate = new X509Certificate(result.chainPem);
    expect(Date.parse(certificate.validFrom)).toBe(NOW - 60_000);
    expect(Date.parse(certificate.validTo)).toBe(NOW + 7 * DAY);
    expect(result.expireMs).toBe(NOW + 7 * DAY);
    expect(result.renewMs).toBe(NOW + (14 * DAY) / 3);
  });

  test('has a random positive serial of 128 bits', async () => {
    const keys = await newKeyPair();
    const { authority } = await foundAuthority(NOW);
    const identity = { kind: 'operator', user: 'omar' } as const;
    const request = await requestFor(keys);
    const serials = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { serial, chainPem } = issued(await authority.issueClient(identity, request, NOW, DAY));
      expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/);
      expect(new X509Certificate(chainPem).serialNumber.toLowerCase()).toBe(serial);
      serials.add(serial);
    }
    expect(serials.size).toBe(20);
  });

  test('never outlives the authority', async () => {
    const { authority } = await foundAuthority(NOW, DAY);
    const request = await requestFor(await newKeyPair());
    const result = issued(
      await authority.issueClient({ kind: 'agent', dataCenter: 'a' }, request, NOW, 30 * DAY),
    );
    expect(result.expireMs).toBe(authority.expireMs);
  });

  test.each([
    ['nothing', async () => new Uint8Array()],
    ['noise', async () => new Uint8Array(200).fill(7)],
    ['more than any request has', async () => new Uint8Array(20_000)],
    [
      'a request whose key was exchanged',
      async () => {
        const mine = await requestFor(await newKeyPair());
        const stolen = Buffer.from(
          await webcrypto.subtle.exportKey('spki', (await newKeyPair()).publicKey),
        );
        const at = Buffer.from(mine).indexOf(stolen.subarray(0, 27)); // the part all P-256 keys share
        expect(at).toBeGreaterThan(0);
        mine.set(stolen, at);
        return mine;
      },
    ],
    [
      'a request with a weak kind of key',
      async () => {
        const keys = await webcrypto.subtle.generateKey(
          {
            name: 'RSASSA-PKCS1-v1_5',
            modulusLength: 1024,
            publicExponent: new Uint8Array([1, 0, 1]),
            hash: 'SHA-256',
          },
          true,
          ['sign', 'verify'],
        );
        const request = await Pkcs10CertificateRequestGenerator.create({
          keys,
          signingAlgorithm: { name: 'RSASSA-PKCS1-v1_5' },
        });
        return new Uint8Array(request.rawData);
      },
    ],
  ])('is refused for %s', async (_, request) => {
    expect(await issueAgent(await request())).toMatchObject({
      kind: 'refusal',
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_CERTIFICATE_REQUEST',
    });
  });
});

test('a server certificate has the names and addresses it is reached under', async () => {
  const { authority } = await foundAuthority(NOW);
  const result = await authority.issueServer(['controller.example', '127.0.0.1', '::1'], NOW);
  const certificate = new X509Certificate(result.chainPem);
  expect(certificate.subjectAltName).toBe(
    'DNS:controller.isobar.internal, DNS:controller.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  );
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
});

describe('the authority on disk', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isobar-authority-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('is the same after a restart, and its key is its owner’s alone', async () => {
    const home = join(folder, 'data', 'authority');
    const founded = await openAuthority(home, NOW);
    expect(statSync(join(home, 'key.pem')).mode & 0o777).toBe(0o600);
    const loaded = await openAuthority(home, NOW);
    expect(loaded.fingerprint).toBe(founded.fingerprint);
    expect(loaded.fingerprint).toBe(
      new X509Certificate(loaded.certificatePem).fingerprint256.replaceAll(':', '').toLowerCase(),
    );
    const server = await loaded.issueServer(['localhost'], NOW);
    expect(
      new X509Certificate(server.chainPem).verify(
        new X509Certificate(founded.certificatePem).publicKey,
      ),
    ).toBe(true);
  });

  test('is never founded over another one, and a failed attempt leaves nothing behind', async () => {
    const home = join(folder, 'authority');
    const first = await createAuthority(home, NOW);
    await expect(createAuthority(home, NOW)).rejects.toThrow('cannot found an authority');
    expect((await loadAuthority(home, NOW)).fingerprint).toBe(first.fingerprint);
    expect(readdirSync(folder)).toEqual(['authority']);
  });

  test('is refused with a key that others may read', async () => {
    const home = join(folder, 'authority');
    await createAuthority(home, NOW);
    chmodSync(join(home, 'key.pem'), 0o640);
    await expect(loadAuthority(home, NOW)).rejects.toThrow(/mode 0640.*chmod 600/);
  });

  test('is refused when a file is missing, the key is another one’s or its time is over', async () => {
    const home = join(folder, 'authority');
    await createAuthority(home, NOW);
    await expect(loadAuthority(home, NOW + 4000 * DAY)).rejects.toThrow(/ended on 2036/);
    const { keyPem } = await foundAuthority(NOW);
    writeFileSync(join(home, 'key.pem'), keyPem);
    await expect(loadAuthority(home, NOW)).rejects.toThrow(/is not the key of/);
    rmSync(join(home, 'certificate.pem'));
    await expect(loadAuthority(home, NOW)).rejects.toThrow(/lacks .*certificate\.pem.*backup/);
  });
});
