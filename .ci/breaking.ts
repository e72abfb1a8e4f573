// Compares proto/ with what main last promised and with the last release, and fails on a change that breaks readers.
// Where there is nothing to compare with (no commit yet, a clone without main) it says so and passes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

process.chdir(join(import.meta.dirname, '..'));

const promised = ['origin/main', 'main'].find(hasProto);
const released = [git('describe', '--tags', '--abbrev=0', '--match=v*').trim()].find(hasProto);
const bases = [promised, released].filter((base) => base !== undefined);

if (bases.length === 0) console.log('There is no commit with proto/ on main to compare with.');
// Both run, so that one report names everything that breaks.
if (bases.map(breaks).includes(true)) process.exitCode = 1;

function breaks(base: string): boolean {
  const commit = git('rev-parse', '--short', base).trim();
  if (git('status', '--porcelain', '--', 'proto') === '' && tree(base) === tree('HEAD')) {
    console.log(`proto/ is the same as in ${base} (${commit}).`);
    return false;
  }
  const temporary = mkdtempSync(join(tmpdir(), 'isobar-breaking-'));
  try {
    // An unpacked tree works in a shallow clone too, where buf's own git input does not.
    const archive = join(temporary, 'proto.tar');
    writeFileSync(
      archive,
      spawnSync('git', ['archive', base, 'proto', 'buf.yaml'], { maxBuffer: 2 ** 28 }).stdout,
    );
    const { status } = spawnSync('buf', ['breaking', '--against', archive], { stdio: 'inherit' });
    console.log(`Compared with ${base} (${commit}).`);
    return status !== 0;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function hasProto(base: string): boolean {
  return base !== '' && tree(base) !== '';
}

/** The id of a commit's proto/ folder, empty when it has none. */
function tree(base: string): string {
  return git('rev-parse', '--verify', '--quiet', `${base}:proto`).trim();
}

/** What git answers, empty when it refuses: a missing branch or repository is an answer here. */
function git(...args: string[]): string {
  return spawnSync('git', args, { encoding: 'utf8' }).stdout ?? '';
}
