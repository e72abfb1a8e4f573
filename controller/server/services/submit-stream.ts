// SubmitJobStream: batches one after another. Some are under way at once, so that the disk and the network work while jobs are
// converted; each is answered when it is durable, in the order in which they came.
import { refuseFields, type Violation, type Wrong } from '#domain/refusal.ts';
import {
  SubmitJobsRequest,
  type SubmitJobsResponse,
  type SubmitJobStreamRequest,
} from '#gen/isobar/v1/job.ts';
import type { Concern } from '../authorize.ts';
import type { Bidi } from '../call.ts';
import type { IdMaker } from '../convert/submission.ts';
import { RefusalError } from '../errors.ts';
import type { Send } from '../stream-writer.ts';
import type { Parts } from './parts.ts';
import { submitBatch, type Batch } from './submit.ts';

/** Batches under way: one is converted while another is on its way to the disk. More would only grow old in memory. */
const UNDER_WAY = 2;

type BatchOf = (
  request: SubmitJobsRequest,
  wrong: Wrong,
) => { readonly concern: Concern | undefined; readonly batch: Batch };

export function submitStream(
  parts: Parts,
  ids: IdMaker,
  batchOf: BatchOf,
): Bidi<SubmitJobStreamRequest, SubmitJobsResponse> {
  const check = ({ batch }: SubmitJobStreamRequest) => {
    const violations: Violation[] = [];
    const wrong: Wrong = (field, description) =>
      violations.push({ field: `batch.${field}`, description });
    return { ...batchOf(batch ?? SubmitJobsRequest.create(), wrong), violations };
  };
  return {
    concern: (request) => {
      const { concern, violations } = check(request);
      return concern ?? refuseFields(violations);
    },
    handle: async (requests, send, context) => {
      const answers = new InOrder(send);
      try {
        for await (const request of requests) {
          const { batch, violations } = check(request);
          if (violations.length > 0) throw new RefusalError(refuseFields(violations));
          await answers.room();
          answers.add(submitBatch(parts, ids, batch, context));
        }
      } finally {
        // What was taken is answered, whatever is wrong with what came after it.
        await answers.sent();
      }
    },
  };
}

/** Sends answers in the order in which they were asked for, a few of them under way at once. */
class InOrder {
  readonly #send: Send<SubmitJobsResponse>;
  /** Settles when the answers so far are sent; rejects with the first failure, and sends nothing after it. */
  #tail: Promise<void> = Promise.resolve();
  readonly #sent: Promise<void>[] = [];

  constructor(send: Send<SubmitJobsResponse>) {
    this.#send = send;
  }

  add(answer: Promise<SubmitJobsResponse>): void {
    const before = this.#tail;
    // Looked at only when its turn has come, but never unseen when it fails before.
    const settled = answer.then(
      (response) => ({ response }),
      (error: unknown) => ({ error }),
    );
    this.#tail = (async () => {
      await before;
      const mine = await settled;
      if ('error' in mine) throw mine.error;
      await this.#send(mine.response);
    })();
    this.#tail.catch(() => {}); // seen by room() and sent()
    this.#sent.push(this.#tail);
  }

  async room(): Promise<void> {
    if (this.#sent.length >= UNDER_WAY) await this.#sent.shift();
  }

  sent(): Promise<void> {
    return this.#tail;
  }
}
