// Bugs that tests plant, to see that a named invariant bites. Modules whose functions are replaced ask here what to do instead;
// methods are replaced on their classes. Nothing of this is reached by production code.

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
  /** Clocks of leases show this instead. */
  leaseClock?: (bootMs: number, isConstructing: boolean) => number;
  /** What becomes of a state that was recovered. */
  recovered?: (state: unknown) => void;
}

export const planted: { now: Planted } = { now: {} };

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
