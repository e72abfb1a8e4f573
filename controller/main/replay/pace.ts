// How the time of a trace goes by.

/** A window is under way. */
export interface Pace {
  /** Seconds of the trace in a second. */
  readonly speed: number;
  /** When it began, as `performance.now()` counts. */
  readonly beginMs: number;
  /** And by the clock of the machine, which the controller writes into its events. */
  readonly beginWallMs: number;
}

export function beginNow(speed: number): Pace {
  return { speed, beginMs: performance.now(), beginWallMs: Date.now() };
}

/** When something of the trace is due, as `performance.now()` counts. */
export function dueMs({ beginMs, speed }: Pace, seconds: number): number {
  return beginMs + realMs(speed, seconds);
}

/** Where in the trace a replay is. */
export function atSeconds({ beginMs, speed }: Pace): number {
  return ((performance.now() - beginMs) / 1000) * speed;
}

/** How long so much of a trace takes. */
export function realMs(speed: number, seconds: number): number {
  return (seconds * 1000) / speed;
}
