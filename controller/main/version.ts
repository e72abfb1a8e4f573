// The version of this package.
import { readFileSync } from 'node:fs';

export function versionOf(): string {
  // Both in a checkout and in the installed package, package.json is two folders up.
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  // Our own file: the test of the launcher holds it to have a version.
  return (JSON.parse(manifest) as { version: string }).version;
}
