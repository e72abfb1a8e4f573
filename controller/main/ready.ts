// A process says that it is ready, and where it listens: to whoever started it with a channel for messages.

export interface Readiness {
  readonly ready: true;
  /** host:port of what it listens on, by name. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Files that whoever started it may want. */
  readonly files: Readonly<Record<string, string>>;
}

export function sayReady(readiness: Omit<Readiness, 'ready'>): void {
  process.send?.({ ready: true, ...readiness } satisfies Readiness);
}
