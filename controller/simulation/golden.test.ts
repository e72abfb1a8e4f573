// The log of each release is read by this one, and says what it said then.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GOLDEN_DIRECTORY, readGolden } from './golden.ts';

const releases = readdirSync(GOLDEN_DIRECTORY)
  .filter((file) => file.endsWith('.db.gz'))
  .map((file) => file.slice(0, -'.db.gz'.length));

test('there is a log of each release', () => {
  expect(releases).toContain('0.1.0');
});

test.each(releases)('the log of release %s is read as it was written', async (release) => {
  const expected = readFileSync(join(GOLDEN_DIRECTORY, `${release}.txt`), 'utf8');
  expect(await readGolden(release)).toBe(expected);
  expect(expected).toContain('checkpoint and records say the same: true');
  expect(expected).toContain('first bad one undefined');
});
