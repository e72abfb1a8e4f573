// Submitting without end: batches go out while earlier ones are being made durable, and a lost connection sends again
// only what was not answered. Sending twice is harmless because every job has an id or an idempotency key.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type JobServiceService,
  type JobSubmission,
  SubmitJobsRequest,
  SubmitJobStreamRequest,
  type SubmitJobResult,
} from '#gen/isobar/v1/job.ts';
import { IsobarError } from './isobar-error.ts';
import type { ClientOf } from './rpc.ts';

export interface SubmitManyOptions {
  /** Jobs in a batch, 1 to 10,000. Default 1000. */
  readonly batchSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Batches under way: enough to hide one fsync and one round trip, few enough to send again. */
const WINDOW = 4;
/** Connections in a row without a single answer before it gives up, about a minute in all. */
const ATTEMPTS = 10;

/** One result for each job, in order. */
export async function* submitMany(
  jobs: ClientOf<JobServiceService>,
  parent: string,
  submissions: Iterable<JobSubmission> | AsyncIterable<JobSubmission>,
  options: SubmitManyOptions = {},
): AsyncGenerator<SubmitJobResult, void, undefined> {
  const source = batches(submissions, options.batchSize ?? 1000);
  const unanswered: JobSubmission[][] = [];
  let pulling: Promise<IteratorResult<JobSubmission[], void>> | undefined;
  let exhausted = false;
  let attempt = 0;
  let connection = 0;
  let wake = Promise.withResolvers<void>();

  /** What one connection sends. A newer connection takes over a batch that this one was still waiting for. */
  async function* requests(mine: number): AsyncGenerator<SubmitJobStreamRequest, void, undefined> {
    for (const batch of unanswered.slice()) yield toRequest(parent, batch);
    while (!exhausted) {
      if (unanswered.length >= WINDOW) {
        await wake.promise;
        continue;
      }
      pulling ??= source.next();
      const next = await pulling;
      if (mine !== connection) return;
      pulling = undefined;
      if (next.done === true) {
        exhausted = true;
        return;
      }
      unanswered.push(next.value);
      yield toRequest(parent, next.value);
    }
  }

  for (;;) {
    connection += 1;
    try {
      const responses = jobs.submitJobStream(requests(connection), { signal: options.signal });
      for await (const response of responses) {
        unanswered.shift();
        attempt = 0;
        wake.resolve();
        wake = Promise.withResolvers<void>();
        yield* response.results;
      }
      if (exhausted && unanswered.length === 0) return;
      if (attempt >= ATTEMPTS) throw unansweredError();
    } catch (error) {
      const again = error instanceof IsobarError && error.retryable && attempt < ATTEMPTS;
      if (!again) throw error;
    }
    attempt += 1;
    await sleep(Math.random() * Math.min(100 * 2 ** attempt, 10_000), undefined, {
      signal: options.signal,
    });
  }
}

/** A controller that ends stream after stream cleanly, without a word. */
function unansweredError(): IsobarError {
  return new IsobarError('the controller ends the stream without answering', { code: 'ABORTED' });
}

function toRequest(parent: string, jobs: JobSubmission[]): SubmitJobStreamRequest {
  return SubmitJobStreamRequest.create({ batch: SubmitJobsRequest.create({ parent, jobs }) });
}

async function* batches(
  items: Iterable<JobSubmission> | AsyncIterable<JobSubmission>,
  size: number,
): AsyncGenerator<JobSubmission[], void, undefined> {
  let batch: JobSubmission[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length >= size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
