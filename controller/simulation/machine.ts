// Machines with clocks of their own, and processes on them that crash, are paused and go on.
import type { Clock } from '#ports/clock.ts';
import type { Timeline } from './timeline.ts';

/** When every world begins, by everybody's wall clock that is right: shortly before the hour, so that the ledger turns a page. */
const BEGIN_MS = 1_800_000_000_000 - 150_000;

export interface MachineOptions {
  /** Milliseconds of its boot clock for one of true time. */
  readonly rate?: number;
  /** What its boot clock shows when the world begins. */
  readonly bootMs?: number;
}

export class Machine implements Clock {
  readonly timeline: Timeline;
  readonly rate: number;
  readonly #bootMs: number;
  /** How far its wall clock is off. */
  wallOffMs = 0;

  constructor(timeline: Timeline, { rate = 1, bootMs = 0 }: MachineOptions = {}) {
    this.timeline = timeline;
    this.rate = rate;
    this.#bootMs = bootMs;
  }

  wallMs(): number {
    return Math.floor(BEGIN_MS + this.timeline.nowMs + this.wallOffMs);
  }

  bootMs(): number {
    return this.#bootMs + this.timeline.nowMs * this.rate;
  }

  after(delayMs: number, call: () => void): () => void {
    // A hair late, as timers are: a callback that comes before its time by a rounding of the last bit would find nothing due.
    return this.timeline.after(Math.max(0, delayMs) / this.rate + 1e-6, call);
  }

  soon(call: () => void): void {
    this.timeline.after(0, call);
  }
}

/** The clock that a process sees. Dead, it calls nothing back; paused, all of it later. */
export class Process implements Clock {
  readonly machine: Machine;
  #isAlive = true;
  #isPaused = false;
  #held: (() => void)[] = [];

  constructor(machine: Machine) {
    this.machine = machine;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  wallMs(): number {
    return this.machine.wallMs();
  }

  bootMs(): number {
    return this.machine.bootMs();
  }

  after(delayMs: number, call: () => void): () => void {
    let isCancelled = false;
    const cancel = this.machine.after(delayMs, () =>
      this.deliver(() => {
        if (!isCancelled) call();
      }),
    );
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  soon(call: () => void): void {
    this.machine.soon(() => this.deliver(call));
  }

  /** Something reaches the process from outside: now, after its pause, or never. */
  deliver(call: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isPaused) this.#held.push(call);
    else call();
  }

  kill(): void {
    this.#isAlive = false;
    this.#held = [];
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What came meanwhile happens now, each as an event of its own. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const held = this.#held;
    this.#held = [];
    for (const call of held) this.machine.soon(() => this.deliver(call));
  }
}
