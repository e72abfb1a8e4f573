// Time. Wall time is for people and the log; boot time measures and counts leases, and goes on while a machine sleeps.

export interface Clock {
  /** Milliseconds since 1970. May jump: whoever needs order keeps the highest that it has seen. */
  wallMs(): number;
  /** Milliseconds since the machine booted, never runs backwards, has no meaning on another machine. */
  bootMs(): number;
  /** Calls back once after a delay; the answer cancels. */
  after(delayMs: number, call: () => void): () => void;
  /** Calls back once when what is under way has returned: at once, but not inside the caller. */
  soon(call: () => void): void;
}
