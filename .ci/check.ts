// Everything that can be said about the checkout without running it: the scripts `check:*` of package.json in their order.
// `npm run check` runs all and lists those that failed; `npm run check -- types lint` runs the named ones.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

process.chdir(join(import.meta.dirname, '..'));

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
};
const steps = Object.keys(scripts)
  .filter((name) => name.startsWith('check:'))
  .map((name) => name.slice('check:'.length));

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !steps.includes(name));
if (unknown.length > 0) {
  console.error(`There is no check ${unknown.join(', ')}, only ${steps.join(', ')}.`);
  process.exit(64);
}

const failed: string[] = [];
for (const step of asked.length > 0 ? asked : steps) {
  console.log(`\n── check ${step}: ${scripts[`check:${step}`]}`);
  const { status } = spawnSync('npm', ['run', '--silent', `check:${step}`], { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`── check ${step} FAILED`);
    failed.push(step);
  }
}

console.log(
  failed.length === 0 ? '\nAll checks passed.' : `\nFailed checks: ${failed.join(', ')}.`,
);
if (failed.length > 0) process.exitCode = 1;
