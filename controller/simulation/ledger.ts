// What the usage ledger must say: the sum of the runs, reckoned from the log alone, by another way than the core reckons it.
import type { JobClass } from '#gen/isobar/log/v1/entity.ts';
import type { RunChanged, UsageBooked } from '#gen/isobar/log/v1/event.ts';
import type { State } from '#core/state.ts';
import { RunState } from '#domain/states.ts';
import { check } from './violation.ts';

interface Sums {
  reserved: number;
  granted: number;
  wasted: number;
  runs: number;
}

/** Tenant, data center and resource; over all hours, because parts of a time add up to the whole of it. */
type Account = `${string}/${string}/${number}`;

export class Ledger {
  readonly #sums = new Map<Account, Sums>();

  /** The booking of an ended run, checked against the run. */
  book(
    booked: UsageBooked,
    run: { readonly reserveMs: number; readonly dataCenter: string },
    end: RunChanged,
    jobClass: JobClass | undefined,
  ): void {
    const amounts = jobClass === undefined ? [0, 0, 0, 0] : totalsOf(jobClass);
    const isSame =
      booked.tenant === end.tenant &&
      booked.dataCenter === run.dataCenter &&
      booked.reserveMs === run.reserveMs &&
      booked.startMs <= booked.endMs &&
      booked.wasted === (end.state !== RunState.SUCCEEDED) &&
      amounts.every((amount, i) => booked.amounts[i] === amount);
    check(
      isSame,
      'ledger',
      () => `the end of a run of ${end.job} was booked as ${JSON.stringify(booked)}`,
    );
    const seconds = (fromMs: number, toMs: number) =>
      Math.floor(toMs / 1000) - Math.floor(fromMs / 1000);
    for (const [i, amount] of amounts.entries()) {
      const sums = this.#of(`${booked.tenant}/${booked.dataCenter}/${i}`);
      const granted = booked.startMs > 0 ? seconds(booked.startMs, booked.endMs) * amount : 0;
      sums.reserved += seconds(booked.reserveMs, booked.endMs) * amount;
      sums.granted += granted;
      if (booked.wasted) sums.wasted += granted;
      sums.runs++;
    }
  }

  #of(account: Account): Sums {
    let sums = this.#sums.get(account);
    if (sums === undefined)
      this.#sums.set(account, (sums = { reserved: 0, granted: 0, wasted: 0, runs: 0 }));
    return sums;
  }

  /** Whether the ledger of a state says the same. */
  compare(state: State): void {
    const found = new Ledger();
    for (const cell of state.usage.values()) {
      for (let i = 0; i < 4; i++) {
        const sums = found.#of(`${cell.tenant}/${cell.dataCenter}/${i}`);
        sums.reserved += cell.reserved[i]!;
        sums.granted += cell.granted[i]!;
        sums.wasted += cell.wasted[i]!;
        sums.runs += cell.runs;
      }
    }
    const [expected, actual] = [this, found].map((ledger) =>
      JSON.stringify([...ledger.#sums].toSorted(byAccount)),
    );
    check(
      expected === actual,
      'ledger',
      () => `the runs add up to ${expected}, the ledger says ${actual}`,
    );
  }
}

function totalsOf({ groups }: JobClass): number[] {
  const totals = [0, 0, 0, 0];
  for (const { replicas, resources, devices } of groups) {
    totals[0]! += (resources?.cpuMillis ?? 0) * replicas;
    totals[1]! += (resources?.memoryMib ?? 0) * replicas;
    totals[2]! += (resources?.storageMib ?? 0) * replicas;
    for (const { count, thousandths } of devices) totals[3]! += count * thousandths * replicas;
  }
  return totals;
}

function byAccount([a]: readonly [string, Sums], [b]: readonly [string, Sums]): number {
  return a < b ? -1 : 1;
}
