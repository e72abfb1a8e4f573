// The federation's certificate authority: one key that signs the certificates of controllers, agents and people.
//
// ECDSA P-256 throughout: every TLS library has it, and a signature costs a fraction of a millisecond. There is no
// revocation list: certificates are short-lived, and the edge refuses revoked identities at every call.
import { createHash, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { JsonGeneralName } from '@peculiar/x509';
import { refuse, type Refusal } from '#domain/refusal.ts';
import { formatIdentity, TRUST_DOMAIN, type Identity } from './identity.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from './x509.ts';

type CryptoKey = webcrypto.CryptoKey;

/**
 * The DNS name that every controller's certificate has. Nobody resolves it: it says "a controller of this federation",
 * which only this authority can say, so that addresses may change, be forwarded or be bare numbers.
 */
export const CONTROLLER_NAME = `controller.${TRUST_DOMAIN}`;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Clocks of peers may be this much behind ours and still take a new certificate. */
export const CLOCK_SKEW_MS = 60_000;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
const SERVER_LIFETIME_MS = 30 * DAY_MS;
export const AGENT_LIFETIME_MS = 7 * DAY_MS;
/** What an administrator may choose for people, and what they get when none is chosen. */
export const PERSON_LIFETIME_MS = { least: 12 * HOUR_MS, usual: 7 * DAY_MS, most: 30 * DAY_MS };
/** A P-384 request with a long subject has less than 1 KiB. */
const MAX_REQUEST_BYTES = 16_384;

export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { ...ALGORITHM, hash: 'SHA-256' } as const;

export interface Issued {
  /** PEM, leaf first. There is no intermediate, so it is the leaf alone. */
  readonly chainPem: string;
  readonly authorityPem: string;
  /** Lower-case hex. */
  readonly serial: string;
  readonly issueMs: number;
  /** Two thirds of its life are over: time for the next one. */
  readonly renewMs: number;
  readonly expireMs: number;
}

export interface KeyAndCertificate extends Issued {
  readonly keyPem: string;
}

export class Authority {
  readonly certificatePem: string;
  /** SHA-256 of the certificate's DER, 64 hex digits: what tokens carry. */
  readonly fingerprint: string;
  readonly expireMs: number;
  readonly #certificate: X509Certificate;
  readonly #key: CryptoKey;

  constructor(certificate: X509Certificate, key: CryptoKey) {
    this.#certificate = certificate;
    this.#key = key;
    this.certificatePem = pemText(certificate);
    this.fingerprint = fingerprintOf(certificate.rawData);
    this.expireMs = certificate.notAfter.getTime();
  }

  /**
   * A key and certificate for a controller. Our own clients check CONTROLLER_NAME, whatever address they dial; the other
   * names are for tools that check what they dialled.
   */
  async issueServer(
    names: readonly string[],
    nowMs: number,
    lifetimeMs = SERVER_LIFETIME_MS,
  ): Promise<KeyAndCertificate> {
    const keys = await newKeyPair();
    const issued = await this.#issue({
      publicKey: keys.publicKey,
      names: [...new Set([CONTROLLER_NAME, ...names])].map((value) => ({
        type: isIP(value) === 0 ? 'dns' : 'ip',
        value,
      })),
      usage: ExtendedKeyUsage.serverAuth,
      nowMs,
      lifetimeMs,
    });
    return { ...issued, keyPem: keyToPem(keys.privateKey) };
  }

  /**
   * A client certificate for a PKCS #10 request in DER. The request proves that the caller has the key; whom the
   * certificate names is our decision alone, so its subject and extensions are ignored.
   */
  async issueClient(
    identity: Identity,
    request: Uint8Array,
    nowMs: number,
    lifetimeMs: number,
  ): Promise<Issued | Refusal> {
    const publicKey = await provenKeyOf(request);
    if (publicKey === undefined) {
      return refuse(
        'INVALID_ARGUMENT',
        'INVALID_CERTIFICATE_REQUEST',
        'The certificate request is not a PKCS #10 request in DER, signed with its own ECDSA P-256 or P-384 key.',
        { violations: [{ field: 'certificate_request', description: 'make a new one' }] },
      );
    }
    return this.#issue({
      publicKey,
      names: [{ type: 'url', value: formatIdentity(identity) }],
      usage: ExtendedKeyUsage.clientAuth,
      nowMs,
      lifetimeMs,
    });
  }

  async #issue(what: {
    readonly publicKey: CryptoKey | Pkcs10CertificateRequest['publicKey'];
    readonly names: readonly JsonGeneralName[];
    readonly usage: ExtendedKeyUsage;
    readonly nowMs: number;
    readonly lifetimeMs: number;
  }): Promise<Issued> {
    // Whole seconds, as in the certificate. Nothing outlives the authority: a chain is only as good as its root.
    const issueMs = toSecond(what.nowMs - CLOCK_SKEW_MS);
    const expireMs = Math.min(toSecond(what.nowMs + what.lifetimeMs), this.expireMs);
    const serial = newSerial();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serial,
      // No subject: the alternative name is critical then (RFC 5280, 4.1.2.6) and is all there is to read.
      issuer: this.#certificate.subjectName,
      notBefore: new Date(issueMs),
      notAfter: new Date(expireMs),
      publicKey: what.publicKey,
      signingKey: this.#key,
      signingAlgorithm: SIGNING,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([what.usage], true),
        new SubjectAlternativeNameExtension([...what.names], true),
        await AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
        await SubjectKeyIdentifierExtension.create(what.publicKey),
      ],
    });
    return {
      chainPem: pemText(certificate),
      authorityPem: this.certificatePem,
      serial,
      issueMs,
      renewMs: renewTimeOf(what.nowMs, expireMs),
      expireMs,
    };
  }
}

