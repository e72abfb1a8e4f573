// How often something took how long, in the buckets that the catalog gives a metric. An observation costs a few comparisons and
// no memory: it is made for every job.
import type { Observed } from '#ports/figures.ts';

export class Tally implements Observed {
  readonly #bounds: readonly number[];
  /** The last one counts all above the highest bound. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
  }
}
