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
/** Of the newest so many, the objects are kept while watches wait for them: these would be decoded at once. */
const FRESH_EVENTS = 2_000;
const READ_RECORDS = 512;

export type Read =
  | { readonly kind: 'records'; readonly records: readonly Published[] }
  /** Compacted away: resume from `oldest` at the earliest. */
  | { readonly kind: 'tooOld'; readonly oldest: number };

export class Hub {
  readonly #log: Log;
  readonly #limits: HubLimits;
  /** Consecutive revisions; the first `#start` are forgotten. */
  #kept: Kept[] = [];
  #start = 0;
  #events = 0;
  /** From here on some may hold their events as objects, `#freshEvents` in all. */
  #fresh = 0;
  #freshEvents = 0;
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

  /** A record became durable; `body` is how it lies on disk. */
  publish(record: Published, body: Uint8Array): void {
    const kept = new Kept(record, body, this.#wakers.size > 0);
    this.#kept.push(kept);
    this.#events += kept.size;
    this.#freshEvents += kept.size;
    this.#durable = record.revision;
    for (; this.#freshEvents > FRESH_EVENTS; this.#fresh++) {
      const oldest = this.#kept[this.#fresh]!;
      oldest.forgetObjects();
      this.#freshEvents -= oldest.size;
    }
    while (this.#events > this.#limits.keptEvents && this.#start < this.#kept.length - 1) {
      const { size } = this.#kept[this.#start++]!;
      this.#events -= size;
      if (this.#fresh >= this.#start) continue;
      this.#fresh = this.#start;
      this.#freshEvents -= size;
    }
    // By share, not by number: a record can hold ten thousand events.
    if (this.#start > 16 && this.#start * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#start);
      this.#fresh -= this.#start;
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

/** A record in memory. A minute's events as objects would be most of what the garbage collector walks: bytes cost it nothing. */
class Kept implements Published {
  readonly revision: number;
  readonly timeMs: number;
  readonly actor: string;
  /** How many events it has. */
  readonly size: number;
  readonly #body: Uint8Array;
  #events: readonly Event[] | undefined;

  constructor({ revision, timeMs, actor, events }: Published, body: Uint8Array, fresh: boolean) {
    this.revision = revision;
    this.timeMs = timeMs;
    this.actor = actor;
    this.size = events.length;
    this.#body = body;
    this.#events = fresh ? events : undefined;
  }

  get events(): readonly Event[] {
    return this.#events ?? LogRecord.decode(this.#body).events;
  }

  forgetObjects(): void {
    this.#events = undefined;
  }
}
