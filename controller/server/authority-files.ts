// The authority on disk: a folder with `key.pem` (mode 0600) and `certificate.pem`.
//
// The folder appears whole by one rename, so a crash while it is made leaves either nothing or both files, and two
// controllers that start at once cannot found two authorities.
import {
  createPrivateKey,
  randomBytes,
  webcrypto,
  X509Certificate as NodeCertificate,
} from 'node:crypto';
import {
  mkdirSync,
  openSync,
  closeSync,
  fsyncSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ALGORITHM, Authority, foundAuthority } from './authority.ts';
import { X509Certificate } from './x509.ts';

const KEY_FILE = 'key.pem';
const CERTIFICATE_FILE = 'certificate.pem';

/** Loads the authority in a folder, or founds one there when the folder does not exist. */
export async function openAuthority(folder: string, nowMs: number): Promise<Authority> {
  if (!existsSync(folder)) return createAuthority(folder, nowMs);
  return loadAuthority(folder, nowMs);
}

/** Founds an authority in a folder that must not exist yet. */
export async function createAuthority(folder: string, nowMs: number): Promise<Authority> {
  const { authority, keyPem } = await foundAuthority(nowMs);
  const parent = dirname(folder);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const draft = `${folder}.${randomBytes(6).toString('hex')}.tmp`;
  mkdirSync(draft, { mode: 0o700 });
  try {
    writeDurably(join(draft, KEY_FILE), keyPem, 0o600);
    writeDurably(join(draft, CERTIFICATE_FILE), authority.certificatePem, 0o644);
    syncFolder(draft);
    renameSync(draft, folder); // fails when the folder has come into being with something in it
    syncFolder(parent);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw new Error(`cannot found an authority in ${folder}`, { cause: error });
  }
  return authority;
}

/** Loads an authority; what is wrong with it is an error that says what to do. */
export async function loadAuthority(folder: string, nowMs: number): Promise<Authority> {
  const keyFile = join(folder, KEY_FILE);
  const certificateFile = join(folder, CERTIFICATE_FILE);
  for (const file of [keyFile, certificateFile]) {
    if (!existsSync(file)) {
      throw new Error(
        `the authority lacks ${file}: restore it from the backup. Without it every certificate of the federation must be made anew`,
      );
    }
  }
  const mode = statSync(keyFile).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `${keyFile} may be read by others (mode ${mode.toString(8).padStart(4, '0')}): run chmod 600 on it, and found a new authority if anybody else has an account here`,
    );
  }
  const certificatePem = readFileSync(certificateFile, 'utf8');
  const keyPem = readFileSync(keyFile, 'utf8');
  if (!new NodeCertificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem))) {
    throw new Error(
      `${keyFile} is not the key of ${certificateFile}: restore both from one backup`,
    );
  }
  const der = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
  const key = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
  const authority = new Authority(new X509Certificate(certificatePem), key);
  if (authority.expireMs <= nowMs) {
    throw new Error(
      `the authority in ${folder} ended on ${new Date(authority.expireMs).toISOString()}: move the folder away, start again and enrol everybody anew`,
    );
  }
  return authority;
}

function writeDurably(file: string, text: string, mode: number): void {
  const descriptor = openSync(file, 'wx', mode);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
