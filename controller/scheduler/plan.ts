// A pass: which ready jobs run where. It goes in slices of so many steps, and remembers between them which classes it has judged
// without success, so that a long queue that does not fit costs nothing when a job comes that does.
//
//   1. Classes that got jobs are looked at; those judged before are looked at again only when room has grown since.
//   2. The tenant with the smallest weighted dominant share goes first; in it the class with the highest priority, then with the
//      oldest job.
//   3. Its next job goes to the best data center that has room for all of its tasks.
//   4. A class that fits nowhere, or whose tenant is at a quota, is set aside with its reason. Others go on.
import { reason, type Reason } from '#domain/reasons.ts';
import { DIMENSIONS } from '#domain/resources.ts';
import { NONE } from '#core/columns.ts';
import { exceededQuota, type Overlay } from '#core/overlay.ts';
import { classOf } from '#core/queue.ts';
import type { JobClass, State, Tenant } from '#core/state.ts';
import { Heap } from './heap.ts';
import { Judgement, type Place } from './judge.ts';
import type { Policy } from './policy.ts';
import { Scales } from './score.ts';
import { weightedShare } from './share.ts';

export interface Decision extends Place {
  readonly uid: number;
}

/** Where jobs come from: the queue, or the jobs of a what-if. */
export interface Supply {
  /** Uid of the next job of the class; undefined: there is none. */
  next(jobClass: JobClass): number | undefined;
  /** The job that `next` told has been placed. */
  take(jobClass: JobClass): void;
}

interface SetAside {
  readonly reason: Reason;
  /** Count of growths when it was judged. */
  readonly growth: number;
}

/** What a pass remembers from slice to slice. */
export class Cursor {
  /** Classes to look at. */
  readonly ready = new Set<JobClass>();
  readonly setAside = new Map<JobClass, SetAside>();
  readonly scales: Scales;
  /** Count of growths that the classes set aside have seen. Undefined: never collected, a what-if does not look again. */
  growth: number | undefined;

  constructor(state: State) {
    this.scales = new Scales(state);
  }
}

export interface Slice {
  readonly decisions: readonly Decision[];
  /** Nothing is left to look at before something changes. */
  readonly isDone: boolean;
  readonly steps: number;
}

interface TenantLine {
  readonly tenant: Tenant;
  share: number;
  readonly classes: Heap<Line>;
}

/** A class in a slice: its next job, and where its jobs can go once that was judged. */
interface Line {
  readonly jobClass: JobClass;
  uid: number;
  judgement: Judgement | undefined;
}

export function plan(
  state: State,
  overlay: Overlay,
  policy: Policy,
  cursor: Cursor,
  supply: Supply,
  maxSteps: number,
): Slice {
  cursor.scales.refresh();
  const judge = { state, overlay, policy, scales: cursor.scales };
  const tenants = linesOf(state, overlay, cursor, supply);
  const decisions: Decision[] = [];
  let steps = 0;
  for (let line = tenants.peek(); line !== undefined && steps < maxSteps; line = tenants.peek()) {
    const top = line.classes.peek();
    if (top === undefined) {
      tenants.pop();
      continue;
    }
    const { jobClass } = top;
    steps++;
    const blocked = quotaReason(overlay, jobClass);
    if (blocked === undefined && top.judgement === undefined) {
      top.judgement = new Judgement(judge, jobClass, cursor.setAside.get(jobClass)?.growth ?? 0);
    }
    // A slice of so many steps takes about as long whether it judges classes or places jobs.
    const before = top.judgement?.cost ?? 0;
    const place = blocked === undefined ? top.judgement?.next() : undefined;
    steps += (top.judgement?.cost ?? 0) - before;
    if (place === undefined) {
      // A quota is not of a place: once it has room again, every data center is looked at.
      const growth = blocked === undefined ? state.derived.growth + 1 : 0;
      cursor.setAside.set(jobClass, { reason: blocked ?? reason('NO_DATA_CENTER'), growth });
      cursor.ready.delete(jobClass);
      line.classes.pop();
      continue;
    }
    decisions.push({ ...place, uid: top.uid });
    supply.take(jobClass);
    const next = supply.next(jobClass);
    if (next === undefined) {
      // All of its jobs found room: what was known of places without room says nothing of its next job.
      cursor.ready.delete(jobClass);
      cursor.setAside.delete(jobClass);
      line.classes.pop();
    } else {
      top.uid = next;
      line.classes.topChanged();
    }
    line.share = weightedShare(state, overlay, line.tenant);
    tenants.topChanged();
  }
  // What grew since the pass began was not looked at by classes that were set aside before: collect gives them their turn.
  const hasGrown = cursor.growth !== undefined && cursor.growth !== state.derived.growth;
  return { decisions, isDone: cursor.ready.size === 0 && !hasGrown, steps };
}

