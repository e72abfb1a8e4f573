// What benchmarks of several processes measure with.

/** A clock that all processes of the machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
}

/** Of values that came with a weight each; without weights, each once. */
export function percentile(
  values: readonly number[],
  share: number,
  weights?: readonly number[],
): number {
  const order = values.map((_, i) => i).toSorted((a, b) => values[a]! - values[b]!);
  const weightOf = (i: number): number => weights?.[i] ?? 1;
  let left = share * order.reduce((sum, i) => sum + weightOf(i), 0);
  for (const i of order) {
    left -= weightOf(i);
    if (left < 0) return values[i]!;
  }
  return values[order.at(-1) ?? 0] ?? 0;
}
