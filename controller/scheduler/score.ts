// How good a data center is for a class of jobs, as a sum of named terms. Each is 0 (worst) to 1 (best) before its weight.
import type { Overlay } from '#core/overlay.ts';
import type { DataCenter, JobClass, State } from '#core/state.ts';
import { TERMS, type Policy, type Term } from './policy.ts';

export type Terms = Record<Term, number>;

export interface Ranked {
  readonly dataCenter: DataCenter;
  /** What the score would be if the data center were empty and the largest; more it cannot be. */
  readonly bound: number;
}

/** Beyond this a data center is as far as it can be. About the length of the country. */
const FAR_KM = 2000;
const EARTH_RADIUS_KM = 6371;

/** What is the same for all data centers and all jobs of a slice. */
export class Scales {
  readonly #state: State;
  #mapVersion = -1;
  readonly #largest = new Float64Array(4);
  #highestPrice = 0;
  readonly #distances = new Map<string, number[]>();
  /** By home region, and for the policy that was asked with last. */
  readonly #rankings = new Map<string, readonly Ranked[]>();
  #policy: Policy | undefined;

  constructor(state: State) {
    this.#state = state;
  }

  /** Call before a slice. */
  refresh(): void {
    if (this.#mapVersion === this.#state.derived.mapVersion) return;
    this.#mapVersion = this.#state.derived.mapVersion;
    this.#largest.fill(0);
    this.#highestPrice = 0;
    this.#distances.clear();
    this.#rankings.clear();
    for (const dataCenter of this.#state.dataCenterList) {
      if (dataCenter === undefined) continue;
      for (let i = 0; i < 4; i++)
        this.#largest[i] = Math.max(this.#largest[i]!, dataCenter.capacity[i]!);
      this.#highestPrice = Math.max(this.#highestPrice, dataCenter.entity.priceMicrosPerCpuHour);
    }
  }

  terms(overlay: Overlay, jobClass: JobClass, dataCenter: DataCenter): Terms {
    let room = 1;
    let balance = 1;
    // What is about to be taken here counts as if every job of the slice were of this class: the slice is short.
    const pending = overlay.assignments(dataCenter.index) + 1;
    for (let i = 0; i < 4; i++) {
      const asked = jobClass.total[i]!;
      if (asked === 0) continue;
      const capacity = dataCenter.capacity[i]!;
      const used = dataCenter.allocated[i]! + dataCenter.foreign[i]! + asked * pending;
      const free = Math.max(0, capacity - used);
      room = Math.min(room, free / Math.max(1, this.#largest[i]!));
      balance = Math.min(balance, free / Math.max(1, capacity));
    }
    const price = this.#cheapness(dataCenter);
    const distance = this.#nearness(jobClass.tenant.entity.homeRegion, dataCenter);
    return { room, balance, distance, price };
  }

  /** All data centers, highest bound first: the same for all classes of tenants that are at home in the same region. */
  ranking(policy: Policy, jobClass: JobClass): readonly Ranked[] {
    if (policy !== this.#policy) this.#rankings.clear();
    this.#policy = policy;
    const home = jobClass.tenant.entity.homeRegion;
    let ranking = this.#rankings.get(home);
    if (ranking === undefined) this.#rankings.set(home, (ranking = this.#rank(policy, home)));
    return ranking;
  }

  #rank(policy: Policy, home: string): readonly Ranked[] {
    const { room, balance, distance, price } = policy.weights;
    const most = Math.max(0, room) + Math.max(0, balance);
    const ranked = this.#state.dataCenterList.flatMap((dataCenter) => {
      if (dataCenter === undefined) return [];
      const nearness = distance * this.#nearness(home, dataCenter);
      return [{ dataCenter, bound: most + nearness + price * this.#cheapness(dataCenter) }];
    });
    // Stable: of equal bounds the first registered stays first.
    return ranked.toSorted((a, b) => b.bound - a.bound);
  }

  #cheapness(dataCenter: DataCenter): number {
    if (this.#highestPrice === 0) return 1;
    return 1 - dataCenter.entity.priceMicrosPerCpuHour / this.#highestPrice;
  }

  /** 1 in the home region, at most a half elsewhere, 0 as far as can be. Without a home every place is the same. */
  #nearness(home: string, dataCenter: DataCenter): number {
    if (home === '' || dataCenter.entity.region === home) return 1;
    let distances = this.#distances.get(home);
    if (distances === undefined) this.#distances.set(home, (distances = this.#distancesFrom(home)));
    const km = distances[dataCenter.index] ?? FAR_KM;
    return 0.5 * Math.max(0, 1 - km / FAR_KM);
  }

  #distancesFrom(region: string): number[] {
    const all = this.#state.dataCenterList;
    const home = all.filter((dataCenter) => dataCenter?.entity.region === region);
    return all.map((to) =>
      Math.min(...home.map((from) => (from && to ? kilometres(from, to) : FAR_KM)), FAR_KM),
    );
  }
}

export function weigh(policy: Policy, terms: Terms): number {
  let sum = 0;
  for (const term of TERMS) sum += policy.weights[term] * terms[term];
  return sum;
}

/** The terms for people, weighted, for example `room 0.42 balance 0.31 distance 8.00 price 0.50`. */
export function describeTerms(policy: Policy, terms: Terms): string {
  return TERMS.map((term) => `${term} ${(policy.weights[term] * terms[term]).toFixed(2)}`).join(
    ' ',
  );
}

/** Great-circle distance (haversine). */
function kilometres(a: DataCenter, b: DataCenter): number {
  const radians = Math.PI / 180;
  const [fromLatitude, toLatitude] = [a.entity.latitude * radians, b.entity.latitude * radians];
  const halfLatitude = Math.sin((toLatitude - fromLatitude) / 2);
  const halfLongitude = Math.sin(((b.entity.longitude - a.entity.longitude) * radians) / 2);
  const chord =
    halfLatitude ** 2 + Math.cos(fromLatitude) * Math.cos(toLatitude) * halfLongitude ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}
