// The few with the highest keys of many, without sorting the many.

export class Best<T> {
  readonly #count: number;
  #kept: { readonly key: number; readonly value: T }[] = [];
  /** What is not above this cannot be among the best. */
  #least = Number.NEGATIVE_INFINITY;

  constructor(count: number) {
    this.#count = count;
  }

  offer(key: number, value: T): void {
    if (key <= this.#least) return;
    this.#kept.push({ key, value });
    // Twice as many as are wanted: each of them is then sorted about twice.
    if (this.#kept.length >= this.#count * 2) this.#cut();
  }

  /** Highest first. */
  take(): readonly T[] {
    this.#cut();
    return this.#kept.map(({ value }) => value);
  }

  #cut(): void {
    this.#kept.sort((a, b) => b.key - a.key);
    this.#kept.length = Math.min(this.#kept.length, this.#count);
    if (this.#kept.length === this.#count) this.#least = this.#kept.at(-1)?.key ?? this.#least;
  }
}
