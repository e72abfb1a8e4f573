// Chance from a seed: xoshiro128** (Blackman and Vigna, https://prng.di.unimi.it/xoshiro128starstar.c), whose state is filled by
// splitmix32. Small, quick and the same on every machine; nobody should guard a secret with it.
import type { Random } from '#ports/random.ts';

const TWO_32 = 2 ** 32;

export class SeededRandom implements Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    let mixed = Math.imul(seed, 0x9e3779b1) ^ Math.floor(seed / TWO_32);
    for (let i = 0; i < 4; i++) {
      mixed = (mixed + 0x9e3779b9) | 0;
      let word = mixed ^ (mixed >>> 16);
      word = Math.imul(word, 0x21f0aaad);
      word ^= word >>> 15;
      word = Math.imul(word, 0x735a2d97);
      this.#state[i] = word ^ (word >>> 15);
    }
  }

  /** A generator of its own: what one part of a world draws does not change what another draws. */
  fork(): SeededRandom {
    return new SeededRandom(this.#word());
  }

  next(): number {
    return this.#word() / TWO_32;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#word() & 255);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('there is nothing to pick from');
    return items[Math.floor(this.next() * items.length)]!;
  }

  #word(): number {
    const s = this.#state;
    const [a, b, c, d] = [s[0]!, s[1]!, s[2]!, s[3]!];
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    s[1] = b ^ third;
    s[0] = a ^ fourth;
    s[2] = third ^ (b << 9);
    s[3] = rotate(fourth, 11);
    return result;
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
