// What watches read from: the newest durable records in memory, older ones in the log. A watch pulls at its own pace and holds
// nothing here but its position, so a client that never reads costs nothing.
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { Record as LogRecord } from '#gen/isobar/log/v1/record.ts';
import type { Log } from '#ports/log.ts';

export interface Published {
  readonly revision: number;
  readonly timeMs: number;
  readonly actor: string;
  readonly events: readonly Event[];
}

export interface HubLimits {
  readonly keptEvents: number;
}

/** Enough for a minute of a busy day; a watch that is further behind reads from disk. */
export const HUB_LIMITS: HubLimits = { keptEvents: 100_000 };
const READ_RECORDS = 512;

export type Read =
  | { readonly kind: 'records'; readonly records: readonly Published[] }
  /** Compacted away: resume from `oldest` at the earliest. */
  | { readonly kind: 'tooOld'; readonly oldest: number };

export class Hub {
  readonly #log: Log;
  readonly #limits: HubLimits;
  /** Consecutive revisions; the first `#start` are forgotten. */
  #kept: Published[] = [];
  #start = 0;
  #events = 0;
  #durable: number;
  readonly #wakers = new Set<() => void>();

  constructor(log: Log, durable: number, limits: HubLimits) {
    this.#log = log;
    this.#limits = limits;
    this.#durable = durable;
  }

  get durable(): number {
    return this.#durable;
  }

  /** A record became durable. */
  publish(record: Published): void {
    this.#kept.push(record);
    this.#events += record.events.length;
    this.#durable = record.revision;
    while (this.#events > this.#limits.keptEvents && this.#start < this.#kept.length - 1) {
      this.#events -= this.#kept[this.#start]!.events.length;
      this.#start++;
    }
    // By share, not by number: a record can hold ten thousand events.
    if (this.#start > 16 && this.#start * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Wakes all who wait; once for all records of an append. */
  wake(): void {
    const wakers = [...this.#wakers];
    this.#wakers.clear();
    for (const waker of wakers) waker();
  }

  /** Calls back when there may be more than before; the answer takes the call back. */
  onMore(waker: () => void): () => void {
    this.#wakers.add(waker);
    return () => this.#wakers.delete(waker);
  }

  /** Some records after a revision, in order; none: there are no newer ones. */
  read(afterRevision: number, done: (read: Read, error?: Error) => void): void {
    if (afterRevision >= this.#durable) return done({ kind: 'records', records: [] });
    const first = this.#kept[this.#start];
    if (first !== undefined && afterRevision + 1 >= first.revision) {
      const from = this.#start + (afterRevision + 1 - first.revision);
      return done({ kind: 'records', records: this.#kept.slice(from, from + READ_RECORDS) });
    }
    this.#log.readRecords(afterRevision, READ_RECORDS, (bodies, error) => {
      if (bodies === undefined) {
        return done({ kind: 'tooOld', oldest: this.#log.head.oldestRevision }, error);
      }
      done({ kind: 'records', records: bodies.map((body) => LogRecord.decode(body)) });
    });
  }
}
