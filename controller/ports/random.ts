// Chance. Seeded in the simulator, from the operating system elsewhere.

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** So many random bytes. */
  bytes(count: number): Uint8Array;
}
