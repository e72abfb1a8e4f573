// The bound that no federation can beat by placement alone: one queue, first come first served, before all slots as if they were one
// site. Exact for jobs of one CPU; larger ones wait at the head until enough slots are free.
import { Heap } from '#scheduler/heap.ts';
import type { TraceJob } from './swf.ts';

/** Mean wait in seconds. Jobs must be in the order of their submission. */
export function pooledWait(jobs: readonly TraceJob[], slots: number): number {
  const ends = new Heap<{ readonly at: number; readonly slots: number }>((a, b) => a.at < b.at);
  let free = slots;
  let now = 0;
  let waited = 0;
  let count = 0;
  for (const { submitSeconds, runSeconds, processors } of jobs) {
    if (processors > slots) continue;
    now = Math.max(now, submitSeconds);
    for (let next = ends.peek(); next !== undefined; next = ends.peek()) {
      if (next.at > now && free >= processors) break;
      now = Math.max(now, next.at);
      free += next.slots;
      ends.pop();
    }
    waited += now - submitSeconds;
    count++;
    free -= processors;
    ends.push({ at: now + runSeconds, slots: processors });
  }
  return count === 0 ? 0 : waited / count;
}
