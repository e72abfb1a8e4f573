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
import type { Bound } from '#core/pool.ts';
import { classOf } from '#core/queue.ts';
import type { JobClass, State } from '#core/state.ts';
import { ClassMap } from './class-map.ts';
import { Judgement, type Place } from './judge.ts';
import { Lines } from './lines.ts';
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
  /** Count of growths when it was judged; 0: where room has grown says nothing of it. */
  growth: number;
}

/**
 * A walk over a set that goes on where it was. What it has come by may be deleted, what is added is come by: a walk that began
 * anew each time would step over all that was deleted.
 */
class Walk {
  #rest: Iterator<JobClass> | undefined;

  get isOpen(): boolean {
    return this.#rest !== undefined;
  }

  begin(all: Iterator<JobClass>): void {
    this.#rest = all;
  }

  /** Undefined: it has come to the end. */
  next(): JobClass | undefined {
    const next = this.#rest?.next();
    if (next?.done === false) return next.value;
    this.#rest = undefined;
    return undefined;
  }
}

/** What it costs to look at a class, even if a quota holds it back or no data center is left to be judged. */
const CLASS_STEPS = 8;

/** So many classes are taken in, put into their order, in about half the time of a slice. */
const INTAKE = 4096;

/** What a pass remembers from slice to slice. */
export class Cursor {
  /** Classes to look at. */
  readonly ready = new Lines();
  readonly setAside = new ClassMap<SetAside>();
  readonly scales: Scales;
  /** Count of growths that the classes set aside have seen. Undefined: never collected, a what-if does not look again. */
  growth: number | undefined;
  /** What the nodes of the data centers whose room has grown since then may have free. */
  grown: readonly Bound[] = [];
  /** Classes set aside that are being taken in again, and those that got jobs. */
  readonly again = new Walk();
  readonly touched = new Walk();
  /** Classes that are taken in at once. */
  readonly intake: number;

  constructor(state: State, intake = INTAKE) {
    this.scales = new Scales(state);
    this.intake = intake;
  }
}

export interface Slice {
  readonly decisions: readonly Decision[];
  /** Nothing is left to look at before something changes. */
  readonly isDone: boolean;
  readonly steps: number;
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
  const tenants = cursor.ready.tenants((tenant) => weightedShare(state, overlay, tenant));
  /** What one slice has found out says nothing of the next one. */
  const judgements = new Map<JobClass, Judgement>();
  const decisions: Decision[] = [];
  let steps = 0;
  for (let line = tenants.peek(); line !== undefined && steps < maxSteps; line = tenants.peek()) {
    const jobClass = cursor.ready.first(line);
    if (jobClass === undefined) {
      tenants.pop();
      continue;
    }
    steps += CLASS_STEPS;
    const uid = supply.next(jobClass);
    if (uid === undefined) {
      leave(cursor, jobClass);
      continue;
    }
    // Not if the job that it stood there for has left the queue.
    if (!cursor.ready.isRight(line, uid)) continue;
    const blocked = quotaReason(overlay, jobClass);
    let judgement = judgements.get(jobClass);
    if (blocked === undefined && judgement === undefined) {
      judgement = new Judgement(judge, jobClass, cursor.setAside.get(jobClass)?.growth ?? 0);
      judgements.set(jobClass, judgement);
    }
    // A slice of so many steps takes about as long whether it judges classes or places jobs.
    const before = judgement?.cost ?? 0;
    const place = blocked === undefined ? judgement?.next() : undefined;
    steps += (judgement?.cost ?? 0) - before;
    if (place === undefined) {
      // A quota is not of a place: once it has room again, every data center is looked at.
      const growth = blocked === undefined ? state.derived.growth + 1 : 0;
      cursor.setAside.set(jobClass, { reason: blocked ?? reason('NO_DATA_CENTER'), growth });
      cursor.ready.delete(jobClass);
      continue;
    }
    decisions.push({ ...place, uid });
    supply.take(jobClass);
    const next = supply.next(jobClass);
    if (next === undefined) leave(cursor, jobClass);
    else cursor.ready.isRight(line, next);
    line.share = weightedShare(state, overlay, line.tenant);
    tenants.topChanged();
  }
  // What grew since the pass began was not looked at by classes that were set aside before: collect gives them their turn.
  const hasGrown = cursor.growth !== undefined && cursor.growth !== state.derived.growth;
  return { decisions, isDone: cursor.ready.size === 0 && !hasGrown, steps };
}

