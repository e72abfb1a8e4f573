// Writes controller/gen from proto/, with local plugins only. `--check` compares instead and fails if they differ.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const generated = 'controller/gen';

process.chdir(join(import.meta.dirname, '..'));
process.exitCode = process.argv.includes('--check') ? check() : generate('.');

function generate(into: string): number {
  // With no schema yet buf would fail, and no code is the right answer.
  if (!existsSync('proto')) return 0;
  return run('buf', ['generate', '--output', into]);
}

function check(): number {
  const temporary = mkdtempSync(join(tmpdir(), 'isobar-gen-'));
  try {
    // Two empty folders where there is nothing, so that diff compares nothing with nothing.
    mkdirSync(join(temporary, generated), { recursive: true });
    mkdirSync(join(temporary, 'empty'));
    const failed = generate(temporary);
    if (failed !== 0) return failed;
    const present = existsSync(generated) ? generated : join(temporary, 'empty');
    const differs = run('diff', ['--recursive', '--brief', present, join(temporary, generated)]);
    if (differs !== 0) {
      process.stderr.write(
        `${generated} is not what proto/ gives: run \`npm run gen\` and commit it.\n`,
      );
    }
    return differs;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[]): number {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined) throw new Error(`cannot run ${command}`, { cause: error });
  return status ?? 1;
}
