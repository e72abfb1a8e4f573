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
    const isNew = item.place === -1;
    item.dueMs = dueMs;
    if (isNew) {
      item.place = this.#heap.length;
      this.#heap.push(item);
      this.#rise(item);
    } else this.#settle(item);
  }

  remove(item: T): void {
    if (item.place === -1) return;
    const last = this.#heap.pop();
    if (last !== undefined && last !== item) {
      last.place = item.place;
      this.#settle(last);
    }
    item.place = -1;
  }

  #rise(item: T): void {
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

  /**
   * Down to a leaf along the sooner children, then up to where it belongs. What takes the place of the first was the last
   * of the heap and belongs near the leaves, so this compares half as often as asking at each level whether to stop.
   */
  #settle(item: T): void {
    const heap = this.#heap;
    let place = item.place;
    for (;;) {
      let child = heap[2 * place + 1];
      if (child === undefined) break;
      const right = heap[2 * place + 2];
      if (right !== undefined && isBefore(right, child)) child = right;
      heap[place] = child;
      const below = child.place;
      child.place = place;
      place = below;
    }
    item.place = place;
    this.#rise(item);
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
