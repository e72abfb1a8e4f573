import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import { BEGIN_MS, World } from './testing.ts';
import { HOUR_MS } from './usage.ts';

const MINUTE_MS = 60_000;

/** CPU-seconds of each hour from the beginning, as `reserved granted wasted runs`. */
function hours(w: World): readonly string[] {
  return [...w.state.usage.values()]
    .toSorted((a, b) => a.hour - b.hour)
    .map(({ hour, reserved, granted, wasted, runs }) => {
      const seconds = [reserved, granted, wasted].map((sum) => sum[0]! / 1000).join(' ');
      return `${hour - BEGIN_MS / HOUR_MS}: ${seconds} ${runs}`;
    });
}

function placed(cpu = 2): World {
  const w = new World().site('north').submit({ id: 'a', cpu });
  w.place('a', 'north');
  return w;
}

describe('the ledger books a run when it has ended', () => {
  test('what was reserved and what of it was granted', () => {
    const w = placed().wait(MINUTE_MS);
    w.report('a', RunState.RUNNING);
    w.wait(9 * MINUTE_MS);
    w.report('a', RunState.SUCCEEDED, { runMs: 9 * MINUTE_MS });
    expect(hours(w)).toEqual(['0: 1200 1080 0 1']);
  });
  test('by the agent’s own count if its start was never reported', () => {
    const w = placed().wait(10 * MINUTE_MS);
    w.report('a', RunState.SUCCEEDED, { runMs: 4 * MINUTE_MS });
    expect(hours(w)).toEqual(['0: 1200 480 0 1']);
  });
  test('as wasted if it did not succeed', () => {
    const w = placed().wait(10 * MINUTE_MS);
    w.report('a', RunState.FAILED, { exitCode: 1, runMs: 4 * MINUTE_MS });
    expect(hours(w)).toEqual(['0: 1200 480 480 1']);
  });
  test('as reserved only if it never started', () => {
    const w = placed().wait(10 * MINUTE_MS);
    w.leave('north').expire('north');
    expect(hours(w)).toEqual(['0: 1200 0 0 1']);
  });
  test('spread over the hours that it touched, counted in the last of them', () => {
    const w = placed().wait(30 * MINUTE_MS);
    w.report('a', RunState.RUNNING);
    w.wait(2 * HOUR_MS);
    w.report('a', RunState.SUCCEEDED, { runMs: 2 * HOUR_MS });
    expect(hours(w)).toEqual(['0: 7200 3600 0 0', '1: 7200 7200 0 0', '2: 3600 3600 0 1']);
  });
  test.each([
    ['before it was reserved', -HOUR_MS, '0: 0 0 0 1'],
    ['in the future', HOUR_MS, '0: 1200 0 0 1'],
  ])('an end that an agent reports %s is moved into its time', (_, offMs, expected) => {
    const w = placed().wait(10 * MINUTE_MS);
    w.report('a', RunState.SUCCEEDED, { timeMs: w.nowMs + offMs });
    expect(hours(w)).toEqual([expected]);
  });
  test('seconds of parts add up to the seconds of the whole', () => {
    const w = placed(1).wait(HOUR_MS - 300);
    w.report('a', RunState.RUNNING);
    w.wait(2 * HOUR_MS + 700);
    w.report('a', RunState.SUCCEEDED, { runMs: 2 * HOUR_MS + 700 });
    const sum = [...w.state.usage.values()].reduce((all, cell) => all + cell.reserved[0]!, 0);
    expect(sum / 1000).toBe(Math.floor((3 * HOUR_MS + 400) / 1000));
  });
});
