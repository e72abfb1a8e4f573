// Clock and chance of the machine.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from '#ports/clock.ts';
import type { Random } from '#ports/random.ts';

/** A later moment than this is waited for in steps: timers count in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class SystemClock implements Clock {
  /** Boot time at which the monotonic clock of the process stood at zero. */
  #offsetMs: number;
  #checkedMs = 0;

  constructor() {
    this.#offsetMs = bootTimeMs() - performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  /**
   * The process's clock stands still while the machine sleeps, boot time does not: the difference is looked up now and then.
   * Never runs backwards.
   */
  bootMs(): number {
    const ownMs = performance.now();
    if (ownMs - this.#checkedMs > 1000) {
      this.#checkedMs = ownMs;
      this.#offsetMs = Math.max(this.#offsetMs, bootTimeMs() - ownMs);
    }
    return this.#offsetMs + ownMs;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer = setTimeout(call, Math.min(delayMs, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  }

  soon(call: () => void): void {
    setImmediate(call);
  }
}

/** Seconds with two decimals, as all processes of the machine read it. */
function bootTimeMs(): number {
  return Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 1000;
}

/** Asking the system costs much more than the few bytes that an id takes. */
const POOL_BYTES = 4096;
const MOST_POOLED = 64;

export class SystemRandom implements Random {
  #pool: Uint8Array = new Uint8Array();
  #at = 0;

  next(): number {
    return randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
  }

  /** Each byte is given out once. */
  bytes(count: number): Uint8Array {
    if (count > MOST_POOLED) return randomBytes(count);
    if (this.#at + count > this.#pool.length) {
      this.#pool = new Uint8Array(randomBytes(POOL_BYTES));
      this.#at = 0;
    }
    this.#at += count;
    return this.#pool.slice(this.#at - count, this.#at);
  }
}
