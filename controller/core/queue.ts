// Which jobs are ready to be placed. Each class has a list of its ready jobs by uid, so that equal jobs go in the order in which
// they came, also when one comes back. Derived: rebuilt after a restart.
import { JobState } from '#domain/states.ts';
import { NONE } from './columns.ts';
import type { JobClass, State } from './state.ts';

/** Puts a job where it belongs now: into its queue, among those that wait for a time or for others, or nowhere. */
export function requeue(state: State, row: number): void {
  const { jobs, derived } = state;
  leaveQueue(state, row);
  derived.delayed.delete(row);
  if (jobs.stateOf(row) !== JobState.QUEUED || derived.waitsFor.has(row)) return;
  if (jobs.notBeforeMs[row]! > state.timeMs) derived.delayed.add(row);
  else enterQueue(state, row);
}

/** Lets jobs in whose waiting time is over. Answers when to look again; undefined: nobody waits. */
export function releaseDelayed(state: State, nowMs: number): number | undefined {
  const { jobs, derived } = state;
  let earliest: number | undefined;
  for (const row of derived.delayed) {
    const at = jobs.notBeforeMs[row]!;
    if (at <= nowMs) {
      derived.delayed.delete(row);
      enterQueue(state, row);
    } else if (earliest === undefined || at < earliest) earliest = at;
  }
  return earliest;
}

function enterQueue(state: State, row: number): void {
  const { jobs } = state;
  const jobClass = classOf(state, row);
  const uid = jobs.uid[row]!;
  state.derived.touched.add(jobClass);
  // New jobs belong at the tail; one that comes back is older than nearly all that wait, so it is sought from the head. Many
  // that come back at once come in some order, so each is sought from the one before.
  if (jobClass.tail === NONE || jobs.uid[jobClass.tail]! < uid) {
    link(state, jobClass, jobClass.tail, row, NONE);
    return;
  }
  let after = isQueued(state, jobClass, jobClass.near) ? jobClass.near : NONE;
  while (after !== NONE && jobs.uid[after]! > uid) after = jobs.previous[after]!;
  let before = after === NONE ? jobClass.head : jobs.next[after]!;
  while (before !== NONE && jobs.uid[before]! < uid) {
    after = before;
    before = jobs.next[before]!;
  }
  link(state, jobClass, after, row, before);
  jobClass.near = row;
}

/** Whether a row that was noted earlier is still a job in the queue of the class. */
function isQueued(state: State, jobClass: JobClass, row: number): boolean {
  return (
    row !== NONE &&
    state.jobs.queued[row] === 1 &&
    state.jobs.classNumber[row] === jobClass.entity.number
  );
}

export function leaveQueue(state: State, row: number): void {
  const { jobs } = state;
  if (jobs.queued[row] === 0) return;
  const jobClass = classOf(state, row);
  const previous = jobs.previous[row]!;
  const next = jobs.next[row]!;
  if (previous === NONE) jobClass.head = next;
  else jobs.next[previous] = next;
  if (next === NONE) jobClass.tail = previous;
  else jobs.previous[next] = previous;
  jobs.queued[row] = 0;
  jobClass.length--;
}

function link(state: State, jobClass: JobClass, previous: number, row: number, next: number): void {
  const { jobs } = state;
  jobs.queued[row] = 1;
  jobClass.length++;
  jobs.previous[row] = previous;
  jobs.next[row] = next;
  if (previous === NONE) jobClass.head = row;
  else jobs.next[previous] = row;
  if (next === NONE) jobClass.tail = row;
  else jobs.previous[next] = row;
}

export function classOf(state: State, row: number): JobClass {
  const jobClass = state.classes.get(state.jobs.classNumber[row]!);
  // A class lives as long as any of its jobs does.
  if (jobClass === undefined) throw new Error(`job row ${row} has no class`);
  return jobClass;
}
