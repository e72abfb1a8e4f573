// @peculiar/x509 is typed for browsers and names these types globally; Node's types keep them in `webcrypto`.
import type { webcrypto } from 'node:crypto';

declare global {
  type BufferSource = webcrypto.BufferSource;
  type Algorithm = webcrypto.Algorithm;
  type AlgorithmIdentifier = webcrypto.AlgorithmIdentifier;
  type KeyUsage = webcrypto.KeyUsage;
  type EcdsaParams = webcrypto.EcdsaParams;
  type EcKeyGenParams = webcrypto.EcKeyGenParams;
  type EcKeyImportParams = webcrypto.EcKeyImportParams;
  type RsaHashedImportParams = webcrypto.RsaHashedImportParams;
  type CryptoKeyPair = webcrypto.CryptoKeyPair;
  interface CryptoKey extends webcrypto.CryptoKey {}
  interface Crypto extends webcrypto.Crypto {}
}
