// Checkpoints are fuzzy: slices of rows go to disk beside ordinary appends, each as of its own append's revision. A row is never
// ahead of the log, because everything up to the revision at which it was read is in the same transaction or before it.
import type { State } from '#core/state.ts';
import type { CheckpointRow, CheckpointSlice } from '#ports/log.ts';
import { rowsSince } from './rows.ts';

export interface CheckpointLimits {
  /** A new one begins when this many records came since the last: what a restart has to fold at most, about. */
  readonly checkpointEveryRecords: number;
  readonly checkpointRowsASlice: number;
}

/** A slice is about 1 ms of encoding and 2 of writing: whatever else is in its append waits for it. */
export const CHECKPOINT_LIMITS: CheckpointLimits = {
  checkpointEveryRecords: 20_000,
  checkpointRowsASlice: 200,
};

export class Checkpointer {
  readonly #state: State;
  readonly #limits: CheckpointLimits;
  /** Where the last complete checkpoint began. */
  #lastFrom: number;
  #underWay: { readonly from: number; readonly rows: Iterator<CheckpointRow> } | undefined;

  constructor(state: State, lastFrom: number, limits: CheckpointLimits) {
    this.#state = state;
    this.#limits = limits;
    this.#lastFrom = lastFrom;
  }

  /** What goes with the append that is about to be sent; it holds everything up to the state's revision. */
  slice(): CheckpointSlice | undefined {
    const { revision } = this.#state;
    if (this.#underWay === undefined) {
      if (revision - this.#lastFrom < this.#limits.checkpointEveryRecords) return undefined;
      // Entities that changed at or before this revision and after the last beginning are yet to be written.
      this.#underWay = {
        from: revision,
        rows: rowsSince(this.#state, this.#lastFrom)[Symbol.iterator](),
      };
    }
    const rows: CheckpointRow[] = [];
    const deleted = this.#state.gone.splice(0);
    while (rows.length < this.#limits.checkpointRowsASlice) {
      const next = this.#underWay.rows.next();
      if (next.done === true) {
        const completeFrom = this.#underWay.from;
        this.#lastFrom = completeFrom;
        this.#underWay = undefined;
        return { rows, deleted, completeFrom };
      }
      rows.push(next.value);
    }
    return { rows, deleted, completeFrom: undefined };
  }
}
