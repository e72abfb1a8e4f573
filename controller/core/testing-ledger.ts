// The ledger reckoned a second time, from the lives of the runs instead of from what was booked.
import { isRunFinal, type RunState } from '#domain/states.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { classOf } from './queue.ts';
import type { State } from './state.ts';

interface Sums {
  readonly reserved: number[];
  runs: number;
}

export class Ledger {
  readonly #live = new Map<number, { readonly fromMs: number; readonly dataCenter: string }>();
  readonly #sums = new Map<string, Sums>();

  /** Call with every record, when it was folded. */
  note(state: State, events: readonly Event[]): void {
    for (const { kind } of events) {
      if (kind?.$case === 'runReserved') {
        const dataCenter = kind.value.parts[0]?.dataCenter ?? '';
        this.#live.set(kind.value.uid, { fromMs: state.timeMs, dataCenter });
      } else if (kind?.$case === 'runChanged' && isRunFinal(kind.value.state as RunState)) {
        const { uid, tenant, timeMs } = kind.value;
        const run = this.#live.get(uid);
        const row = state.jobs.rowOf(uid);
        if (run === undefined || row === undefined) continue;
        this.#live.delete(uid);
        const key = `${tenant}/${run.dataCenter}`;
        const sums = this.#sums.get(key) ?? { reserved: [0, 0, 0, 0], runs: 0 };
        this.#sums.set(key, sums);
        sums.runs++;
        const toMs = Math.max(timeMs, run.fromMs);
        const seconds = Math.floor(toMs / 1000) - Math.floor(run.fromMs / 1000);
        const { total } = classOf(state, row);
        for (let i = 0; i < 4; i++) sums.reserved[i]! += total[i]! * seconds;
      }
    }
  }

  *check(state: State): Iterable<string> {
    const booked = new Map<string, Sums>();
    for (const { tenant, dataCenter, reserved, granted, wasted, runs } of state.usage.values()) {
      const key = `${tenant}/${dataCenter}`;
      const sums = booked.get(key) ?? { reserved: [0, 0, 0, 0], runs: 0 };
      booked.set(key, sums);
      sums.runs += runs;
      for (let i = 0; i < 4; i++) {
        sums.reserved[i]! += reserved[i]!;
        if (wasted[i]! > granted[i]!) yield `${key} wasted more than it was granted`;
        if (granted[i]! > reserved[i]!) yield `${key} was granted more than was reserved`;
      }
    }
    const text = (sums: ReadonlyMap<string, Sums>) =>
      [...sums]
        .map(([key, { reserved, runs }]) => `${key} ${reserved.join()} ${runs}`)
        .toSorted()
        .join('; ');
    if (text(booked) !== text(this.#sums)) {
      yield `the ledger says ${text(booked)} and the runs say ${text(this.#sums)}`;
    }
  }
}
