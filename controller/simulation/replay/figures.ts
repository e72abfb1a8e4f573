// What a replay showed.
import { spread, type Demand } from './capacity.ts';
import type { TraceJob } from './swf.ts';

export interface Result {
  readonly started: number;
  readonly meanWaitSeconds: number;
  readonly p99WaitSeconds: number;
  /** Share of jobs that ran away from home. */
  readonly movedShare: number;
  /** Of one queue before all CPUs; 0 until it is known. */
  readonly pooledWaitSeconds: number;
  readonly lines: readonly string[];
}

/** Sites below this rank are so small that one job fills them. */
const LARGE_SITES = 30;

export class Figures {
  readonly #jobs: readonly TraceJob[];
  readonly #slots: ReadonlyMap<number, number>;
  readonly #demand: Demand;
  /** Seconds; -1: it has not started. */
  readonly #waits: Float64Array;
  readonly #used = new Map<number, Float64Array>();
  #moved = 0;
  #started = 0;

  constructor(jobs: readonly TraceJob[], slots: ReadonlyMap<number, number>, demand: Demand) {
    this.#jobs = jobs;
    this.#slots = slots;
    this.#demand = demand;
    this.#waits = new Float64Array(jobs.length).fill(-1);
    // Jobs that waited end later than the trace does.
    for (const site of slots.keys())
      this.#used.set(site, new Float64Array(demand.hours.length * 4));
  }

  started(number: number, site: number, atSeconds: number): void {
    const job = this.#jobs[number]!;
    this.#waits[number] = atSeconds - job.submitSeconds;
    this.#started++;
    if (site !== job.site) this.#moved++;
    spread(this.#used.get(site)!, atSeconds, job.runSeconds, job.processors);
  }

  result(): Result {
    const waits = this.#waits.filter((wait) => wait >= 0).toSorted();
    const meanWaitSeconds = waits.reduce((sum, wait) => sum + wait, 0) / Math.max(1, waits.length);
    const p99WaitSeconds = waits[Math.floor(waits.length * 0.99)] ?? 0;
    const movedShare = this.#moved / Math.max(1, this.#started);
    const use = [...this.#slots]
      .map(([site, slots]) => this.#useOf(site, slots))
      .toSorted((a, b) => a - b);
    const at = (share: number) => percent(use[Math.floor(share * (use.length - 1))] ?? 0);
    const lines = [
      `${this.#started} of ${this.#jobs.length} jobs have run`,
      `wait: mean ${meanWaitSeconds.toFixed(3)} s, p99 ${p99WaitSeconds.toFixed(3)} s, longest ${(waits.at(-1) ?? 0).toFixed(1)} s`,
      `moved away from home: ${this.#moved} jobs, ${percent(movedShare)}`,
      `use of sites over the trace: p10 ${at(0.1)}, median ${at(0.5)}, p90 ${at(0.9)}`,
      `busiest hour of the ${LARGE_SITES} largest sites: at home ${this.#worst(this.#demand.siteHours).toFixed(2)} × what the site has, as placed ${this.#worst(this.#used).toFixed(2)} ×`,
    ];
    return {
      started: this.#started,
      meanWaitSeconds,
      p99WaitSeconds,
      movedShare,
      pooledWaitSeconds: 0,
      lines,
    };
  }

  #useOf(site: number, slots: number): number {
    const hours = this.#used.get(site)!.subarray(0, this.#demand.hours.length);
    return hours.reduce((sum, cpus) => sum + cpus, 0) / hours.length / slots;
  }

  #worst(hoursOf: ReadonlyMap<number, Float64Array>): number {
    const largest = [...this.#slots].toSorted(([, a], [, b]) => b - a).slice(0, LARGE_SITES);
    let worst = 0;
    for (const [site, slots] of largest) {
      for (const cpus of hoursOf.get(site) ?? []) worst = Math.max(worst, cpus / slots);
    }
    return worst;
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
