// What the sites of a trace have, when the trace does not say: shares of a whole that just suffices for the busiest hour.
import type { TraceJob } from './swf.ts';

export interface Demand {
  /** CPU seconds of each site over the whole trace. */
  readonly bySite: ReadonlyMap<number, number>;
  /** CPUs in use on average in each hour if no job ever waited, all sites together. */
  readonly hours: Float64Array;
  /** The same of each site. */
  readonly siteHours: ReadonlyMap<number, Float64Array>;
  readonly peakHour: number;
}

const HOUR_SECONDS = 3600;

export function demandOf(jobs: readonly TraceJob[]): Demand {
  const end = jobs.reduce((latest, job) => Math.max(latest, job.submitSeconds + job.runSeconds), 0);
  const count = Math.floor(end / HOUR_SECONDS) + 1;
  const hours = new Float64Array(count);
  const siteHours = new Map<number, Float64Array>();
  const bySite = new Map<number, number>();
  for (const { submitSeconds, runSeconds, processors, site } of jobs) {
    bySite.set(site, (bySite.get(site) ?? 0) + runSeconds * processors);
    let own = siteHours.get(site);
    if (own === undefined) siteHours.set(site, (own = new Float64Array(count)));
    spread(hours, submitSeconds, runSeconds, processors);
    spread(own, submitSeconds, runSeconds, processors);
  }
  return { bySite, hours, siteHours, peakHour: hours.reduce((most, at) => Math.max(most, at), 0) };
}

/** Adds what a job uses to the hours that it touches. */
export function spread(hours: Float64Array, from: number, seconds: number, cpus: number): void {
  const to = from + seconds;
  for (let hour = Math.floor(from / HOUR_SECONDS); hour < hours.length; hour++) {
    const begin = Math.max(from, hour * HOUR_SECONDS);
    const end = Math.min(to, (hour + 1) * HOUR_SECONDS);
    if (end <= begin) return;
    hours[hour]! += (cpus * (end - begin)) / HOUR_SECONDS;
  }
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
