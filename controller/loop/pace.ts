// How many steps fit into a slice: found by trying, and by what the last slice took.

/** A slice of planning, a turn's share of commands, and the outputs that it lets go, take about this long at most each. */
export const SLICE_MS = 5;

export interface Steps {
  readonly first: number;
  readonly least: number;
  readonly most: number;
}

/** Of planning. */
const PLANNING: Steps = { first: 256, least: 16, most: 65_536 };

export class Pace {
  readonly #limits: Steps;
  #steps: number;

  constructor(limits = PLANNING) {
    this.#limits = limits;
    this.#steps = limits.first;
  }

  get steps(): number {
    return this.#steps;
  }

  /**
   * A slice had so many steps. Between half of its time and all of it nothing changes: shorter slices would judge the same classes
   * more often. One that had fewer steps than it might have says nothing of what more of them would take.
   */
  took(steps: number, ms: number): void {
    const { least, most } = this.#limits;
    if (ms > SLICE_MS) this.#steps = Math.max(least, Math.floor(this.#steps / 2));
    else if (ms < SLICE_MS / 2 && steps >= this.#steps)
      this.#steps = Math.min(most, this.#steps * 2);
  }
}
