// What is known of each of very many classes. A Map that outgrows its table moves everything at once, which for a quarter of a
// million entries takes longer than a slice may: so there are many small ones.
import type { JobClass } from '#core/state.ts';

/** Classes whose numbers differ below so many bits share a Map: a thousand at most. */
const BITS = 10;

export class ClassMap<V> {
  readonly #parts = new Map<number, Map<JobClass, V>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(jobClass: JobClass): V | undefined {
    return this.#partOf(jobClass)?.get(jobClass);
  }

  has(jobClass: JobClass): boolean {
    return this.#partOf(jobClass)?.has(jobClass) === true;
  }

  set(jobClass: JobClass, value: V): void {
    let part = this.#partOf(jobClass);
    if (part === undefined) {
      part = new Map();
      this.#parts.set(jobClass.entity.number >>> BITS, part);
    }
    const before = part.size;
    part.set(jobClass, value);
    this.#size += part.size - before;
  }

  delete(jobClass: JobClass): void {
    const part = this.#partOf(jobClass);
    if (part?.delete(jobClass) !== true) return;
    this.#size--;
    if (part.size === 0) this.#parts.delete(jobClass.entity.number >>> BITS);
  }

  /** In no order that means anything. What it has come by may be deleted meanwhile. */
  *[Symbol.iterator](): Generator<readonly [JobClass, V]> {
    for (const part of this.#parts.values()) yield* part;
  }

  *keys(): Generator<JobClass> {
    for (const part of this.#parts.values()) yield* part.keys();
  }

  #partOf(jobClass: JobClass): Map<JobClass, V> | undefined {
    return this.#parts.get(jobClass.entity.number >>> BITS);
  }
}
