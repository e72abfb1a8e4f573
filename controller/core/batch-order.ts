// The order in which the jobs of a batch can be accepted: each after those of the batch that it waits for.

export interface BatchOrder {
  /** Every position of the batch once. */
  readonly order: readonly number[];
  /** For a job on a cycle, the ids along it, the first one again at the end. */
  readonly cycles: ReadonlyMap<number, readonly string[]>;
}

interface Waiting {
  readonly id: string;
  readonly after: readonly { readonly job: string }[];
}

/** Depth-first; without dependencies inside the batch, which is the rule, it is the given order and costs nothing. */
export function orderByDependency(items: readonly Waiting[]): BatchOrder {
  if (items.every((item) => item.after.length === 0)) {
    return { order: items.map((_, i) => i), cycles: new Map() };
  }
  const positions = new Map<string, number>();
  for (const [i, item] of items.entries()) if (!positions.has(item.id)) positions.set(item.id, i);
  const order: number[] = [];
  const cycles = new Map<number, readonly string[]>();
  const done = new Set<number>();
  const path: number[] = [];
  const onPath = new Set<number>();
  // The path is explicit, so that a chain of ten thousand jobs does not overflow the stack.
  for (const start of items.keys()) {
    const pending: { at: number; next: number }[] = [];
    const enter = (at: number) => {
      pending.push({ at, next: 0 });
      path.push(at);
      onPath.add(at);
    };
    if (!done.has(start)) enter(start);
    for (let frame = pending.at(-1); frame !== undefined; frame = pending.at(-1)) {
      const after = items[frame.at]?.after[frame.next++];
      if (after === undefined) {
        pending.pop();
        path.pop();
        onPath.delete(frame.at);
        done.add(frame.at);
        order.push(frame.at);
        continue;
      }
      const other = positions.get(after.job);
      if (other === undefined || done.has(other)) continue;
      if (onPath.has(other)) markCycle(items, path.slice(path.indexOf(other)), cycles);
      else enter(other);
    }
  }
  return { order, cycles };
}

function markCycle(
  items: readonly Waiting[],
  members: readonly number[],
  cycles: Map<number, readonly string[]>,
): void {
  const ids = members.map((at) => items[at]?.id ?? '');
  for (const [i, at] of members.entries()) {
    const turned = [...ids.slice(i), ...ids.slice(0, i)];
    cycles.set(at, [...turned, turned[0] ?? '']);
  }
}
