// Turns for many who have something to do: they go on one after another, for some milliseconds at once, and then whatever else is due
// has its turn. Without it a thousand watches that wake together would keep the loop from its work until the last has been served.
import type { Clock } from '#ports/clock.ts';

/** How long those whose turn it is may take together, about. */
const SLICE_MS = 2;
const FIRST_SLICE = 16;
const MOST_IN_A_SLICE = 1024;

export class Turns {
  readonly #clock: Clock;
  /** In the order in which they came. */
  readonly #waiting = new Set<() => void>();
  #slice = FIRST_SLICE;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls back later, once; the answer takes the call back. A function that waits already keeps its place. */
  wait(go: () => void): () => void {
    if (this.#waiting.size === 0) this.#clock.soon(() => this.#letGo());
    this.#waiting.add(go);
    return () => this.#waiting.delete(go);
  }

  /** What a call leads to follows it at once, or when this has returned: the time of all is known when the loop comes round again. */
  #letGo(): void {
    const begin = this.#clock.bootMs();
    let left = this.#slice;
    for (const go of this.#waiting) {
      this.#waiting.delete(go);
      go();
      if (--left === 0) break;
    }
    if (this.#waiting.size === 0) return;
    this.#clock.soon(() => {
      const tookMs = this.#clock.bootMs() - begin;
      if (tookMs > SLICE_MS) this.#slice = Math.max(1, this.#slice >> 1);
      else this.#slice = Math.min(MOST_IN_A_SLICE, this.#slice * 2);
      this.#letGo();
    });
  }
}
