// How a thread works through much without keeping others waiting: in statements of bounded size, with turns in between.
import { segmentOf, segmentSize } from './database.ts';

/** Lets messages in that have arrived meanwhile. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Long enough to get something done, short against the 200 ms that a reader may hold others up. */
const turnMs = 20;

/** Gives others a turn when one has lasted long enough. */
export class Turns {
  #sinceMs = performance.now();

  async pass(): Promise<void> {
    if (performance.now() - this.#sinceMs < turnMs) return;
    await nextTurn();
    this.#sinceMs = performance.now();
  }
}

export interface Walk {
  /** 0: from the newest. */
  readonly before: number;
  readonly limit: number;
  /** Numbers to look at in the first step; doubled with each, so that a full page is found cheaply and a rare row soon. */
  readonly window: number;
}

/** From a number downwards, never across a segment in one step, until there is enough or nothing left. */
export async function walkDown<T>(
  { before, limit, window }: Walk,
  newestBelow: (before: number) => number | null | undefined,
  read: (first: number, before: number, limit: number) => readonly T[],
): Promise<T[]> {
  const turns = new Turns();
  const found: T[] = [];
  let below = before === 0 ? Number.MAX_SAFE_INTEGER : before;
  for (let size = window; found.length < limit; size *= 2) {
    const newest = newestBelow(below);
    if (newest === undefined || newest === null) break;
    below = Math.max(segmentOf(newest) * segmentSize, newest + 1 - size);
    found.push(...read(below, newest + 1, limit - found.length));
    await turns.pass();
  }
  return found;
}
