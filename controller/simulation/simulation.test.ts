import { describe, expect, test } from 'vitest';
import { Counts } from './faults.ts';
import { runSeed, runTwice } from './run.ts';
import { KEPT_SEEDS } from './seeds.ts';

/** A quiet machine needs a few seconds for all; a busy one a few times as long. */
const SEEDS = 300;
const SEEDS_A_TEST = 50;
const TIMEOUT_MS = 180_000;

describe('what must never happen does not', { timeout: TIMEOUT_MS }, () => {
  const counts = new Counts();

  test.each(KEPT_SEEDS)('in seed $seed, where once $found', async ({ seed }) => {
    expect((await runSeed(seed)).failure?.report).toBeUndefined();
  });

  const blocks = Array.from({ length: SEEDS / SEEDS_A_TEST }, (_, i) => 1 + i * SEEDS_A_TEST);
  test.each(blocks)('in worlds from seed %d', async (first) => {
    for (let seed = first; seed < first + SEEDS_A_TEST; seed++) {
      const verdict = await runSeed(seed);
      expect(verdict.failure?.report).toBeUndefined();
      counts.merge(verdict.counts);
    }
  });

  test('and every fault and path has occurred', () => {
    expect(counts.missing).toEqual([]);
  });
});

test('a seed gives the same run each time', { timeout: TIMEOUT_MS }, async () => {
  for (const seed of [2, 4, 5, 9, 16]) {
    expect((await runTwice(seed)).failure?.report).toBeUndefined();
  }
});
