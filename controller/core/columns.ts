// Tables whose rows are numbers in typed arrays: a million jobs cost what their numbers cost, and nothing for the garbage
// collector to walk. A freed row is used again; whoever keeps a row number must know that its row lives.

const FIRST_CAPACITY = 64;
const GROWTH = 1.5;

/** No row: the end of a list. */
export const NONE = -1;

type TypedArray = Float64Array | Int32Array | Uint32Array | Uint16Array | Int16Array | Uint8Array;

/** Rows 0, 1, 2 … of which some are free. Subclasses hold the columns and grow them in `grow`. */
export abstract class Rows {
  capacity = 0;
  /** One more than the highest row ever used. */
  end = 0;
  live = 0;
  readonly #free: number[] = [];

  protected abstract grow(capacity: number): void;

  protected takeRow(): number {
    this.live++;
    const freed = this.#free.pop();
    if (freed !== undefined) return freed;
    if (this.end === this.capacity) {
      this.capacity = Math.max(FIRST_CAPACITY, Math.ceil(this.capacity * GROWTH));
      this.grow(this.capacity);
    }
    return this.end++;
  }

  protected freeRow(row: number): void {
    this.live--;
    this.#free.push(row);
  }
}

/** The same column with more rows. */
export function grown<T extends TypedArray>(column: T, capacity: number): T {
  // The constructor of a typed array makes one of the same kind.
  const next = new (column.constructor as new (length: number) => T)(capacity);
  next.set(column);
  return next;
}

/**
 * From a whole number below 2^53 to a row: open addressing with linear probing, 12 bytes a slot. A Map of a million numbers
 * takes four times as much.
 */
export class NumberIndex {
  size = 0;
  #keys = new Float64Array(16).fill(-1);
  #rows = new Uint32Array(16);
  #mask = 15;

  get(key: number): number | undefined {
    for (let i = slotOf(key, this.#mask); ; i = (i + 1) & this.#mask) {
      const at = this.#keys[i];
      if (at === key) return this.#rows[i];
      if (at === -1) return undefined;
    }
  }

  set(key: number, row: number): void {
    if ((this.size + 1) * 3 > this.#keys.length * 2) this.#resize(this.#keys.length * 2);
    for (let i = slotOf(key, this.#mask); ; i = (i + 1) & this.#mask) {
      const at = this.#keys[i];
      if (at === key) {
        this.#rows[i] = row;
        return;
      }
      if (at === -1) {
        this.#keys[i] = key;
        this.#rows[i] = row;
        this.size++;
        return;
      }
    }
  }

  delete(key: number): void {
    let hole = slotOf(key, this.#mask);
    while (this.#keys[hole] !== key) {
      if (this.#keys[hole] === -1) return;
      hole = (hole + 1) & this.#mask;
    }
    this.size--;
    // Moves later entries of the same run of slots into the hole, so that no search ends too early.
    for (let i = (hole + 1) & this.#mask; this.#keys[i] !== -1; i = (i + 1) & this.#mask) {
      const home = slotOf(this.#keys[i] ?? 0, this.#mask);
      if (((i - home) & this.#mask) >= ((i - hole) & this.#mask)) {
        this.#keys[hole] = this.#keys[i] ?? 0;
        this.#rows[hole] = this.#rows[i] ?? 0;
        hole = i;
      }
    }
    this.#keys[hole] = -1;
  }

  #resize(slots: number): void {
    const keys = this.#keys;
    const rows = this.#rows;
    this.#keys = new Float64Array(slots).fill(-1);
    this.#rows = new Uint32Array(slots);
    this.#mask = slots - 1;
    this.size = 0;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? -1;
      if (key !== -1) this.set(key, rows[i] ?? 0);
    }
  }
}

/** Fibonacci hashing of the low and the high half. */
function slotOf(key: number, mask: number): number {
  const low = key | 0;
  const high = (key / 4294967296) | 0;
  const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & mask;
}

/** Texts that repeat, each kept once and named by a small number. Number 0 is the empty text. */
export class Interned {
  readonly #values: string[] = [''];
  readonly #numbers = new Map<string, number>([['', 0]]);

  numberOf(value: string): number {
    let number = this.#numbers.get(value);
    if (number === undefined) {
      number = this.#values.length;
      this.#values.push(value);
      this.#numbers.set(value, number);
    }
    return number;
  }

  /** The number, if the text was ever seen. */
  find(value: string): number | undefined {
    return this.#numbers.get(value);
  }

  valueOf(number: number): string {
    return this.#values[number] ?? '';
  }
}
