// The server's half of mutual TLS: its certificate can be exchanged while it listens, and TLS 1.3 is the least.
//
// grpc-js offers a certificate provider for this, marked experimental and fed from files. This is the same mechanism
// without the files: the new context counts for connections that begin after it, open ones keep theirs.
import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { KeyAndCertificate } from './authority.ts';

/** A peer that connects and does not finish its handshake holds a socket for no longer than this. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export class RotatingCredentials extends ServerCredentials {
  /** With `clientCertificates` a peer without one of our authority's does not get past the handshake. */
  constructor(certificate: KeyAndCertificate, clientCertificates: boolean) {
    super(
      {
        requestCert: clientCertificates,
        rejectUnauthorized: clientCertificates,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      },
      contextOf(certificate),
    );
  }

  rotate(certificate: KeyAndCertificate): void {
    this.updateSecureContextOptions(contextOf(certificate));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function contextOf(certificate: KeyAndCertificate): SecureContextOptions {
  return {
    key: certificate.keyPem,
    cert: certificate.chainPem,
    ca: certificate.authorityPem,
    minVersion: 'TLSv1.3',
  };
}
