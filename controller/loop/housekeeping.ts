// What grows is cut back: ended jobs that are remembered for idempotency, old records of the log, old jobs of the archive.
import { CONTROLLER } from '#core/command.ts';
import { NONE } from '#core/columns.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Loop } from './loop.ts';

/** The API promises that an idempotency key, and an id, answer the same job for so long after its end. */
const REMEMBER_MS = 24 * 3_600_000;

const EVERY_MS = 60_000;
/** A round forgets in pieces, so that submissions come between. */
const JOBS_A_COMMAND = 1000;

export interface HousekeepingOptions {
  readonly loop: Loop;
  readonly log: Log;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Both hold: records are kept for at least so long, and at least so many. */
  readonly keepLogMs: number;
  readonly keepLogRecords: number;
  readonly keepArchiveMs: number;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  /** What the newest durable revision was, once a round: which records are old is seen from these. */
  readonly #marks: { readonly revision: number; readonly atMs: number }[] = [];
  #cancel: () => void = () => {};
  #isClosed = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#wait();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #wait(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#options.clock.after(EVERY_MS, () => {
      this.#forget();
      void this.#cut().finally(() => this.#wait());
    });
  }

  #forget(): void {
    const { loop } = this.#options;
    const uids = endedBefore(loop, loop.nowMs() - REMEMBER_MS);
    const who = { actor: CONTROLLER, method: 'housekeeping/forget', requestId: '' };
    for (let at = 0; at < uids.length; at += JOBS_A_COMMAND) {
      const some = uids.slice(at, at + JOBS_A_COMMAND);
      loop.execute('callers', { kind: 'forgetJobs', uids: some }, who, () => {});
    }
  }

  async #cut(): Promise<void> {
    const { loop, log, telemetry, keepLogMs, keepLogRecords, keepArchiveMs } = this.#options;
    const nowMs = loop.nowMs();
    this.#marks.push({ revision: loop.gate.durable, atMs: nowMs });
    try {
      const old = this.#oldRevision(nowMs - keepLogMs);
      const through = Math.min(old, loop.gate.durable - keepLogRecords);
      if (through >= log.head.oldestRevision) await log.compact(through);
      await log.expireArchive(nowMs - keepArchiveMs);
    } catch (error) {
      // The log itself says when it cannot go on; that something old is still there hurts nobody.
      telemetry.warn('old records were not removed', { error: String(error) });
    }
  }

  /** Newest revision that was durable before a time, as far as it was seen. */
  #oldRevision(beforeMs: number): number {
    let revision = 0;
    while (this.#marks[0] !== undefined && this.#marks[0].atMs <= beforeMs) {
      revision = this.#marks[0].revision;
      if (this.#marks[1] === undefined || this.#marks[1].atMs > beforeMs) break;
      this.#marks.shift();
    }
    return revision;
  }
}

function endedBefore(loop: Loop, beforeMs: number): number[] {
  const { jobs } = loop.state;
  const uids: number[] = [];
  for (let row = 0; row < jobs.end; row++) {
    const endMs = jobs.endMs[row]!;
    if (jobs.uid[row] !== NONE && endMs > 0 && endMs <= beforeMs) uids.push(jobs.uid[row]!);
  }
  return uids;
}
