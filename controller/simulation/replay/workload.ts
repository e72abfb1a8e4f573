// What a replay plays: the jobs of a trace and the sites that they meet. All of it from its first job to the end of its last, or a
// window: then the jobs that would be running when it begins, had none ever waited, come first, with what is left of them.
import { demandOf, HOUR_SECONDS, slotsOf, type Demand } from './capacity.ts';
import { readSwf, type TraceJob } from './swf.ts';

export interface WorkloadOptions {
  readonly file: string;
  /** All CPUs as a multiple of what the busiest hour of the trace needs on average. Default 1.02. */
  readonly factor?: number;
  /** All CPUs, instead. */
  readonly slots?: number;
  /** No job leaves the region of its tenant. */
  readonly homeOnly?: boolean;
  /** Only the first so many jobs. */
  readonly jobs?: number;
  /** A window begins here, in seconds of the trace. Default, if there is a length: where most CPUs are wanted. */
  readonly fromSeconds?: number;
  /** And is so long. Default, if there is a beginning: until the trace ends. */
  readonly forSeconds?: number;
}

export interface Workload {
  /** In the order of their submission; seconds count from the beginning. Each fits somewhere. */
  readonly jobs: readonly TraceJob[];
  /** So many of them, the first, only make the sites as full as they would be. */
  readonly warm: number;
  /** Where it begins in the trace. */
  readonly fromSeconds: number;
  /** What happens later is not looked at; Infinity: there is no such time. */
  readonly endSeconds: number;
  /** What of the jobs falls between. */
  readonly demand: Demand;
  /** CPUs by site. */
  readonly slots: ReadonlyMap<number, number>;
  /** All of them. */
  readonly total: number;
  readonly homeOnly: boolean;
}

/** What was asked for does not fit the trace. */
export class ChoiceError extends Error {}

const DEFAULT_FACTOR = 1.02;

/** Reads, chooses, and prints what it chose. Throws when the file cannot be read. */
export async function readWorkload(
  options: WorkloadOptions,
  print: (line: string) => void,
): Promise<Workload> {
  // 1. What the trace holds.
  const trace = await readSwf(options.file);
  for (const [why, count] of trace.dropped)
    print(`${count} jobs of the trace are left out: ${why}`);
  const all = trace.jobs
    .slice(0, options.jobs)
    .toSorted((a, b) => a.submitSeconds - b.submitSeconds);
  // 2. What its sites have, which does not depend on the window.
  const demand = demandOf(all);
  const { factor = DEFAULT_FACTOR, homeOnly = false } = options;
  const total = options.slots ?? Math.round(demand.all.peak * factor);
  print(
    `${all.length} jobs of ${demand.bySite.size} sites; ${demand.all.peak.toFixed(0)} CPUs in the busiest hour, ${total} in all`,
  );
  if (total < demand.bySite.size)
    throw new ChoiceError(
      `${total} CPUs are too few for ${demand.bySite.size} sites: each has one`,
    );
  const slots = slotsOf(demand.bySite, total);
  // 3. What fits.
  const largest = Math.max(...slots.values());
  const fitting = all.filter(
    ({ processors, site }) => processors <= (homeOnly ? (slots.get(site) ?? 0) : largest),
  );
  if (fitting.length < all.length) {
    const where = homeOnly ? 'its home has' : 'any site has';
    print(
      `${all.length - fitting.length} jobs are left out: each needs more CPUs at once than ${where}`,
    );
  }
  // 4. What of it is played.
  const rest = { slots, total, homeOnly };
  const { fromSeconds, forSeconds } = options;
  if (fromSeconds === undefined && forSeconds === undefined) {
    const whole = { jobs: fitting, warm: 0, fromSeconds: 0, endSeconds: Infinity };
    return { ...rest, ...whole, demand: demandOf(fitting) };
  }
  const window = windowOf(fitting, demand, options);
  const warm = fitting.flatMap((job) => runningAt(window.fromSeconds, job));
  const coming = fitting.flatMap((job) => comingIn(window, job));
  const jobs = [...warm, ...coming];
  const full =
    warm.length === 0
      ? 'nothing runs when it begins'
      : `${warm.length} that run when it begins go first, with what is left of them`;
  print(
    `${timeText(window.seconds)} of it from ${timeText(window.fromSeconds)} on: ${coming.length} jobs come; ${full}`,
  );
  return {
    ...rest,
    jobs,
    warm: warm.length,
    fromSeconds: window.fromSeconds,
    endSeconds: window.seconds,
    demand: demandOf(jobs, window.seconds),
  };
}

/** `36 s`, `1.5 min`, `83.25 h`. */
function timeText(seconds: number): string {
  const [unit, length] = UNITS.find((each) => seconds >= each[1]) ?? (['s', 1] as const);
  return `${Number((seconds / length).toFixed(2))} ${unit}`;
}

const UNITS = [
  ['h', HOUR_SECONDS],
  ['min', 60],
] as const;

interface Window {
  readonly fromSeconds: number;
  readonly seconds: number;
}

function windowOf(
  jobs: readonly TraceJob[],
  { all }: Demand,
  { fromSeconds, forSeconds }: WorkloadOptions,
): Window {
  const last = jobs.at(-1)?.submitSeconds ?? 0;
  const from = fromSeconds ?? busiest(all.hours, forSeconds ?? 0, last) * HOUR_SECONDS;
  if (from > last)
    throw new ChoiceError(
      `the window begins ${timeText(from)} into the trace, whose last job comes at ${timeText(last)}`,
    );
  return { fromSeconds: from, seconds: forSeconds ?? all.hours.length * HOUR_SECONDS - from };
}

/** The hour at which a window begins in which most CPUs are wanted, and in which jobs still come. */
function busiest(hours: Float64Array, seconds: number, lastSeconds: number): number {
  const length = Math.ceil(seconds / HOUR_SECONDS);
  const latest = Math.max(0, Math.floor((lastSeconds - seconds) / HOUR_SECONDS));
  let best = 0;
  let most = -1;
  for (let hour = 0; hour <= latest; hour++) {
    const wanted = hours.subarray(hour, hour + length).reduce((sum, cpus) => sum + cpus, 0);
    if (wanted > most) [best, most] = [hour, wanted];
  }
  return best;
}

function runningAt(fromSeconds: number, job: TraceJob): readonly TraceJob[] {
  const leftSeconds = job.submitSeconds + job.runSeconds - fromSeconds;
  if (job.submitSeconds >= fromSeconds || leftSeconds <= 0) return [];
  return [{ ...job, submitSeconds: 0, runSeconds: leftSeconds }];
}

function comingIn({ fromSeconds, seconds }: Window, job: TraceJob): readonly TraceJob[] {
  const submitSeconds = job.submitSeconds - fromSeconds;
  return submitSeconds >= 0 && submitSeconds < seconds ? [{ ...job, submitSeconds }] : [];
}

/** What of it was played when it ended before its time. */
export function cutAt(workload: Workload, endSeconds: number): Workload {
  const { jobs, warm } = workload;
  const played = jobs.filter(({ submitSeconds }, i) => i < warm || submitSeconds <= endSeconds);
  return { ...workload, jobs: played, endSeconds, demand: demandOf(played, endSeconds) };
}
