// A binary heap of things that are due at some time, each at most once in it and movable in place.

/** What can be queued. `place` belongs to the queue: -1 outside. */
export interface Due {
  dueMs: number;
  place: number;
  /** Breaks ties, so that the order depends on nothing but what was asked. */
  readonly order: number;
}

export class DueQueue<T extends Due> {
  readonly #heap: T[] = [];

  first(): T | undefined {
    return this.#heap[0];
  }

  /** Puts it in, or where it belongs now. */
  set(item: T, dueMs: number): void {
    item.dueMs = dueMs;
    if (item.place === -1) {
      item.place = this.#heap.length;
      this.#heap.push(item);
    }
    this.#up(item);
    this.#down(item);
  }

  remove(item: T): void {
    if (item.place === -1) return;
    const last = this.#heap.pop();
    if (last !== undefined && last !== item) {
      this.#put(last, item.place);
      this.#up(last);
      this.#down(last);
    }
    item.place = -1;
  }

  #up(item: T): void {
    while (item.place > 0) {
      const parentPlace = (item.place - 1) >> 1;
      const parent = this.#heap[parentPlace];
      if (parent === undefined || !isBefore(item, parent)) return;
      this.#put(parent, item.place);
      this.#put(item, parentPlace);
    }
  }

  #down(item: T): void {
    for (;;) {
      const left = this.#heap[2 * item.place + 1];
      const right = this.#heap[2 * item.place + 2];
      const child =
        right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || !isBefore(child, item)) return;
      const childPlace = child.place;
      this.#put(child, item.place);
      this.#put(item, childPlace);
    }
  }

  #put(item: T, place: number): void {
    this.#heap[place] = item;
    item.place = place;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
