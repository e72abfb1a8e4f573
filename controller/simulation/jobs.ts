// Jobs that simulated callers submit, and how their runs really go.
import type { SubmitItem } from '#core/command.ts';
import { toItem, type JobWords } from '#core/testing-words.ts';
import type { SimulatedOutcome } from '#agent/executors/simulated-spec.ts';
import type { SeededRandom } from './random.ts';

export interface WorldJob {
  readonly tenant: string;
  readonly item: SubmitItem;
  /** Attempts that fail before one succeeds. */
  readonly failures: number;
  readonly exitCode: number;
  /** Infinity: until it is cancelled. */
  readonly ms: number;
  readonly stopMs: number;
  readonly maxMs: number;
}

export function outcomeOf(job: WorldJob, epoch: number): SimulatedOutcome {
  const { ms, stopMs, maxMs, failures, exitCode } = job;
  return { ms, stopMs, maxMs, graceMs: 10_000, exitCode: epoch <= failures ? exitCode : 0 };
}

export function drawJob(
  number: number,
  tenant: string,
  earlier: readonly string[],
  random: SeededRandom,
): WorldJob {
  const id = `job-${number}`;
  const isLong = random.chance(0.2);
  const isEndless = random.chance(0.06);
  const failures = random.chance(0.2) ? random.whole(1, 4) : 0;
  const words: JobWords = {
    id,
    ...drawShape(random),
    ...(random.chance(0.5) ? { key: `key-${tenant}-${number}` } : {}),
    ...(random.chance(0.3) ? { jobSet: `set-${number % 3}` } : {}),
    ...(random.chance(0.1) ? { held: true } : {}),
    ...(random.chance(0.2) && earlier.length > 0
      ? { after: [random.pick(earlier) + random.pick(['', '?'])] }
      : {}),
    command: id,
    wants: {
      priority: random.pick([0, 0, 0, 5]),
      unreachable: random.pick([1, 1, 2, 3]),
      maxAttempts: random.pick([1, 2, 3]),
      backoffMs: random.pick([100, 5_000]),
      maxBackoffMs: 20_000,
      retryExitCodes: random.chance(0.3) ? [1] : [],
    },
  };
  const item = { ...toItem(tenant, words), spec: new TextEncoder().encode(`${tenant}/${id}`) };
  return {
    tenant,
    item,
    failures,
    exitCode: random.pick([1, 2]),
    ms: isEndless
      ? Infinity
      : Math.floor(isLong ? random.between(30_000, 120_000) : random.between(10, 20_000)),
    stopMs: random.pick([0, 500, 20_000]),
    maxMs: !isEndless && random.chance(0.1) ? 15_000 : Infinity,
  };
}

/** Every one fits into any world when it is empty. */
function drawShape(random: SeededRandom): Partial<JobWords> {
  const kind = random.next();
  if (kind < 0.55) return { cpu: random.pick([0.5, 1, 2, 4]) };
  if (kind < 0.7) return { cpu: random.pick([6, 8]) };
  if (kind < 0.85) return { cpu: random.pick([2, 3]), replicas: random.whole(2, 4) };
  return { groups: [{ cpu: 4 }, { cpu: 1, replicas: 2, memoryMib: 1000 }] };
}

/** Needs a device, which not every world has. */
export function withDevice(job: WorldJob, random: SeededRandom): WorldJob {
  const share = random.pick([250, 500, 1000]);
  const words: JobWords = { id: job.item.id, cpu: 1, devices: [{ share }], command: job.item.id };
  const item = { ...toItem(job.tenant, words), spec: job.item.spec };
  return { ...job, item };
}
