// The gate: memory runs ahead of the disk, so every output waits until the revision that it was computed from is durable. This is
// the only place that lets anything out: answers, refusals, reads, watches and messages to agents.

interface Waiting {
  readonly revision: number;
  readonly release: () => void;
}

export class Gate {
  #durable: number;
  /** In the order of their revisions, because revisions only grow. */
  #waiting: Waiting[] = [];
  #at = 0;

  constructor(durable: number) {
    this.#durable = durable;
  }

  /** Newest revision that is on disk. */
  get durable(): number {
    return this.#durable;
  }

  get waiting(): number {
    return this.#waiting.length - this.#at;
  }

  /** Lets an output go when `revision` is durable; at once when it is. `revision` must not be below an earlier call's. */
  when(revision: number, release: () => void): void {
    if (revision <= this.#durable && this.waiting === 0) release();
    else this.#waiting.push({ revision, release });
  }

  /** Everything up to `revision` is on disk. */
  opened(revision: number): void {
    this.#durable = revision;
  }

  /** Lets at most so many outputs go, in their order. Answers whether more may go at once. */
  release(most: number): boolean {
    for (let left = most; this.#isReady; left--) {
      if (left === 0) return true;
      this.#waiting[this.#at++]!.release();
    }
    // Cut off in large pieces: shifting one by one costs as much as the queue is long.
    if (this.#at > 1024 || this.#at === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#at);
      this.#at = 0;
    }
    return false;
  }

  get #isReady(): boolean {
    const next = this.#waiting[this.#at];
    return next !== undefined && next.revision <= this.#durable;
  }
}
