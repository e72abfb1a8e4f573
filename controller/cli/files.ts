// Files that users name.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { didYouMean } from '#client/near-miss.ts';
import { EXIT, Failure } from './exit.ts';

export function readNamedFile(cwd: string, path: string): string {
  const file = resolve(cwd, path);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw noFile(path, file, error);
  }
}

/** A file that is not there is most often one that is spelled otherwise. */
function noFile(path: string, file: string, error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT') {
    const meant = didYouMean(basename(file), siblings(file));
    return new Failure(`${path}: there is no such file${meant}`, EXIT.NO_FILE);
  }
  if (code === 'EISDIR') {
    return new Failure(`${path} is a folder`, EXIT.NO_FILE, 'name the files in it');
  }
  return new Failure(`${path} cannot be read: ${code}`, EXIT.NO_FILE);
}

function siblings(file: string): string[] {
  try {
    return readdirSync(dirname(file));
  } catch {
    return [];
  }
}
