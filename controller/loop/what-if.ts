// What would happen: the scheduler's own pass over jobs that do not exist, in an overlay that is thrown away. It goes in slices
// as long as those of the loop and lets the loop work between them, so what it answers is of the moments in which it ran.
import { toClass } from '#core/classes.ts';
import type { ClassShape } from '#core/class-key.ts';
import { runsToMove } from '#core/drains.ts';
import { Overlay } from '#core/overlay.ts';
import { classOf } from '#core/queue.ts';
import type { JobClass, Tenant } from '#core/state.ts';
import type { Reason } from '#domain/reasons.ts';
import type { Clock } from '#ports/clock.ts';
import { bestFirst, blockedBy, jobsAhead, verdictOf, type Verdict } from '#scheduler/explain.ts';
import { Cursor, plan, type Supply } from '#scheduler/plan.ts';
import { Scales } from '#scheduler/score.ts';
import type { Loop } from './loop.ts';
import { Pace, SLICE_MS, type Steps } from './pace.ts';

interface Parts {
  readonly loop: Loop;
  readonly clock: Clock;
}

/** Each begins anew, and most are small. */
const STEPS: Steps = { first: 64, least: 16, most: 65_536 };

/** Where a job that does not exist would go. */
export interface Supposed {
  readonly jobClass: JobClass;
  /** Empty: it would wait. */
  readonly dataCenter: string;
  /** Why it would wait. */
  readonly reason: Reason | undefined;
}

/** Jobs of a tenant, in their order, each as its class. Throws the signal's reason when it is over before. */
export async function suppose(
  parts: Parts,
  tenant: Tenant,
  shapes: readonly { readonly key: string; readonly shape: ClassShape }[],
  signal: AbortSignal,
): Promise<readonly Supposed[]> {
  const classes = new Map<string, JobClass>();
  const jobs = shapes.map(({ key, shape }) => {
    let jobClass = classes.get(key);
    if (jobClass === undefined) {
      jobClass = toClass(tenant, { ...shape, number: 0, tenant: tenant.entity.id }, 0);
      classes.set(key, jobClass);
    }
    return jobClass;
  });
  return place(parts, jobs, signal);
}

export interface DrainPreview {
  /** Runs whose jobs fit nowhere else now. */
  readonly waitingRuns: number;
}

/**
 * What a drain of a data center, or of one of its nodes, would do to the jobs whose runs it would stop. Each such run is supposed
 * to have ended: what it holds elsewhere, and of a quota, is its own to take again.
 */
export async function previewDrain(
  parts: Parts,
  { id, node }: { readonly id: string; readonly node?: string },
  signal: AbortSignal,
): Promise<DrainPreview> {
  const { state } = parts.loop;
  const dataCenter = state.dataCenters.get(id);
  const row = node === undefined ? undefined : dataCenter?.nodes.get(node);
  // The command says what is not there.
  if (dataCenter === undefined || (node !== undefined && row === undefined))
    return { waitingRuns: 0 };
  const overlay = new Overlay(state);
  if (row !== undefined) overlay.close(row);
  const elsewhere = new Map<JobClass, JobClass>();
  const jobs = runsToMove(state, dataCenter, row).map((run) => {
    overlay.vacate(run);
    const own = classOf(state, state.runs.job[run]!);
    let other = elsewhere.get(own);
    if (other === undefined) {
      const away = row === undefined ? [id] : [];
      const notDataCenters = [...own.entity.notDataCenters, ...away];
      other = toClass(own.tenant, { ...own.entity, notDataCenters }, 0);
      elsewhere.set(own, other);
    }
    return other;
  });
  const placed = await place(parts, jobs, signal, overlay);
  return { waitingRuns: placed.filter(({ dataCenter: at }) => at === '').length };
}

async function place(
  { loop, clock }: Parts,
  jobs: readonly JobClass[],
  signal: AbortSignal,
  overlay = new Overlay(loop.state),
): Promise<readonly Supposed[]> {
  const { state, policy } = loop;
  const cursor = new Cursor(state);
  const supply = new ListSupply(jobs);
  for (const jobClass of jobs) cursor.ready.add(jobClass);
  const places = new Map<number, string>();
  const pace = new Pace(STEPS);
  for (let isDone = jobs.length === 0; !isDone;) {
    const begin = clock.bootMs();
    const slice = plan(state, overlay, policy, cursor, supply, pace.steps);
    for (const { uid, parts } of slice.decisions) places.set(uid, parts[0]?.dataCenter ?? '');
    isDone = slice.isDone;
    pace.took(slice.steps, clock.bootMs() - begin);
    if (!isDone) await pause(clock, signal);
  }
  return jobs.map((jobClass, uid) => ({
    jobClass,
    dataCenter: places.get(uid) ?? '',
    reason: places.has(uid) ? undefined : cursor.setAside.get(jobClass)?.reason,
  }));
}

/** One verdict for each data center, the best first, in slices. */
export async function verdictsOf(
  { loop, clock }: Parts,
  jobClass: JobClass,
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  const { state, policy } = loop;
  const judge = { state, policy, overlay: new Overlay(state), scales: new Scales(state) };
  const found: Verdict[] = [];
  judge.scales.refresh();
  let begin = clock.bootMs();
  for (let at = 0; at < state.dataCenterList.length; at++) {
    if (clock.bootMs() - begin > SLICE_MS) {
      await pause(clock, signal);
      judge.scales.refresh();
      begin = clock.bootMs();
    }
    const dataCenter = state.dataCenterList[at];
    if (dataCenter !== undefined) found.push(verdictOf(judge, jobClass, dataCenter));
  }
  return bestFirst(found);
}

/** What is to be said of a job that waits or runs, before any data center is looked at. */
export function explainRow({ state }: Loop, row: number) {
  return {
    jobClass: classOf(state, row),
    blocked: blockedBy(state, row),
    jobsAhead: jobsAhead(state, row),
  };
}

/** Lets everything else that is due have its turn. */
export function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    clock.soon(() => {
      if (signal.aborted)
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      else resolve();
    });
  });
}

/** Jobs of a list; the uid of each is its position. */
class ListSupply implements Supply {
  readonly #lines = new Map<JobClass, { readonly positions: number[]; at: number }>();

  constructor(jobs: readonly JobClass[]) {
    for (const [position, jobClass] of jobs.entries()) {
      const line = this.#lines.get(jobClass);
      if (line === undefined) this.#lines.set(jobClass, { positions: [position], at: 0 });
      else line.positions.push(position);
    }
  }

  next(jobClass: JobClass): number | undefined {
    const line = this.#lines.get(jobClass);
    return line?.positions[line.at];
  }

  take(jobClass: JobClass): void {
    const line = this.#lines.get(jobClass);
    if (line !== undefined) line.at++;
  }
}

export type { Verdict };
