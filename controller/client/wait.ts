// Waiting for jobs to end: read them, then watch from that revision, so that nothing happens unseen in between.
import { isJobFinal } from '#domain/states.ts';
import type { Event } from '#gen/isobar/v1/event.ts';
import type { Job } from '#gen/isobar/v1/job.ts';
import { IsobarError } from './isobar-error.ts';
import type { WatchOptions } from './watch.ts';

export interface WaitPorts {
  get(name: string, minRevision: number): Promise<Job>;
  watch(options: WatchOptions): AsyncIterable<Event>;
}

/** The state words of an event that ends a job. */
const FINAL: readonly string[] = ['SUCCEEDED', 'FAILED', 'CANCELLED'];

const hasEnded = (job: Job): boolean => job.state > 0 && isJobFinal(job.state as 1); // checked above 0

/** Each job as it ends. `known` are jobs as they were just read, so that they are not read again. */
export async function* endings(
  ports: WaitPorts,
  names: readonly string[],
  filter: Pick<WatchOptions, 'set' | 'signal' | 'onResume'>,
  known: readonly Job[] = [],
): AsyncGenerator<Job, void, undefined> {
  const pending = new Set(names);
  let fresh = new Map(known.map((job) => [job.name, job]));
  for (;;) {
    let fromRevision = Number.POSITIVE_INFINITY;
    for (const name of pending) {
      const job = fresh.get(name) ?? (await ports.get(name, 0));
      fromRevision = Math.min(fromRevision, job.revision);
      if (!hasEnded(job)) continue;
      pending.delete(name);
      yield job;
    }
    if (pending.size === 0) return;
    try {
      yield* watchEndings(ports, pending, { ...filter, fromRevision });
      return;
    } catch (error) {
      // The log no longer keeps the revision: what was missed is in the jobs themselves.
      if (!(error instanceof IsobarError && error.code === 'OUT_OF_RANGE')) throw error;
      fresh = new Map();
    }
  }
}

async function* watchEndings(
  ports: WaitPorts,
  pending: Set<string>,
  options: WatchOptions,
): AsyncGenerator<Job, void, undefined> {
  const [only] = pending;
  const job = pending.size === 1 ? only?.slice(only.lastIndexOf('/') + 1) : undefined;
  for await (const event of ports.watch({ ...options, job })) {
    if (!pending.has(event.resource) || !FINAL.includes(event.state)) continue;
    const ended = await ports.get(event.resource, event.revision);
    // A requeue may have followed in the same breath; its own ending comes later in the watch.
    if (!hasEnded(ended)) continue;
    pending.delete(event.resource);
    yield ended;
    if (pending.size === 0) return;
  }
}
