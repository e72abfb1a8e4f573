// Token buckets: so many calls a second for each caller and for all together.
import type { Rate, RateLimits } from './limits.ts';

/** Callers remembered at once. */
const MAX_BUCKETS = 10_000;

export class Bucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = nowMs;
  }

  /** 0: taken. Else the milliseconds until there is one. */
  take(nowMs: number): number {
    this.#refill(nowMs);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil(((1 - this.#tokens) * 1000) / this.#rate.perSecond);
  }

  #refill(nowMs: number): void {
    const earned = ((nowMs - this.#atMs) * this.#rate.perSecond) / 1000;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + Math.max(0, earned));
    this.#atMs = nowMs;
  }
}

/** The buckets of one listener. Times are of a clock that never runs backwards. */
export class Rates {
  readonly #limits: RateLimits;
  readonly #together: Bucket;
  readonly #each = new Map<string, Bucket>();

  constructor(limits: RateLimits, nowMs: number) {
    this.#limits = limits;
    this.#together = new Bucket(limits.together, nowMs);
  }

  /** 0: the call may go on. Else the milliseconds after which it may be tried again. */
  take(caller: string, nowMs: number): number {
    let bucket = this.#each.get(caller);
    if (bucket === undefined) {
      if (this.#each.size >= MAX_BUCKETS) this.#forgetOldest();
      bucket = new Bucket(this.#limits.each, nowMs);
      this.#each.set(caller, bucket);
    }
    // The caller's own first: one that is over its limit takes nothing from the others.
    return bucket.take(nowMs) || this.#together.take(nowMs);
  }

  get size(): number {
    return this.#each.size;
  }

  /** It may start afresh, which costs less than looking for one that is full again; all together still have their limit. */
  #forgetOldest(): void {
    const [oldest] = this.#each.keys();
    if (oldest !== undefined) this.#each.delete(oldest);
  }
}
