// Commands that wait for a turn. Agents have a lane of their own, served first: a flood of submissions must not cost a lease.

export type Lane = 'agents' | 'callers';

/** Each caller waits for its answer before it sends much more, so this many means that something is wrong. */
const LANE_LENGTH = { agents: 100_000, callers: 20_000 } as const;

export class Inbox {
  readonly #lanes = { agents: new Fifo(), callers: new Fifo() };

  get length(): number {
    return this.#lanes.agents.length + this.#lanes.callers.length;
  }

  /** False: the lane is full. */
  push(lane: Lane, job: () => void): boolean {
    if (this.#lanes[lane].length >= LANE_LENGTH[lane]) return false;
    this.#lanes[lane].push(job);
    return true;
  }

  shift(): (() => void) | undefined {
    return this.#lanes.agents.shift() ?? this.#lanes.callers.shift();
  }
}

class Fifo {
  #items: (() => void)[] = [];
  #at = 0;

  get length(): number {
    return this.#items.length - this.#at;
  }

  push(job: () => void): void {
    this.#items.push(job);
  }

  shift(): (() => void) | undefined {
    const job = this.#items[this.#at];
    if (job === undefined) return undefined;
    this.#at++;
    if (this.#at === this.#items.length) {
      this.#items = [];
      this.#at = 0;
    }
    return job;
  }
}
