// The bound that no federation can beat by placement alone: one queue, first come first served, before all slots as if they were one
// site. Exact for jobs of one CPU; larger ones wait at the head until enough slots are free.
import { Heap } from '#scheduler/heap.ts';
import type { Workload } from './workload.ts';

/** Mean wait in seconds. */
export function pooledWait({
  jobs,
  warm,
  total,
  endSeconds,
}: Pick<Workload, 'jobs' | 'warm' | 'total' | 'endSeconds'>): number {
  const ends = new Heap<{ readonly at: number; readonly slots: number }>((a, b) => a.at < b.at);
  let free = total;
  let now = 0;
  let waited = 0;
  let count = 0;
  for (const [number, { submitSeconds, runSeconds, processors }] of jobs.entries()) {
    if (processors > total) continue;
    now = Math.max(now, submitSeconds);
    for (let next = ends.peek(); next !== undefined; next = ends.peek()) {
      if (next.at > now && free >= processors) break;
      now = Math.max(now, next.at);
      free += next.slots;
      ends.pop();
    }
    if (number >= warm) {
      waited += Math.min(now, endSeconds) - submitSeconds;
      count++;
    }
    free -= processors;
    ends.push({ at: now + runSeconds, slots: processors });
  }
  return count === 0 ? 0 : waited / count;
}
