// What a replay showed.
import { Load } from './capacity.ts';
import type { Workload } from './workload.ts';

export interface Result {
  readonly started: number;
  /** Came, and had not started when it ended. */
  readonly waiting: number;
  readonly meanWaitSeconds: number;
  readonly p99WaitSeconds: number;
  /** Share of the started jobs that ran away from home. */
  readonly movedShare: number;
  /** For people. */
  readonly rows: readonly Row[];
}

interface Row {
  readonly what: string;
  readonly value: string;
}

/** Sites below this rank are so small that one job fills them. */
const LARGE_SITES = 30;

export class Figures {
  readonly #workload: Workload;
  /** Seconds; -1: it has not started. */
  readonly #waits: Float64Array;
  readonly #used = new Map<number, Load>();
  #moved = 0;
  #started = 0;

  constructor(workload: Workload) {
    this.#workload = workload;
    this.#waits = new Float64Array(workload.jobs.length).fill(-1);
    for (const site of workload.slots.keys())
      this.#used.set(site, new Load(workload.demand.all.seconds));
  }

  /** By its number among the jobs of the workload. Those that only fill the sites hold room, and nobody asks how they were placed. */
  started(number: number, site: number, atSeconds: number): void {
    const job = this.#workload.jobs[number]!;
    this.#used.get(site)!.add(Math.max(0, atSeconds), job.runSeconds, job.processors);
    if (number < this.#workload.warm) return;
    this.#waits[number] = Math.max(0, atSeconds - job.submitSeconds);
    this.#started++;
    if (site !== job.site) this.#moved++;
  }

  /** Who still waits at the end has waited for so long; leaving them out would flatter it. */
  result(): Result {
    const { jobs, warm, demand, endSeconds } = this.#workload;
    const came = jobs.slice(warm);
    const waits = came
      .map(({ submitSeconds }, i) => {
        const wait = this.#waits[warm + i]!;
        return wait >= 0 ? wait : endSeconds - submitSeconds;
      })
      .toSorted((a, b) => a - b);
    const waiting = came.length - this.#started;
    const meanWaitSeconds = waits.reduce((sum, wait) => sum + wait, 0) / Math.max(1, waits.length);
    const p99WaitSeconds = waits[Math.floor(waits.length * 0.99)] ?? 0;
    const movedShare = this.#moved / Math.max(1, this.#started);
    const rows = [
      { what: 'jobs that ran', value: `${this.#started} of ${came.length}` },
      { what: 'still waiting at the end', value: String(waiting) },
      { what: 'wait, mean', value: seconds(meanWaitSeconds) },
      { what: 'wait, p99', value: seconds(p99WaitSeconds) },
      { what: 'wait, longest', value: seconds(waits.at(-1) ?? 0) },
      { what: 'moved away from home', value: `${this.#moved}, ${percent(movedShare)}` },
      { what: 'use of sites (p10, median, p90)', value: this.#spread() },
      { what: 'peak hour of the worst large site, at home', value: this.#worst(demand.sites) },
      { what: 'peak hour of the worst large site, as placed', value: this.#worst(this.#used) },
    ];
    return { started: this.#started, waiting, meanWaitSeconds, p99WaitSeconds, movedShare, rows };
  }

  #spread(): string {
    const use = [...this.#workload.slots]
      .map(([site, slots]) => this.#used.get(site)!.mean / slots)
      .toSorted((a, b) => a - b);
    return [0.1, 0.5, 0.9]
      .map((share) => percent(use[Math.floor(share * (use.length - 1))] ?? 0))
      .join(', ');
  }

  /** What it needs, over what it has. */
  #worst(loads: ReadonlyMap<number, Load>): string {
    const largest = [...this.#workload.slots].toSorted(([, a], [, b]) => b - a);
    const peaks = largest
      .slice(0, LARGE_SITES)
      .map(([site, slots]) => (loads.get(site)?.peak ?? 0) / slots);
    return `${Math.max(0, ...peaks).toFixed(2)} × what it has`;
  }
}

function seconds(value: number): string {
  return `${value.toFixed(3)} s`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
