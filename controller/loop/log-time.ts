// The log's time: wall time that never runs backwards and never stands still (decision 0006).
import type { Clock } from '#ports/clock.ts';

/** How fast it goes while it is ahead of the wall clock, to be overtaken by it. */
const SLOWED = 0.5;

export class LogTime {
  readonly #clock: Clock;
  /** Where it was when it last agreed with the wall clock, or when the process began. */
  #fromMs: number;
  #fromBootMs: number;

  constructor(clock: Clock, lastMs: number) {
    this.#clock = clock;
    this.#fromMs = lastMs;
    this.#fromBootMs = clock.bootMs();
  }

  /** Milliseconds since 1970, whole. */
  nowMs(): number {
    const wallMs = this.#clock.wallMs();
    const bootMs = this.#clock.bootMs();
    const slowedMs = Math.floor(this.#fromMs + (bootMs - this.#fromBootMs) * SLOWED);
    if (wallMs < slowedMs) return slowedMs;
    this.#fromMs = wallMs;
    this.#fromBootMs = bootMs;
    return wallMs;
  }

  /** How long it takes until it is then, unless the wall clock jumps: slowed at first, and as the wall clock goes from where that has caught up. */
  delayUntil(ms: number): number {
    return Math.min((ms - this.nowMs()) / SLOWED, ms - this.#clock.wallMs());
  }
}
