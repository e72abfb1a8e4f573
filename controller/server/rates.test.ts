import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Rates } from './rates.ts';

const EACH = { perSecond: 10, burst: 5 };
const TOGETHER = { perSecond: 15, burst: 8 };

test('a caller may use its burst at once and then its rate', () => {
  const rates = new Rates({ each: EACH, together: { perSecond: 1000, burst: 1000 } }, 0);
  for (let i = 0; i < 5; i++) expect(rates.take('a', 0)).toBe(0);
  expect(rates.take('a', 0)).toBe(100);
  expect(rates.take('a', 50)).toBeGreaterThan(0);
  expect(rates.take('a', 101)).toBe(0);
  expect(rates.take('b', 100)).toBe(0);
});

test('one that is over its limit takes nothing from the others', () => {
  const rates = new Rates({ each: EACH, together: TOGETHER }, 0);
  for (let i = 0; i < 1000; i++) rates.take('a', 0);
  expect(rates.take('b', 0)).toBe(0);
});

test('nobody gets more than the rates allow, whoever asks when', () => {
  const asks = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 50 })), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(asks, (list) => {
      const rates = new Rates({ each: EACH, together: TOGETHER }, 0);
      let nowMs = 0;
      const taken = new Map<string, number>();
      for (const [caller, laterMs] of list) {
        nowMs += laterMs;
        if (rates.take(caller, nowMs) === 0) taken.set(caller, (taken.get(caller) ?? 0) + 1);
      }
      const all = [...taken.values()].reduce((sum, count) => sum + count, 0);
      expect(all).toBeLessThanOrEqual(TOGETHER.burst + (nowMs * TOGETHER.perSecond) / 1000 + 1);
      for (const count of taken.values()) {
        expect(count).toBeLessThanOrEqual(EACH.burst + (nowMs * EACH.perSecond) / 1000 + 1);
      }
    }),
  );
});

test('a flood of strangers does not grow the memory', () => {
  const rates = new Rates({ each: EACH, together: TOGETHER }, 0);
  for (let i = 0; i < 50_000; i++) rates.take(`10.0.${i >> 8}.${i & 255}`, 0);
  expect(rates.size).toBeLessThanOrEqual(10_000);
});
