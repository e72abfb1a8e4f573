// An authority of a minute, with certificates of a server and a client, and of a client of another authority.
import { webcrypto } from 'node:crypto';
// oxlint-disable-next-line import/no-unassigned-import -- the certificate library wants Reflect patched
import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

interface Party {
  readonly key: string;
  readonly cert: string;
}

export interface Certificates {
  readonly ca: string;
  readonly server: Party;
  readonly client: Party;
  readonly stranger: Party;
}

export async function makeCertificates(): Promise<Certificates> {
  const own = await makeAuthority();
  const other = await makeAuthority();
  return {
    ca: own.certificate.toString('pem'),
    server: await makeParty(own),
    client: await makeParty(own),
    stranger: await makeParty(other),
  };
}

interface Authority {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

const makeKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

async function makeAuthority(): Promise<Authority> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=authority ${webcrypto.randomUUID()}`,
    ...validity(),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  return { certificate, keys };
}

async function makeParty({ certificate, keys }: Authority): Promise<Party> {
  const own = await makeKeys();
  const signed = await X509CertificateGenerator.create({
    subject: 'CN=party',
    issuer: certificate.subject,
    ...validity(),
    publicKey: own.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey));
  const lines = pkcs8.toString('base64').replaceAll(/(.{64})/g, '$1\n');
  const key = `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
  return { key, cert: signed.toString('pem') };
}

const validity = (): { readonly notBefore: Date; readonly notAfter: Date } => ({
  notBefore: new Date(Date.now() - 60_000),
  notAfter: new Date(Date.now() + 60_000),
});
