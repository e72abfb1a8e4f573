// Where programs are.
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where a task's programs are looked for, unless its job brings a PATH of its own. */
export const SITE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The file that a name stands for. */
export function findProgram(name: string, path = SITE_PATH): string | undefined {
  return path
    .split(':')
    .map((dir) => join(dir, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return statSync(file).isFile();
      } catch {
        return false;
      }
    });
}

/**
 * A program of our own use, by its path: the PATH of a task is the job's, and what it names must not run with our rights.
 * Where it is missing the name stays, and the start fails with it.
 */
export function ownProgram(name: string): string {
  return findProgram(name, `${SITE_PATH}:${process.env['PATH'] ?? ''}`) ?? name;
}