/** Founds an authority. Its key exists in memory only until somebody stores it. */
export async function foundAuthority(
  nowMs: number,
  lifetimeMs = AUTHORITY_LIFETIME_MS,
): Promise<{ readonly authority: Authority; readonly keyPem: string }> {
  const keys = await newKeyPair();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    // The number tells two federations' authorities apart where people look at certificates.
    name: `CN=Isobar authority ${randomBytes(4).toString('hex')}`,
    notBefore: new Date(toSecond(nowMs - CLOCK_SKEW_MS)),
    notAfter: new Date(toSecond(nowMs + lifetimeMs)),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    authority: new Authority(certificate, keys.privateKey),
    keyPem: keyToPem(keys.privateKey),
  };
}

/** When to ask for the next certificate: two thirds into the life of this one. */
function renewTimeOf(fromMs: number, expireMs: number): number {
  return Math.floor(fromMs + ((expireMs - fromMs) * 2) / 3);
}

/** SHA-256 of a certificate's DER in hex. */
function fingerprintOf(der: ArrayBuffer | Uint8Array): string {
  return createHash('sha256')
    .update(der instanceof Uint8Array ? der : new Uint8Array(der))
    .digest('hex');
}

/** The public key of a request whose signature shows that the sender has the private one. */
async function provenKeyOf(
  request: Uint8Array,
): Promise<Pkcs10CertificateRequest['publicKey'] | undefined> {
  if (request.length === 0 || request.length > MAX_REQUEST_BYTES) return undefined;
  try {
    const parsed = new Pkcs10CertificateRequest(Uint8Array.from(request));
    const algorithm: webcrypto.Algorithm & { namedCurve?: string } = parsed.publicKey.algorithm;
    const known = algorithm.namedCurve === 'P-256' || algorithm.namedCurve === 'P-384';
    return known && (await parsed.verify()) ? parsed.publicKey : undefined;
  } catch {
    return undefined; // whatever the parser stumbles over, the caller's answer is the same
  }
}

/** 128 random bits, the first one 0 so that the number is positive and the next one 1 so that its length is fixed. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

export async function newKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

export function keyToPem(key: CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

const pemText = (certificate: X509Certificate): string => `${certificate.toString('pem').trim()}\n`;
const toSecond = (ms: number): number => Math.floor(ms / 1000) * 1000;
