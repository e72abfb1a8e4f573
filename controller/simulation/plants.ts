// Bugs that tests plant, to see that a named invariant bites. Modules whose functions are replaced ask here what to do instead;
// methods are replaced on their classes. Nothing of this is reached by production code.

import type { UsageBooked } from '#gen/isobar/log/v1/event.ts';
import type { RunPart } from '#gen/isobar/v1/run.ts';
import type { Host } from './host.ts';
import type { Profile } from './plan.ts';
import type { Invariant } from './violation.ts';

/** What functions of the core and the loop do while a bug is planted. */
export interface Planted {
  /** Stands around `decide`. */
  decide?: (outcome: unknown, command: { readonly kind: string }) => unknown;
  /** Stands before `decide`. */
  command?: (state: unknown, command: { readonly kind: string }) => { readonly kind: string };
  /** Room that a run gives back is given back only when this is so. */
  releases?: (run: number) => boolean;
  /** A job enters its queue only when this is so. */
  requeues?: (state: unknown, row: number) => boolean;
  ignoresQuota?: boolean;
  /** `decide` lets runs move as they like. */
  ignoresRunTable?: boolean;
  /** What the fold books of a run. */
  booked?: (event: UsageBooked) => UsageBooked;
  /** Where the tasks of a run are, as agents are told. */
  parts?: (parts: RunPart[]) => RunPart[];
  /** Clocks of leases show this instead. */
  leaseClock?: (bootMs: number, isConstructing: boolean) => number;
  /** What becomes of a state that was recovered. */
  recovered?: (state: unknown) => void;
}

export interface Bug {
  readonly bug: string;
  readonly caughtBy: Invariant;
  readonly profile?: Profile;
  /** Hooks, and methods that are replaced: the answers put them back. */
  readonly plant: () => Planted | (() => void)[];
}

/** What is planted now, and the controller of the world that runs, for bugs that need to see it. */
export const planted: { now: Planted; host: Host | undefined } = { now: {}, host: undefined };

let deciding = 0;

/** The book-keeper of the simulator and the scheduler ask some of the same functions: a bug may be in `decide`, or outside of it, only. */
export const isDeciding = (): boolean => deciding > 0;

export function whileDeciding<T>(decide: () => T): T {
  deciding++;
  try {
    return decide();
  } finally {
    deciding--;
  }
}

/** Replaces a method; the answer puts it back. */
export function replace<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = prototype[name];
  prototype[name] = make(original);
  return () => {
    prototype[name] = original;
  };
}
