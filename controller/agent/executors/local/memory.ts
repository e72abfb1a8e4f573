// What tasks use of memory, where the kernel does not hold them to what they asked for. They are looked at once a
// second, and one that is above twice in a row is to be ended. So it may be above for a second or two, and one that hides its processes from us
// is not found; against mistakes that is enough, a wall it is not.
//
// Counted is what cannot be freed by writing it back: anonymous and shared memory, and what of it was swapped out. Pages that
// several processes of a task share count once: their sum over processes (`RssAnon` …) is read first, because it is cheap
// and never too low, and the exact figure (`Pss_Anon` …) only of those that are above by it.
import { readFileSync } from 'node:fs';
import { type Tree, processesIn } from './trees.ts';

/** A tree with its bound. */
export interface Watched extends Tree {
  readonly memoryMib: number;
}

const KIB_PER_MIB = 1024;
const LOOKS_ABOVE = 2;
const SHORTEST_PAUSE_MS = 1000;
/** Looking takes at most one part in so many of the time. */
const LOOK_SHARE = 50;

const UPPER = /^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$/gm;
const EXACT = /^(?:Pss_Anon|Pss_Shmem|SwapPss):\s+(\d+) kB$/gm;

export class MemoryWatch {
  /** How often in a row each was above. */
  readonly #above = new Map<string, number>();
  #nextMs = 0;

  /** Those that are to be ended. Nobody, when it is too early for a look. */
  look<T extends Watched>(watched: () => readonly T[]): ReadonlySet<T> {
    const beganMs = performance.now();
    if (beganMs < this.#nextMs) return new Set();
    const trees = watched();
    const found = trees.length === 0 ? undefined : processesIn(trees);
    const above = trees.filter((tree) => isAbove(tree, found?.get(tree.marker) ?? []));
    const counts = above.map(
      (tree) => [tree.marker, (this.#above.get(tree.marker) ?? 0) + 1] as const,
    );
    this.#above.clear();
    for (const [marker, count] of counts) this.#above.set(marker, count);
    const endedMs = performance.now();
    this.#nextMs = endedMs + Math.max(SHORTEST_PAUSE_MS, (endedMs - beganMs) * LOOK_SHARE);
    return new Set(above.filter((tree) => (this.#above.get(tree.marker) ?? 0) >= LOOKS_ABOVE));
  }
}

function isAbove({ memoryMib }: Watched, pids: readonly number[]): boolean {
  const most = memoryMib * KIB_PER_MIB;
  return sumOf(pids, 'status', UPPER) > most && sumOf(pids, 'smaps_rollup', EXACT) > most;
}

/** In KiB. Who is gone, or not ours to look at, uses nothing. */
function sumOf(pids: readonly number[], file: string, lines: RegExp): number {
  let sum = 0;
  for (const pid of pids) {
    let text;
    try {
      text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
    } catch {
      continue;
    }
    for (const [, kib] of text.matchAll(lines)) sum += Number(kib);
  }
  return sum;
}
