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
      last.place = item.place;
      this.#up(last);
      this.#down(last);
    }
    item.place = -1;
  }

  #up(item: T): void {
    const heap = this.#heap;
    let place = item.place;
    while (place > 0) {
      const parent = heap[(place - 1) >> 1];
      if (parent === undefined || !isBefore(item, parent)) break;
      heap[place] = parent;
      const above = parent.place;
      parent.place = place;
      place = above;
    }
    heap[place] = item;
    item.place = place;
  }

  #down(item: T): void {
    const heap = this.#heap;
    let place = item.place;
    for (;;) {
      let child = heap[2 * place + 1];
      const right = heap[2 * place + 2];
      if (right !== undefined && child !== undefined && isBefore(right, child)) child = right;
      if (child === undefined || !isBefore(child, item)) break;
      heap[place] = child;
      const below = child.place;
      child.place = place;
      place = below;
    }
    heap[place] = item;
    item.place = place;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
