// True time, and what happens in it: a queue of events ordered by time, and by the order in which they were asked for.

interface Entry {
  readonly ms: number;
  readonly sequence: number;
  /** Undefined: taken back. */
  call: (() => void) | undefined;
}

export class Timeline {
  nowMs = 0;
  /** Events that have happened. */
  steps = 0;
  #sequence = 0;
  /** A binary heap. */
  readonly #heap: Entry[] = [];

  /** Calls at a time, not before now; the answer takes it back. */
  at(ms: number, call: () => void): () => void {
    const entry: Entry = { ms: Math.max(ms, this.nowMs), sequence: this.#sequence++, call };
    this.#push(entry);
    return () => {
      entry.call = undefined;
    };
  }

  after(delayMs: number, call: () => void): () => void {
    return this.at(this.nowMs + delayMs, call);
  }

  /** The next event happens, if it is due until then; false: there is none. */
  step(untilMs = Infinity): boolean {
    for (let next = this.#heap[0]; next !== undefined && next.ms <= untilMs; next = this.#heap[0]) {
      this.#pop();
      if (next.call === undefined) continue;
      this.nowMs = next.ms;
      this.steps++;
      next.call();
      return true;
    }
    return false;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!; // called only with something in it
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.sequence < b.sequence);
}