/** None of its jobs waits any more: what was known of places without room says nothing of its next one. */
function leave(cursor: Cursor, jobClass: JobClass): void {
  cursor.ready.delete(jobClass);
  cursor.setAside.delete(jobClass);
}

/**
 * Takes in what changed since the last slice. Call it before each slice of the queue; false: there is more to take in, so call it
 * again before you plan, or the order of turns would not be what it is.
 */
export function collect(state: State, cursor: Cursor): boolean {
  const { derived } = state;
  cursor.growth ??= 0;
  // Only when the pass is through, so that every class gets its turn however often room grows; and before those that just got
  // a job, or jobs that come all the time would keep the room from those that wait for it.
  if (cursor.ready.size === 0 && !cursor.again.isOpen && cursor.growth !== derived.growth) {
    cursor.grown = grownSince(state, cursor.growth);
    cursor.growth = derived.growth;
    cursor.again.begin(cursor.setAside.keys());
  }
  let left = cursor.intake;
  for (; left > 0 && cursor.again.isOpen; left--) {
    const jobClass = cursor.again.next();
    if (jobClass === undefined) break;
    if (jobClass.length === 0) cursor.setAside.delete(jobClass);
    else if (mayFitWhereGrown(cursor, jobClass))
      cursor.ready.add(jobClass, headOf(state, jobClass));
  }
  for (; left > 0 && derived.touched.size > 0; left--) {
    if (!cursor.touched.isOpen) cursor.touched.begin(derived.touched.values());
    const jobClass = cursor.touched.next();
    if (jobClass === undefined) continue;
    derived.touched.delete(jobClass);
    if (jobClass.length === 0) continue;
    // Where nothing has grown, a class that did not fit does not fit now.
    const isKnown = cursor.setAside.has(jobClass) && cursor.growth === derived.growth;
    if (!isKnown || cursor.ready.has(jobClass)) cursor.ready.add(jobClass, headOf(state, jobClass));
  }
  return !cursor.again.isOpen && derived.touched.size === 0;
}

function grownSince(state: State, growth: number): readonly Bound[] {
  const { dataCenterList, derived } = state;
  return dataCenterList.flatMap((dataCenter, i) =>
    dataCenter !== undefined && derived.grownAt[i]! > growth ? [dataCenter.pool.bound()] : [],
  );
}

/**
 * Whether a class that was set aside can have room where some has come: its largest task would fit on a node, as far as the nodes'
 * bounds tell. A long queue of jobs that are larger than what ends would else be judged anew with every run that ends.
 */
function mayFitWhereGrown(cursor: Cursor, jobClass: JobClass): boolean {
  const aside = cursor.setAside.get(jobClass);
  if (aside === undefined || aside.growth === 0) return true;
  const { groups } = jobClass.entity;
  const may = cursor.grown.some((bound) =>
    groups.every(
      ({ resources: asked }) =>
        asked === undefined ||
        (asked.cpuMillis <= bound.cpuMillis &&
          asked.memoryMib <= bound.memoryMib &&
          asked.storageMib <= bound.storageMib),
    ),
  );
  // As if it had been judged: what grows from now on is looked at the next time.
  if (!may) aside.growth = (cursor.growth ?? 0) + 1;
  return may;
}

function headOf(state: State, jobClass: JobClass): number {
  return state.jobs.uid[jobClass.head]!; // classes without jobs do not come here
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
