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

export class SystemRandom implements Random {
  next(): number {
    return randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
  }

  bytes(count: number): Uint8Array {
    return randomBytes(count);
  }
}
