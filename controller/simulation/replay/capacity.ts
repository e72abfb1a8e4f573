// What the sites of a trace have, when the trace does not say: shares of a whole that just suffices for the busiest hour.
import type { TraceJob } from './swf.ts';

export interface Demand {
  /** CPU seconds of each site, all told. */
  readonly bySite: ReadonlyMap<number, number>;
  /** If no job ever waited: of all sites together, and of each. */
  readonly all: Load;
  readonly sites: ReadonlyMap<number, Load>;
}

export const HOUR_SECONDS = 3600;

/** CPUs in use on average in each hour of a span that begins at second 0; its last hour may be a short one. */
export class Load {
  readonly hours: Float64Array;
  /** Of the span. */
  readonly seconds: number;

  constructor(seconds: number) {
    this.seconds = seconds;
    this.hours = new Float64Array(Math.ceil(seconds / HOUR_SECONDS));
  }

  /** Adds what a job uses within the span. */
  add(from: number, seconds: number, cpus: number): void {
    const to = Math.min(from + seconds, this.seconds);
    for (
      let hour = Math.max(0, Math.floor(from / HOUR_SECONDS));
      hour < this.hours.length;
      hour++
    ) {
      const begin = Math.max(from, hour * HOUR_SECONDS);
      const end = Math.min(to, (hour + 1) * HOUR_SECONDS);
      if (end <= begin) return;
      this.hours[hour]! += (cpus * (end - begin)) / this.#lengthOf(hour);
    }
  }

  /** Over the whole span. */
  get mean(): number {
    const used = this.hours.reduce((sum, cpus, hour) => sum + cpus * this.#lengthOf(hour), 0);
    return used / this.seconds;
  }

  /** In the busiest hour. */
  get peak(): number {
    return this.hours.reduce((most, cpus) => Math.max(most, cpus), 0);
  }

  #lengthOf(hour: number): number {
    return Math.min(HOUR_SECONDS, this.seconds - hour * HOUR_SECONDS);
  }
}

/** Within a span from second 0 on. Default: whole hours until the last job would have ended. */
export function demandOf(jobs: readonly TraceJob[], seconds: number = wholeHoursOf(jobs)): Demand {
  const all = new Load(seconds);
  const sites = new Map<number, Load>();
  const bySite = new Map<number, number>();
  for (const { submitSeconds, runSeconds, processors, site } of jobs) {
    bySite.set(site, (bySite.get(site) ?? 0) + runSeconds * processors);
    let own = sites.get(site);
    if (own === undefined) sites.set(site, (own = new Load(seconds)));
    all.add(submitSeconds, runSeconds, processors);
    own.add(submitSeconds, runSeconds, processors);
  }
  return { bySite, all, sites };
}

function wholeHoursOf(jobs: readonly TraceJob[]): number {
  const end = jobs.reduce((latest, job) => Math.max(latest, job.submitSeconds + job.runSeconds), 0);
  return (Math.floor(end / HOUR_SECONDS) + 1) * HOUR_SECONDS;
}

/**
 * Largest remainder (Hare-Niemeyer): whole slots in proportion to the demand, and exactly so many in all. A site whose share is less
 * than one gets one, and the others share what is left. Of equal remainders the lower number comes first.
 */
export function slotsOf(bySite: ReadonlyMap<number, number>, total: number): Map<number, number> {
  const sites = [...bySite.keys()].toSorted((a, b) => a - b);
  if (total < sites.length) throw new Error(`${total} slots are too few for ${sites.length} sites`);
  const slots = new Map<number, number>();
  let left = total;
  let demand = sites.reduce((sum, site) => sum + bySite.get(site)!, 0);
  let sharing = sites;
  for (;;) {
    // Each that takes one leaves less to the others, so some of them may come below one too.
    const small = sharing.filter((site) => demand === 0 || (bySite.get(site)! / demand) * left < 1);
    if (small.length === 0) break;
    for (const site of small) {
      slots.set(site, 1);
      demand -= bySite.get(site)!;
    }
    left -= small.length;
    sharing = sharing.filter((site) => !slots.has(site));
  }
  const quotas = sharing.map((site) => ({ site, quota: (bySite.get(site)! / demand) * left }));
  for (const { site, quota } of quotas) {
    slots.set(site, Math.floor(quota));
    left -= Math.floor(quota);
  }
  quotas.sort((a, b) => (b.quota % 1) - (a.quota % 1) || a.site - b.site);
  for (const { site } of quotas.slice(0, left)) slots.set(site, slots.get(site)! + 1);
  return slots;
}
