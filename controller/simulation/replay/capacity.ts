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
 * Largest remainder (Hare-Niemeyer): whole slots in proportion to the demand, at least one for each site, and exactly so many in
 * all. Of equal remainders the lower number comes first.
 */
export function slotsOf(bySite: ReadonlyMap<number, number>, total: number): Map<number, number> {
  const sites = [...bySite.keys()].toSorted((a, b) => a - b);
  if (total < sites.length) throw new Error(`${total} slots are too few for ${sites.length} sites`);
  const sum = [...bySite.values()].reduce((all, demand) => all + demand, 0);
  const slots = new Map<number, number>();
  const remainders: { readonly site: number; readonly remainder: number }[] = [];
  let left = total;
  for (const site of sites) {
    const quota = sum === 0 ? 0 : (bySite.get(site)! / sum) * total;
    const whole = Math.max(1, Math.floor(quota));
    slots.set(site, whole);
    left -= whole;
    remainders.push({ site, remainder: quota - whole });
  }
  remainders.sort((a, b) => b.remainder - a.remainder || a.site - b.site);
  for (let i = 0; left > 0; i = (i + 1) % remainders.length, left--) {
    const { site } = remainders[i]!;
    slots.set(site, slots.get(site)! + 1);
  }
  // The smallest took more than their share: those give back whose share was rounded up most.
  for (let i = remainders.length - 1; left < 0; i = (i === 0 ? remainders.length : i) - 1) {
    const { site } = remainders[i]!;
    if (slots.get(site)! < 2) continue;
    slots.set(site, slots.get(site)! - 1);
    left++;
  }
  return slots;
}
