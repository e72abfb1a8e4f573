// Whether all tasks of a job fit into one data center at once, and on which nodes: first fit over blocks of nodes, whose bounds
// skip what cannot have room. What is found is taken in the overlay; what does not fit whole is given back.
import { BLOCK } from '#core/pool.ts';
import type { Overlay } from '#core/overlay.ts';
import { isOpen } from '#core/place.ts';
import type { HeldDevice } from '#core/run-table.ts';
import type { DataCenter, JobClass, State } from '#core/state.ts';
import { sumOfNeeds } from '#domain/resources.ts';
import type { Allocation, TaskShape } from '#gen/isobar/log/v1/entity.ts';
import type { NodeFilter } from './filter.ts';

/** Where the search of a class in a data center goes on: blocks before it had no room in this slice. */
export interface Hint {
  block: number;
}

interface Taken {
  readonly row: number;
  readonly group: number;
  readonly tasks: number;
  readonly held: readonly HeldDevice[];
}

/** The allocations, already taken in the overlay; or how many of the tasks fit. */
export type Fit =
  | { readonly kind: 'fits'; readonly allocations: readonly Allocation[] }
  | { readonly kind: 'short'; readonly placed: number; readonly group: number };

export function fit(
  state: State,
  overlay: Overlay,
  jobClass: JobClass,
  dataCenter: DataCenter,
  filter: NodeFilter,
  hint: Hint,
): Fit {
  const taken: Taken[] = [];
  let placed = 0;
  const { groups } = jobClass.entity;
  for (const [turn, group] of largestFirst(groups).entries()) {
    const shape = groups[group]!;
    const count = placeGroup(
      state,
      overlay,
      dataCenter,
      filter,
      turn === 0 ? hint : undefined,
      group,
      shape,
      taken,
    );
    placed += count;
    if (count < shape.replicas) {
      giveBack(overlay, jobClass, taken);
      return { kind: 'short', placed, group };
    }
  }
  return { kind: 'fits', allocations: taken.map((held) => toAllocation(state, held)) };
}

/** Positions of the groups, so that small tasks do not take the only nodes on which large ones would have room. */
function largestFirst(groups: readonly TaskShape[]): readonly number[] {
  const positions = groups.map((_, i) => i);
  if (groups.length < 2) return positions;
  const sizes = groups.map(({ devices, resources: asked }) => [
    sumOfNeeds(devices),
    asked?.cpuMillis ?? 0,
    asked?.memoryMib ?? 0,
    asked?.storageMib ?? 0,
  ]);
  const bySize = (a: number, b: number) => {
    const [mine, other] = [sizes[a]!, sizes[b]!];
    const at = mine.findIndex((amount, i) => amount !== other[i]);
    return at < 0 ? 0 : other[at]! - mine[at]!;
  };
  return positions.toSorted(bySize);
}

function giveBack(overlay: Overlay, jobClass: JobClass, taken: readonly Taken[]): void {
  for (const { row, group, tasks, held } of taken) {
    overlay.giveBack(row, jobClass.entity.groups[group]!, tasks, held);
  }
}

/** Takes room for as many tasks of the group as fit. Only the group that is placed first has a hint. */
function placeGroup(
  state: State,
  overlay: Overlay,
  dataCenter: DataCenter,
  filter: NodeFilter,
  hint: Hint | undefined,
  group: number,
  shape: TaskShape,
  taken: Taken[],
): number {
  // Tasks that need no device leave nodes with devices to those that do, as long as other nodes have room.
  const sparesDevices = shape.devices.length === 0 && dataCenter.capacity[3]! > 0;
  let placed = 0;
  for (const round of sparesDevices ? ['without', 'with'] : ['any']) {
    const isHinted = hint !== undefined && round !== 'with';
    for (let block = isHinted ? hint.block : 0; block < dataCenter.pool.blocks; block++) {
      if (!overlay.hasMore && !mayHaveRoom(dataCenter, block, shape)) continue;
      const before = placed;
      const end = Math.min((block + 1) * BLOCK, dataCenter.pool.length);
      for (let at = block * BLOCK; at < end && placed < shape.replicas; at++) {
        const row = dataCenter.pool.rows[at]!;
        if (!isOpen(state, row) || !filter.allows(row)) continue;
        if (round === 'without' && state.nodes.deviceCount[row]! > 0) continue;
        placed += placeOnNode(overlay, row, group, shape, shape.replicas - placed, taken);
      }
      if (placed === shape.replicas) {
        if (isHinted) hint.block = block;
        return placed;
      }
      if (placed === before) dataCenter.pool.tighten(state.nodes, block);
    }
  }
  return placed;
}

function mayHaveRoom({ pool }: DataCenter, block: number, shape: TaskShape): boolean {
  const asked = shape.resources;
  if (asked === undefined) return true;
  return (
    pool.boundCpuMillis[block]! >= asked.cpuMillis &&
    pool.boundMemoryMib[block]! >= asked.memoryMib &&
    pool.boundStorageMib[block]! >= asked.storageMib
  );
}

function placeOnNode(
  overlay: Overlay,
  row: number,
  group: number,
  shape: TaskShape,
  wanted: number,
  taken: Taken[],
): number {
  let count = overlay.countOnNode(row, shape, wanted);
  if (count === 0) return 0;
  if (shape.devices.length === 0) {
    overlay.take(row, shape, count, []);
    taken.push({ row, group, tasks: count, held: [] });
    return count;
  }
  // Each task has devices of its own, so each is an allocation of its own.
  for (let task = 0; task < count; task++) {
    const held = overlay.pickDevices(row, shape.devices);
    if (held === undefined) {
      count = task;
      break;
    }
    overlay.take(row, shape, 1, held);
    taken.push({ row, group, tasks: 1, held });
  }
  return count;
}

function toAllocation(state: State, { row, group, tasks, held }: Taken): Allocation {
  return {
    node: state.nodes.id[row]!,
    group,
    tasks,
    devices: held.map(({ device }) => device),
    thousandths: held.map(({ thousandths }) => thousandths),
  };
}
