// How a client gets its first certificate, and each one after.
//
// The secret of a token is sent to nobody but the authority that the token names: its certificate is fetched over a
// connection that trusts nothing, compared with the fingerprint, and only then trusted, for a second connection.
import { createHash, KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { credentials, type Channel } from '@grpc/grpc-js';
import {
  CertificateServiceService,
  EnrolmentServiceService,
  type Certificate,
} from '#gen/isobar/v1/enrolment.ts';
import { channelWith } from './channel.ts';
import { belongTogether, saveCredentials, type Credentials } from './credentials.ts';
import { StoredIdentity } from './identity.ts';
import { IsobarError } from './isobar-error.ts';
import { makeClient, type CallOptions } from './rpc.ts';
import type { Token } from './token.ts';

export interface EnrolOptions extends CallOptions {
  /** host:port of the enrolment listeners. */
  readonly addresses: readonly string[];
  readonly token: Token;
  /** Where the identity is put; whatever identity was there is replaced. */
  readonly folder: string;
}

/** Trades a token for an identity. A token works once: when this fails after the token was sent, a new one is needed. */
export async function enrol(options: EnrolOptions): Promise<StoredIdentity> {
  // 1. Whose authority is it?
  const authorityPem = await fetchAuthority(options);
  // 2. A key that never leaves this machine, and a request signed with it.
  const { keyPem, request } = await makeRequest();
  // 3. The token, to that authority only.
  const channel = channelWith(options.addresses, credentials.createSsl(Buffer.from(authorityPem)));
  try {
    const { sent } = options.token;
    const answer = await makeClient(EnrolmentServiceService, channel).enroll(
      { token: sent, certificateRequest: request },
      options,
    );
    // 4. What it answered, checked and kept.
    saveCredentials(options.folder, checked(answer, keyPem, authorityPem));
  } finally {
    channel.close();
  }
  return new StoredIdentity(options.folder);
}

/** Gets and stores the next certificate of an identity, with a new key. The channel shows it on its next connection. */
export async function renew(
  identity: StoredIdentity,
  channel: Channel,
  options: CallOptions = {},
): Promise<void> {
  const { keyPem, request } = await makeRequest();
  const service = makeClient(CertificateServiceService, channel);
  const answer = await service.renewCertificate({ certificateRequest: request }, options);
  identity.replace(checked(answer, keyPem, identity.credentials.authorityPem));
}

async function fetchAuthority(options: EnrolOptions): Promise<string> {
  const trustNothing = credentials.createSsl(null, null, null, {
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  const channel = channelWith(options.addresses, trustNothing);
  try {
    const { authorityPem } = await makeClient(EnrolmentServiceService, channel).getAuthority(
      {},
      options,
    );
    const certificate = parseCertificate(authorityPem);
    const fingerprint = createHash('sha256').update(certificate.raw).digest('hex');
    if (fingerprint !== options.token.fingerprint || !certificate.ca) {
      throw new IsobarError(
        `the controller at ${options.addresses.join(', ')} is not the one that made this token; nothing was sent to it. Check the address; if it is right, somebody is between you and the controller`,
        { code: 'UNAUTHENTICATED', reason: 'WRONG_AUTHORITY' },
      );
    }
    // Only the certificate that was compared, whatever else stood in the answer.
    return certificate.toString();
  } finally {
    channel.close();
  }
}

async function makeRequest(): Promise<{
  readonly keyPem: string;
  readonly request: Uint8Array<ArrayBuffer>;
}> {
  const { Pkcs10CertificateRequestGenerator } = await import('./x509.ts');
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  const keyPem = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { keyPem: keyPem.toString(), request: new Uint8Array(request.rawData) };
}

/** A certificate for another key, or of another authority, would only fail later and worse. */
function checked(answer: Certificate, keyPem: string, authorityPem: string): Credentials {
  const certificate = parseCertificate(answer.chainPem);
  const authority = new X509Certificate(authorityPem);
  if (!belongTogether(keyPem, answer.chainPem) || !certificate.verify(authority.publicKey)) {
    throw new IsobarError(
      'the controller answered with a certificate that is not ours; try again',
      {
        code: 'INTERNAL',
        reason: 'WRONG_CERTIFICATE',
      },
    );
  }
  return { keyPem, chainPem: answer.chainPem, authorityPem };
}

function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new IsobarError('the controller answered with something that is no certificate', {
      code: 'INTERNAL',
      reason: 'WRONG_CERTIFICATE',
      cause,
    });
  }
}
