// The isobar command. It returns the exit code and leaves ending the process to the launcher.
import { readFileSync } from 'node:fs';

const exitUsage = 64; // EX_USAGE of sysexits.h

const usage = `Usage: isobar <command>

Commands:
  version   print the version
`;

export async function main(args: readonly string[]): Promise<number> {
  if (args.length === 1 && args[0] === 'version') {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  process.stderr.write(usage);
  return exitUsage;
}

function version(): string {
  // Both in a checkout and in the installed package, package.json is two folders up.
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version; // our own file, held by the launcher's test
}
