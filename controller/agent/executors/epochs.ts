// Which epoch of each job element is the newest that was ever heard of here: what is older never starts, and what was
// forgotten does not start again. Kept for one to two days, as two generations of which the older is thrown away whole:
// a late message is minutes old, and nothing is scanned. Uids are never used again, so nothing is confused afterwards.
import type { RunKey } from '#ports/executor.ts';

const GENERATION_MS = 24 * 3_600_000;
/** About 50 MB a generation. Whoever starts more in a day keeps less than a day. */
const GENERATION_ELEMENTS = 500_000;

/** Names an element of a job among all. */
export type Element = number | string;

export class Epochs {
  #young = new Map<Element, number>();
  #old = new Map<Element, number>();
  #bornBootMs: number;

  constructor(nowBootMs: number) {
    this.#bornBootMs = nowBootMs;
  }

  /** The newest known epoch; 0 when none is. */
  newest(run: RunKey): number {
    const element = elementOf(run);
    return this.#young.get(element) ?? this.#old.get(element) ?? 0;
  }

  /** True when a new generation began: whoever keeps a journal begins a new one too. */
  raise(run: RunKey, nowBootMs: number): boolean {
    const turned =
      nowBootMs - this.#bornBootMs >= GENERATION_MS || this.#young.size >= GENERATION_ELEMENTS;
    if (turned) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#bornBootMs = nowBootMs;
    }
    this.#young.set(elementOf(run), Math.max(run.epoch, this.newest(run)));
    return turned;
  }
}

/** Most jobs are no arrays, and a number is a cheap key. */
export function elementOf(run: RunKey): Element {
  return run.index === 0 ? run.jobUid : `${run.jobUid}-${run.index}`;
}
