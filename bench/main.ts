// npm run bench [NAME…]: runs the benchmarks one after another, each in a process of its own; without names, all.
// npm run bench NAME -- ARGUMENT…: runs one with arguments of its own; each file says which it takes.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const HELPERS = ['main.ts', 'figure.ts', 'jobs.ts', 'plain-client.ts'];
const known = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !file.includes('.test.') && !HELPERS.includes(file))
  .map((file) => file.slice(0, -3))
  .toSorted();

const { names, args } = split(process.argv.slice(2));
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(
    `no benchmark ${unknown.join(', ')}; there are ${known.join(', ')}. A word for a benchmark comes after a second --: npm run bench core -- -- place\n`,
  );
  process.exit(64);
}
if (args.length > 0 && names.length !== 1) {
  process.stderr.write(`${args.join(' ')} is for one benchmark: npm run bench NAME -- ARGUMENT…\n`);
  process.exit(64);
}
let failed = 0;
for (const name of names.length > 0 ? names : known) {
  process.stdout.write(`\n# ${[name, ...args].join(' ')}\n`);
  const { status } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, `${name}.ts`), ...args],
    { stdio: 'inherit' },
  );
  if (status !== 0) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;

/** npm keeps the first -- to itself, so what is no word, a number, a flag or a path, ends the names as well. */
function split(words: readonly string[]) {
  const end = words.findIndex((word) => word === '--' || !/^[a-z]+$/.test(word));
  if (end < 0) return { names: words, args: [] };
  return { names: words.slice(0, end), args: words.slice(words[end] === '--' ? end + 1 : end) };
}
