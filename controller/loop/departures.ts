// Data centers whose last run has ended leave: nobody asks for that when it is time, so the loop does, as it places runs.
import { hasEmptied } from '#core/drains.ts';
import type { State } from '#core/state.ts';
import { DataCenterState } from '#domain/states.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';

export class Departures {
  readonly #state: State;
  /** Few at any time, so all of them are looked at. */
  readonly #draining = new Set<string>();

  /** What an earlier controller did not come to is due at once. */
  constructor(state: State) {
    this.#state = state;
    for (const [id, dataCenter] of state.dataCenters) {
      if (dataCenter.state === DataCenterState.DRAINING) this.#draining.add(id);
    }
  }

  folded(events: readonly Event[]): void {
    for (const { kind } of events) {
      const isDrain =
        kind?.$case === 'dataCenterStateChanged' && kind.value.state === DataCenterState.DRAINING;
      if (isDrain) this.#draining.add(kind.value.dataCenter);
    }
  }

  /** Ids of those that leave now. */
  *due(): Iterable<string> {
    for (const id of this.#draining) {
      const dataCenter = this.#state.dataCenters.get(id);
      if (dataCenter?.state !== DataCenterState.DRAINING) this.#draining.delete(id);
      else if (hasEmptied(dataCenter)) yield id;
    }
  }
}
