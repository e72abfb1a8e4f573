// The part of @peculiar/x509 that a client needs, with the polyfill that the package refuses to load without. Both take a
// tenth of a second to load: import this file only where a certificate is asked for.
// oxlint-disable-next-line import/no-unassigned-import -- it patches Reflect, there is nothing to assign
import 'reflect-metadata';

export { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
