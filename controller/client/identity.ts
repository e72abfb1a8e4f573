// An identity that changes its certificate while channels use it: connections that begin after a renewal show the new one.
// The server lets connections with an old one end in time.
import type { experimental } from '@grpc/grpc-js';
import { factsOf, loadCredentials, saveCredentials, type Credentials } from './credentials.ts';

type CertificateProvider = experimental.CertificateProvider;
type IdentityListener = Parameters<CertificateProvider['addIdentityCertificateListener']>[0];
type AuthorityListener = Parameters<CertificateProvider['addCaCertificateListener']>[0];

export class StoredIdentity implements CertificateProvider {
  readonly #folder: string;
  #credentials: Credentials;
  readonly #identityListeners = new Set<IdentityListener>();
  readonly #authorityListeners = new Set<AuthorityListener>();

  /** Reads the folder; throws an IsobarError when there is no identity in it. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#credentials = loadCredentials(folder);
  }

  get credentials(): Credentials {
    return this.#credentials;
  }

  get facts(): ReturnType<typeof factsOf> {
    return factsOf(this.#credentials.chainPem);
  }

  /** Stores new credentials and shows them from now on. */
  replace(credentials: Credentials): void {
    saveCredentials(this.#folder, credentials);
    this.#credentials = credentials;
    for (const listener of this.#identityListeners) listener(this.#identityUpdate());
    for (const listener of this.#authorityListeners) listener(this.#authorityUpdate());
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    process.nextTick(listener, this.#identityUpdate());
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }

  addCaCertificateListener(listener: AuthorityListener): void {
    this.#authorityListeners.add(listener);
    process.nextTick(listener, this.#authorityUpdate());
  }

  removeCaCertificateListener(listener: AuthorityListener): void {
    this.#authorityListeners.delete(listener);
  }

  #identityUpdate() {
    const { chainPem, keyPem } = this.#credentials;
    return { certificate: Buffer.from(chainPem), privateKey: Buffer.from(keyPem) };
  }

  #authorityUpdate() {
    return { caCertificate: Buffer.from(this.#credentials.authorityPem) };
  }
}
