// Waiting for a thing, with a deadline.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 25;
/** Everything that is waited for takes a second or two on an idle machine; other tests run beside these. */
const PATIENCE_MS = 40_000;

/** Rejects when it does not come to hold in time, and names what was waited for. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = PATIENCE_MS,
): Promise<void> {
  const giveUpMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > giveUpMs)
      throw new Error(`waited ${withinMs / 1000} s in vain until ${what}`);
    await sleep(LOOK_MS);
  }
}

/** Lets time pass where that is the thing: a lease that has to end, an outage of some length. */
export function pass(ms: number): Promise<void> {
  return sleep(ms);
}

/** Seconds since the machine started, as tasks read them. */
export function bootSeconds(): number {
  return Number.parseFloat(readFileSync('/proc/uptime', 'latin1'));
}
