// A client that submits jobs with idempotency keys while the controller comes and goes, and notes what was acknowledged.
import { setTimeout as sleep } from 'node:timers/promises';
import { IsobarError } from '#client/isobar-error.ts';
import type { Isobar } from '#client/isobar.ts';
import type { JobInput } from '#client/job-input.ts';

/** A controller that hangs is asked again. */
const CALL_MS = 10_000;
const AGAIN_MS = 50;
const BATCH = 5;

export class Customer {
  /** Uid by key. */
  readonly acknowledged = new Map<string, number>();
  readonly #client: Isobar;
  readonly #job: JobInput;
  #keys = 0;

  constructor(client: Isobar, job: JobInput) {
    this.#client = client;
    this.#job = job;
  }

  /** Until the signal, then until the last one is answered: what was sent once is sent again under its key. */
  async submitUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.submit([this.#newKey()]);
      await this.submit(Array.from({ length: BATCH }, () => this.#newKey()));
    }
  }

  /** One by one if it is one, else as a batch. */
  async submit(keys: readonly string[]): Promise<void> {
    for (;;) {
      try {
        return await this.#once(keys);
      } catch (error) {
        if (!isOfTheConnection(error)) throw error;
        await sleep(AGAIN_MS);
      }
    }
  }

  /** Sends everything again: each key names the job that it named. */
  async submitAllAgain(): Promise<void> {
    await this.submit([...this.acknowledged.keys()]);
  }

  async #once(keys: readonly string[]): Promise<void> {
    const options = { timeoutMs: CALL_MS };
    const jobs = keys.map((idempotencyKey) => ({ ...this.#job, idempotencyKey }));
    const [only] = jobs;
    if (jobs.length === 1 && only !== undefined) {
      this.#note(keys[0], (await this.#client.jobs.submit(only, options)).uid);
      return;
    }
    const { results } = await this.#client.jobs.submitBatch(jobs, options);
    for (const [i, { uid, error }] of results.entries()) {
      if (error !== undefined) throw new Error(`${keys[i]} was refused: ${error.message}`);
      this.#note(keys[i], uid);
    }
  }

  #note(key = '', uid: number): void {
    const before = this.acknowledged.get(key);
    if (before !== undefined && before !== uid)
      throw new Error(`key ${key} named job ${before} and now names ${uid}`);
    this.acknowledged.set(key, uid);
  }

  #newKey(): string {
    this.#keys++;
    return `key-${this.#keys}`;
  }
}

/** Nobody knows whether the call was carried out. */
function isOfTheConnection(error: unknown): boolean {
  return (
    error instanceof IsobarError &&
    (error.retryable || ['CANCELLED', 'DEADLINE_EXCEEDED', 'UNKNOWN'].includes(error.code))
  );
}
