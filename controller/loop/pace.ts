// How many steps of planning fit into a slice: found by trying, and by what the last slice took.

/** A slice of planning, and a turn's share of commands, take about this long at most. */
export const SLICE_MS = 5;
const FIRST_STEPS = 256;
const LEAST_STEPS = 16;
const MOST_STEPS = 65_536;

export class Pace {
  #steps = FIRST_STEPS;

  get steps(): number {
    return this.#steps;
  }

  /**
   * A slice had so many steps. Between half of its time and all of it nothing changes: shorter slices would judge the same classes
   * more often. One that had fewer steps than it might have says nothing of what more of them would take.
   */
  took(steps: number, ms: number): void {
    if (ms > SLICE_MS) this.#steps = Math.max(LEAST_STEPS, Math.floor(this.#steps / 2));
    else if (ms < SLICE_MS / 2 && steps >= this.#steps)
      this.#steps = Math.min(MOST_STEPS, this.#steps * 2);
  }
}