/** Takes in what changed since the last slice. Call it before each slice of the queue. */
export function collect(state: State, cursor: Cursor): void {
  const { derived } = state;
  cursor.growth ??= 0;
  // Only when the pass is through, so that every class gets its turn however often room grows; and before those that just got
  // a job, or jobs that come all the time would keep the room from those that wait for it.
  if (cursor.ready.size === 0 && cursor.growth !== derived.growth) {
    cursor.growth = derived.growth;
    for (const jobClass of cursor.setAside.keys()) {
      if (jobClass.length === 0) cursor.setAside.delete(jobClass);
      else cursor.ready.add(jobClass);
    }
  }
  for (const jobClass of derived.touched) {
    // Where nothing has grown, a class that did not fit does not fit now.
    if (cursor.setAside.has(jobClass) && cursor.growth === derived.growth) continue;
    cursor.ready.add(jobClass);
  }
  derived.touched.clear();
}

/**
 * Decisions that decide dropped: their jobs are still in the queue, but the pass has gone on. Their classes are set aside until
 * anything grows; at once would be for ever, if plan and decide did not agree.
 */
export function returnDropped(state: State, cursor: Cursor, decisions: readonly Decision[]): void {
  for (const { uid } of decisions) {
    const row = state.jobs.rowOf(uid);
    if (row === undefined || state.jobs.queued[row] === 0) continue;
    const jobClass = classOf(state, row);
    cursor.ready.delete(jobClass);
    cursor.setAside.set(jobClass, { reason: reason('NOT_YET_CONSIDERED'), growth: 0 });
  }
}

function linesOf(state: State, overlay: Overlay, cursor: Cursor, supply: Supply): Heap<TenantLine> {
  const byTenant = new Map<Tenant, TenantLine>();
  for (const jobClass of cursor.ready) {
    const uid = supply.next(jobClass);
    if (uid === undefined) {
      cursor.ready.delete(jobClass);
      cursor.setAside.delete(jobClass);
      continue;
    }
    const { tenant } = jobClass;
    let line = byTenant.get(tenant);
    if (line === undefined) {
      line = {
        tenant,
        share: weightedShare(state, overlay, tenant),
        classes: new Heap<Line>(goesFirst),
      };
      byTenant.set(tenant, line);
    }
    line.classes.push({ jobClass, uid, judgement: undefined });
  }
  const tenants = new Heap<TenantLine>(
    (a, b) => a.share < b.share || (a.share === b.share && a.tenant.entity.id < b.tenant.entity.id),
  );
  for (const line of byTenant.values()) tenants.push(line);
  return tenants;
}

function goesFirst(a: Line, b: Line): boolean {
  const byPriority = b.jobClass.entity.priority - a.jobClass.entity.priority;
  return byPriority < 0 || (byPriority === 0 && a.uid < b.uid);
}

export function quotaReason(overlay: Overlay, jobClass: JobClass): Reason | undefined {
  const exceeded = exceededQuota(overlay, jobClass);
  if (exceeded === undefined) return undefined;
  const { tenant, dimension, needed, left } = exceeded;
  const subject = `${tenant.entity.id} (${DIMENSIONS[dimension] ?? ''})`;
  return reason('QUOTA_EXCEEDED', { subject, needed, available: left });
}

/** The jobs of the queue. Placed ones are still in its lists until their events are folded, so they are stepped over. */
export class QueueSupply implements Supply {
  readonly #state: State;
  readonly #at = new Map<JobClass, number>();

  constructor(state: State) {
    this.#state = state;
  }

  next(jobClass: JobClass): number | undefined {
    const row = this.#at.get(jobClass) ?? jobClass.head;
    return row === NONE ? undefined : this.#state.jobs.uid[row]!;
  }

  take(jobClass: JobClass): void {
    const row = this.#at.get(jobClass) ?? jobClass.head;
    this.#at.set(jobClass, row === NONE ? NONE : this.#state.jobs.next[row]!);
  }
}
