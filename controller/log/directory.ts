// The directory of a log: made, checked, and held by one process at a time.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, statfsSync } from 'node:fs';
import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LogError } from './errors.ts';

/** Where locks or fsync of another machine's kernel would have to be trusted, by `statfs` type. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9P'],
  [0x00c36400, 'CephFS'],
  [0x5346414f, 'AFS'],
]);

/** Makes the directory, readable for its owner only, when it is missing. */
export function prepareDirectory(directory: string): void {
  try {
    if (!existsSync(directory)) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      syncPath(dirname(resolve(directory)));
    }
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new LogError(
      'not-writable',
      `${directory} cannot be written: give it to the user that runs this, or name another directory`,
      { cause: error },
    );
  }
  const network = networkFileSystems.get(statfsSync(directory).type >>> 0);
  if (network !== undefined) {
    throw new LogError(
      'network',
      `${directory} is on ${network}: name a directory on a local disk`,
    );
  }
}

/** A file or directory reaches the disk. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Held until released or until the process ends. */
export interface DirectoryLock {
  release(): void;
}

/**
 * Takes the directory. The lock is the kernel's, on a database of its own: it is free the moment its process is dead, however
 * that died, and holds between containers that share the directory. Who holds it stands beside it, for the message only.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const holderFile = join(directory, 'lock.json');
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(directory, 'lock.db'), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    const busy = error instanceof Error && 'errcode' in error && error.errcode === 5;
    if (!busy) {
      throw new LogError(
        'not-writable',
        `${directory} cannot be locked: give its files to the user that runs this, or name another directory`,
        { cause: error },
      );
    }
    throw new LogError(
      'locked',
      `${directory} is in use by ${holder(holderFile)}: stop that, or name another directory`,
      { cause: error },
    );
  }
  const held = lock;
  const who = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  writeFileSync(holderFile, `${JSON.stringify(who)}\n`, { mode: 0o600 });
  return { release: () => held.close() };
}

function holder(file: string): string {
  try {
    const who: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof who === 'object' && who !== null && 'pid' in who && 'host' in who) {
      const since = 'since' in who ? ` since ${String(who.since)}` : '';
      return `process ${String(who.pid)} on ${String(who.host)}${since}`;
    }
  } catch {
    // Whoever holds the lock may just be writing it.
  }
  return 'another process';
}
