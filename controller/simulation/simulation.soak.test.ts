// Thousands of worlds, others each time: the report names the seed, with which the run can be repeated.
import { expect, test } from 'vitest';
import { runSeed } from './run.ts';

const SEEDS = Number(process.env['SOAK_SEEDS'] ?? 5_000);
/** By the day, so that every soak sees new worlds and every one of a day the same. */
const FIRST = Number(process.env['SOAK_FIRST'] ?? Math.floor(Date.now() / 86_400_000) * 10_000);

test('what must never happen does not, in many worlds', async () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    expect((await runSeed(seed)).failure?.report).toBeUndefined();
  }
});
