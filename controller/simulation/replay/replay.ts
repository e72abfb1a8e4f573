// Replays a trace through the federation and prints how long jobs waited, how many left home and how evenly sites were used.
import type { SubmitItem } from '#core/command.ts';
import { classKeyOf } from '#core/class-key.ts';
import { DIGEST_BYTES } from '#core/job-table.ts';
import { UnreachablePolicy } from '#core/run-events.ts';
import { toShape } from '#core/testing-words.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { Timeline } from '../timeline.ts';
import { Federation } from './federation.ts';
import { Figures, type Result } from './figures.ts';
import { jobName, numberOf, siteName, siteOf } from './names.ts';
import { pooledWait } from './pooled.ts';
import type { TraceJob } from './swf.ts';
import { readWorkload, type Workload, type WorkloadOptions } from './workload.ts';

interface HowReplayed {
  /** What agents report of their runs is this old. Default 0. */
  readonly reportDelaySeconds?: number;
  readonly seed?: number;
  /** One data center has all CPUs. Everybody is at home there, so only the waits say something. */
  readonly isPooled?: boolean;
}

export type ReplayOptions = WorkloadOptions & HowReplayed;

interface Replayed extends Result {
  /** Of one queue before all CPUs, first come first served. */
  readonly queueWaitSeconds: number;
  /** Of one data center that has all CPUs, with the same scheduler; undefined: hardly anybody waits, there is nothing to compare. */
  readonly pooledWaitSeconds: number | undefined;
}

/** Below this a wait is the way to the controller and back. */
const LEAST_WAIT_SECONDS = 1;

const NOTHING = new Uint8Array();

/** Reads, replays, prints. Throws when the file cannot be read. */
export async function replay(
  options: ReplayOptions,
  print: (line: string) => void,
): Promise<Replayed> {
  return replayRead(await readWorkload(options, print), options, print);
}

export function replayRead(
  workload: Workload,
  options: HowReplayed,
  print: (line: string) => void,
): Replayed {
  const result = replayWorkload(workload, options);
  for (const { what, value } of result.rows) print(`${what}: ${value}`);
  const queueWaitSeconds = pooledWait(workload);
  const { total, homeOnly } = workload;
  print(
    `one queue before all ${total} CPUs, first come first served: mean wait ${queueWaitSeconds.toFixed(1)} s`,
  );
  let pooledWaitSeconds: number | undefined;
  if (!homeOnly && result.meanWaitSeconds >= LEAST_WAIT_SECONDS) {
    // Fair share serves others first than one queue would: what distance costs shows only beside the same order.
    pooledWaitSeconds = replayWorkload(workload, { ...options, isPooled: true }).meanWaitSeconds;
    print(
      `one data center with all ${total} CPUs, scheduled alike: mean wait ${pooledWaitSeconds.toFixed(1)} s`,
    );
  }
  return { ...result, queueWaitSeconds, pooledWaitSeconds };
}

export function replayWorkload(
  workload: Workload,
  { reportDelaySeconds = 0, seed = 1, isPooled = false }: HowReplayed = {},
): Result {
  const { jobs, slots, total, homeOnly, endSeconds } = workload;
  const timeline = new Timeline();
  const sites = new Map([...slots].map(([site, cpus]) => [siteName(site), cpus]));
  const figures = new Figures(workload);
  const federation = new Federation({
    timeline,
    sites: isPooled ? new Map([['pool', total]]) : sites,
    tenants: [...sites.keys()],
    policy: { ...DEFAULT_POLICY, homeOnly },
    seed,
    reportDelayMs: reportDelaySeconds * 1000,
    onStart: (site, { job }) => {
      const number = numberOf(job);
      const { runSeconds, site: home } = jobs[number]!;
      const place = isPooled ? home : siteOf(site);
      figures.started(number, place, timeline.nowMs / 1000 - beginSeconds);
      return runSeconds * 1000;
    },
  });
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
      const batch = batches.get(job.site);
      if (batch === undefined) batches.set(job.site, [items.make(next, job)]);
      else batch.push(items.make(next, job));
    }
    for (const [site, batch] of batches) {
      federation.execute({
        kind: 'submitJobs',
        tenant: siteName(site),
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
  while (timeline.step((beginSeconds + endSeconds) * 1000));
  return figures.result();
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
      id: jobName(number),
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
