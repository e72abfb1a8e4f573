// Replays a trace through the federation and prints how long jobs waited, how many left home and how evenly sites were used.
import type { SubmitItem } from '#core/command.ts';
import { classKeyOf } from '#core/class-key.ts';
import { DIGEST_BYTES } from '#core/job-table.ts';
import { UnreachablePolicy } from '#core/run-events.ts';
import { toShape } from '#core/testing-words.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { Timeline } from '../timeline.ts';
import { demandOf, slotsOf, type Demand } from './capacity.ts';
import { Federation } from './federation.ts';
import { Figures, type Result } from './figures.ts';
import { pooledWait } from './pooled.ts';
import { readSwf, type TraceJob } from './swf.ts';

export interface ReplayOptions {
  readonly file: string;
  /** All CPUs as a multiple of what the busiest hour needs on average. Default 1.02. */
  readonly factor?: number;
  /** All CPUs, instead. */
  readonly slots?: number;
  /** No job leaves the region of its tenant. */
  readonly homeOnly?: boolean;
  /** What agents report of their runs is this old. Default 0. */
  readonly reportDelaySeconds?: number;
  /** Only the first so many jobs. */
  readonly jobs?: number;
  readonly seed?: number;
}

const DEFAULT_FACTOR = 1.02;
const NOTHING = new Uint8Array();

/** Reads, replays, prints. Throws when the file cannot be read. */
export async function replay(
  options: ReplayOptions,
  print: (line: string) => void,
): Promise<Result> {
  const trace = await readSwf(options.file);
  for (const [why, count] of trace.dropped)
    print(`${count} jobs of the trace are left out: ${why}`);
  const jobs = trace.jobs
    .slice(0, options.jobs)
    .toSorted((a, b) => a.submitSeconds - b.submitSeconds);
  const demand = demandOf(jobs);
  const { factor = DEFAULT_FACTOR } = options;
  const slots = options.slots ?? Math.round(demand.peakHour * factor);
  print(
    `${jobs.length} jobs of ${demand.bySite.size} sites; ${demand.peakHour.toFixed(0)} CPUs in the busiest hour, ${slots} in all`,
  );
  const result = replayJobs(jobs, demand, slots, options, print);
  const pooled = pooledWait(jobs, slots);
  for (const line of result.lines) print(line);
  print(`one queue before all ${slots} CPUs: mean wait ${pooled.toFixed(1)} s`);
  return { ...result, pooledWaitSeconds: pooled };
}

function replayJobs(
  jobs: readonly TraceJob[],
  demand: Demand,
  slots: number,
  options: ReplayOptions,
  print: (line: string) => void,
): Result {
  const timeline = new Timeline();
  const bySite = slotsOf(demand.bySite, slots);
  const sites = new Map([...bySite].map(([site, cpus]) => [nameOf(site), cpus]));
  const { homeOnly = false, reportDelaySeconds = 0, seed = 1 } = options;
  const figures = new Figures(jobs, bySite, demand);
  const federation = new Federation({
    timeline,
    sites,
    policy: { ...DEFAULT_POLICY, homeOnly },
    seed,
    reportDelayMs: reportDelaySeconds * 1000,
    onStart: (site, { job }) => {
      const number = Number(job.slice(job.lastIndexOf('-') + 1));
      figures.started(
        number,
        Number(site.slice(SITE.length)),
        timeline.nowMs / 1000 - beginSeconds,
      );
      return jobs[number]!.runSeconds * 1000;
    },
  });
  const largest = Math.max(...bySite.values());
  let tooLarge = 0;
  let beginSeconds = 0;
  federation.found();
  beginSeconds = timeline.nowMs / 1000;
  const items = new Items();
  let next = 0;
  // All that come in one second come together, each tenant's as one batch.
  const arrive = () => {
    const second = jobs[next]!.submitSeconds;
    const batches = new Map<number, SubmitItem[]>();
    for (; jobs[next]?.submitSeconds === second; next++) {
      const job = jobs[next]!;
      if (job.processors > (homeOnly ? bySite.get(job.site)! : largest)) {
        tooLarge++;
        continue;
      }
      const batch = batches.get(job.site);
      if (batch === undefined) batches.set(job.site, [items.make(next, job)]);
      else batch.push(items.make(next, job));
    }
    for (const [site, batch] of batches) {
      federation.execute({
        kind: 'submitJobs',
        tenant: nameOf(site),
        user: 'u',
        items: batch,
        allOrNothing: false,
      });
    }
    const following = jobs[next];
    if (following !== undefined)
      timeline.at((beginSeconds + following.submitSeconds) * 1000, arrive);
  };
  if (jobs.length > 0) timeline.at((beginSeconds + jobs[0]!.submitSeconds) * 1000, arrive);
  while (timeline.step());
  if (tooLarge > 0) {
    const where = homeOnly ? 'its home has' : 'any site has';
    print(`${tooLarge} jobs are left out: each needs more CPUs at once than ${where}`);
  }
  return figures.result();
}

const SITE = 'site-';

function nameOf(site: number): string {
  return `${SITE}${site}`;
}

/** Jobs as the edge would hand them on; what equal jobs share is made once. */
class Items {
  readonly #shapes = new Map<number, Pick<SubmitItem, 'jobClass' | 'classKey'>>();

  make(number: number, { processors, runSeconds }: TraceJob): SubmitItem {
    let shared = this.#shapes.get(processors);
    if (shared === undefined) {
      const jobClass = toShape({
        id: '',
        cpu: 1,
        replicas: processors,
        // Without a lease: nobody beats, so none would last longer than its ten minutes.
        wants: { unreachable: UnreachablePolicy.WAIT },
      });
      this.#shapes.set(processors, (shared = { jobClass, classKey: classKeyOf(jobClass) }));
    }
    const specDigest = new Uint8Array(DIGEST_BYTES);
    new DataView(specDigest.buffer).setUint32(0, number);
    return {
      ...shared,
      id: `j-${number}`,
      jobSet: '',
      specDigest,
      keyDigest: NOTHING,
      expectedRunMs: runSeconds * 1000,
      held: false,
      after: [],
      spec: NOTHING,
      labels: '',
    };
  }
}
