// Who this client is: a folder with `key.pem` (mode 0600), `certificate.pem` and `authority.pem`.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { IsobarError } from './isobar-error.ts';

export interface Credentials {
  readonly keyPem: string;
  /** Leaf first. */
  readonly chainPem: string;
  readonly authorityPem: string;
}

/** What a certificate says of itself. Times are milliseconds since 1970. */
export interface CertificateFacts {
  /** `spiffe://isobar.internal/...`. */
  readonly identity: string;
  readonly issueMs: number;
  /** Two thirds of its life are over. */
  readonly renewMs: number;
  readonly expireMs: number;
}

const KEY = 'key.pem';
/** The key of a certificate that is being put in place; see saveCredentials. */
const NEXT_KEY = 'key.next.pem';
const CERTIFICATE = 'certificate.pem';
const AUTHORITY = 'authority.pem';

/** Reads a folder; throws an IsobarError that says what to do. */
export function loadCredentials(folder: string): Credentials {
  const chainPem = read(join(folder, CERTIFICATE));
  const authorityPem = read(join(folder, AUTHORITY));
  finishRenewal(folder, chainPem);
  const keyFile = join(folder, KEY);
  const keyPem = read(keyFile);
  const mode = statSync(keyFile).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw noIdentity(
      `${keyFile} may be read by others (mode ${mode.toString(8).padStart(4, '0')}); run chmod 600 on it, and enrol again if anybody else has an account here`,
    );
  }
  if (!belongTogether(keyPem, chainPem)) {
    throw noIdentity(`${keyFile} is not the key of ${CERTIFICATE} beside it; enrol again`);
  }
  return { keyPem, chainPem, authorityPem };
}

/**
 * Writes all three durably. Key and certificate change together although no file system renames two files at once: the
 * new key waits beside the old one until the certificate is there, and whoever loads the folder finishes the exchange.
 */
export function saveCredentials(folder: string, credentials: Credentials): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  replace(folder, AUTHORITY, credentials.authorityPem, 0o644);
  replace(folder, NEXT_KEY, credentials.keyPem, 0o600);
  replace(folder, CERTIFICATE, credentials.chainPem, 0o644);
  renameSync(join(folder, NEXT_KEY), join(folder, KEY));
  sync(folder);
}

export function factsOf(chainPem: string): CertificateFacts {
  const certificate = new X509Certificate(chainPem);
  const issueMs = Date.parse(certificate.validFrom);
  const expireMs = Date.parse(certificate.validTo);
  return {
    identity: certificate.subjectAltName?.replace(/^URI:/, '') ?? '',
    issueMs,
    renewMs: Math.floor(issueMs + ((expireMs - issueMs) * 2) / 3),
    expireMs,
  };
}

export function belongTogether(keyPem: string, chainPem: string): boolean {
  return new X509Certificate(chainPem).checkPrivateKey(createPrivateKey(keyPem));
}

function finishRenewal(folder: string, chainPem: string): void {
  const next = join(folder, NEXT_KEY);
  if (!existsSync(next)) return;
  if (belongTogether(readFileSync(next, 'utf8'), chainPem)) renameSync(next, join(folder, KEY));
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw noIdentity(`no identity: ${file} cannot be read`, cause);
  }
}

function noIdentity(message: string, cause?: unknown): IsobarError {
  return new IsobarError(message, { code: 'UNAUTHENTICATED', reason: 'NO_IDENTITY', cause });
}

function replace(folder: string, name: string, text: string, mode: number): void {
  const draft = join(folder, `${name}.${process.pid}.tmp`);
  const descriptor = openSync(draft, 'w', mode);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, join(folder, name));
  sync(folder);
}

function sync(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
