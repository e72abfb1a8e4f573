// Submits the jobs of a workload when they are due, those of one tenant that are due together as one batch.
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, Failure } from '#cli/exit.ts';
import type { Isobar } from '#client/isobar.ts';
import type { JobInput } from '#client/job-input.ts';
import { jobName, siteName } from '#simulation/replay/names.ts';
import type { Workload } from '#simulation/replay/workload.ts';
import { dueMs, realMs, type Pace } from './pace.ts';

/** Calls under way: enough to hide an fsync and a way through the network, few enough that a backlog makes larger batches. */
const MOST_CALLS = 64;
const MOST_IN_BATCH = 500;

export class Submitter {
  /** Milliseconds by which each job of the window was sent late; its first `submitted` are told. */
  readonly lateMs: Float64Array;
  /** Of the window. */
  submitted = 0;
  readonly #client: Isobar;
  readonly #workload: Workload;
  readonly #speed: number;
  readonly #calls = new Set<Promise<void>>();

  constructor(client: Isobar, workload: Workload, speed: number) {
    this.#client = client;
    this.#workload = workload;
    this.#speed = speed;
    this.lateMs = new Float64Array(workload.jobs.length - workload.warm);
  }

  /** What runs when the window begins, which is planned for then: until then it runs in addition. Ends when all are acknowledged. */
  async warmUp(beginMs: number, signal: AbortSignal): Promise<void> {
    const numbers = Array.from({ length: this.#workload.warm }, (_, number) => number);
    await this.#send(numbers, () => Math.max(0, beginMs - performance.now()), signal);
    await Promise.all(this.#calls);
  }

  /** Ends when all are acknowledged. */
  async play(pace: Pace, signal: AbortSignal): Promise<void> {
    const { jobs, warm } = this.#workload;
    let next = warm;
    while (next < jobs.length) {
      const due: number[] = [];
      const nowMs = performance.now();
      for (let job = jobs[next]; job !== undefined; job = jobs[++next]) {
        const lateMs = nowMs - dueMs(pace, job.submitSeconds);
        if (lateMs < 0) break;
        this.lateMs[next - warm] = lateMs;
        due.push(next);
      }
      await this.#send(due, () => 0, signal);
      this.submitted = next - warm;
      const following = jobs[next];
      if (following === undefined) break;
      const waitMs = dueMs(pace, following.submitSeconds) - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    }
    await Promise.all(this.#calls);
  }

  /** Ends when all are sent. */
  async #send(
    numbers: readonly number[],
    moreMs: () => number,
    signal: AbortSignal,
  ): Promise<void> {
    for (const batch of batchesOf(numbers, this.#workload)) {
      while (this.#calls.size >= MOST_CALLS) await Promise.race(this.#calls);
      signal.throwIfAborted();
      const call = this.#submit(batch, moreMs(), signal).finally(() => this.#calls.delete(call));
      // Whoever waits for the calls gets to know.
      call.catch(() => {});
      this.#calls.add(call);
    }
  }

  async #submit(batch: readonly number[], moreMs: number, signal: AbortSignal): Promise<void> {
    const inputs = batch.map((number) => this.#input(number, moreMs));
    const { results } = await this.#client.jobs.submitBatch(inputs, { signal });
    for (const [i, { error }] of results.entries()) {
      if (error === undefined) continue;
      throw new Failure(`${inputs[i]?.id} was refused: ${error.message}`, EXIT.REFUSED);
    }
  }

  #input(number: number, moreMs: number): JobInput {
    const { processors, runSeconds, site } = this.#workload.jobs[number]!; // numbers are of its jobs
    const ms = Math.round(realMs(this.#speed, runSeconds) + moreMs);
    const home = siteName(site);
    return {
      tenant: home,
      id: jobName(number),
      command: ['true'],
      cpu: 1,
      memory: '1Mi',
      replicas: processors,
      // Nothing is executed; the simulated executor reads how long that takes.
      env: { SIMULATE: `ms=${ms}` },
      ...(ms > 0 && { expectedRunTime: `${ms}ms` }),
      ...(this.#workload.homeOnly && { where: { regions: [home] } }),
    };
  }
}

/** A call serves one tenant. */
function* batchesOf(
  numbers: readonly number[],
  { jobs }: Workload,
): Generator<readonly number[], void, undefined> {
  const bySite = Map.groupBy(numbers, (number) => jobs[number]!.site); // numbers are of its jobs
  for (const own of bySite.values()) {
    for (let at = 0; at < own.length; at += MOST_IN_BATCH) yield own.slice(at, at + MOST_IN_BATCH);
  }
}
