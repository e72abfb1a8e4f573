import { describe, expect, test } from 'vitest';
import type { Clock } from '#ports/clock.ts';
import { LogTime } from './log-time.ts';

const HOUR_MS = 3_600_000;
const BEGIN_MS = 1_800_000_000_000;

/** A clock that a test moves. */
class TestClock implements Clock {
  wall = BEGIN_MS;
  boot = 1_000;

  wallMs(): number {
    return this.wall;
  }

  bootMs(): number {
    return this.boot;
  }

  after(): () => void {
    throw new Error('nothing waits here');
  }

  soon(): void {
    throw new Error('nothing waits here');
  }

  pass(ms: number): void {
    this.wall += ms;
    this.boot += ms;
  }
}

function begin(lastMs = 0): { readonly clock: TestClock; readonly time: LogTime } {
  const clock = new TestClock();
  return { clock, time: new LogTime(clock, lastMs) };
}

describe('the time of the log', () => {
  test('is wall time while that goes forward, also by a jump', () => {
    const { clock, time } = begin();
    expect(time.nowMs()).toBe(BEGIN_MS);
    clock.pass(1234);
    expect(time.nowMs()).toBe(BEGIN_MS + 1234);
    clock.wall += HOUR_MS;
    expect(time.nowMs()).toBe(BEGIN_MS + 1234 + HOUR_MS);
  });

  test('goes at half speed after a jump of an hour forward and back, until the wall clock is there', () => {
    const { clock, time } = begin();
    clock.wall += HOUR_MS;
    const aheadMs = time.nowMs();
    clock.wall -= HOUR_MS;
    expect(time.nowMs()).toBe(aheadMs);
    clock.pass(5_000);
    expect(time.nowMs()).toBe(aheadMs + 2_500);
    clock.pass(2 * HOUR_MS - 5_000);
    expect(time.nowMs()).toBe(aheadMs + HOUR_MS);
    clock.pass(7);
    expect(time.nowMs()).toBe(clock.wall);
  });

  test('goes on from the last record after a restart, however wrong the wall clock was then', () => {
    const { clock, time } = begin(BEGIN_MS + HOUR_MS);
    clock.pass(1_000);
    expect(time.nowMs()).toBe(BEGIN_MS + HOUR_MS + 500);
  });

  test('never runs backwards, and passes as it says, whatever the wall clock does', () => {
    const { clock, time } = begin();
    let before = time.nowMs();
    for (const jumpMs of [10, -10, 5_000, -3_000, 1, -60_000, 70_000, -HOUR_MS, 0, 2]) {
      clock.wall += jumpMs;
      expect(time.nowMs()).toBeGreaterThanOrEqual(before);
      for (const waitMs of [1, 999, 12_000]) {
        const untilMs = time.nowMs() + waitMs;
        clock.pass(Math.ceil(time.delayUntil(untilMs)));
        before = time.nowMs();
        expect(before - untilMs).toBeGreaterThanOrEqual(0);
        expect(before - untilMs).toBeLessThanOrEqual(1);
      }
    }
  });
});
