// What the scheduler prefers, as data.

export const TERMS = ['room', 'balance', 'distance', 'price'] as const;
export type Term = (typeof TERMS)[number];

export interface Policy {
  /** Weight of each term; a term is 0 (worst) to 1 (best). */
  readonly weights: Readonly<Record<Term, number>>;
  /** Nothing leaves the region of its tenant unless that region has no data center. */
  readonly homeOnly: boolean;
}

/**
 * Home first: within the home region `distance` is 1, elsewhere at most a half, so that half its weight outweighs the other terms
 * together. A job leaves home only when home has no room. Elsewhere the share that is free counts more than the room itself: those
 * who are at home in a large data center that is nearly full need what is left of it.
 */
export const DEFAULT_POLICY: Policy = {
  weights: { room: 1, balance: 2, distance: 20, price: 1 },
  homeOnly: false,
};
