// Submission: every job of a batch is accepted or refused for itself, unless the batch is all or nothing.
import { tenantName } from '#domain/names.ts';
import { refuse, type Refusal } from '#domain/refusal.ts';
import { isJobFinal, JobState } from '#domain/states.ts';
import type { Event, JobSubmitted } from '#gen/isobar/log/v1/event.ts';
import { orderByDependency } from './batch-order.ts';
import {
  accept,
  type Outcome,
  type SubmitAnswer,
  type SubmitItem,
  type SubmitJobs,
} from './command.ts';
import { NewClasses, UIDS_PER_INCARNATION } from './jobs.ts';
import type { State, Tenant } from './state.ts';
import { noSuchTenant } from './tenants.ts';

/** What a batch has accepted so far; the state itself does not change before the fold. */
interface Batch {
  readonly command: SubmitJobs;
  readonly tenant: Tenant;
  readonly classes: NewClasses;
  readonly events: Event[];
  /** The batch's own jobs. */
  readonly byId: Map<string, Accepted>;
  readonly byKey: Map<string, Accepted>;
}

interface Accepted {
  readonly uid: number;
  readonly item: SubmitItem;
}

export function decideSubmitJobs(
  state: State,
  command: SubmitJobs,
): Outcome<readonly SubmitAnswer[]> {
  const tenant = state.tenants.get(command.tenant);
  if (tenant === undefined) return noSuchTenant(command.tenant);
  const batch: Batch = {
    command,
    tenant,
    classes: new NewClasses(state),
    events: [],
    byId: new Map(),
    byKey: new Map(),
  };
  const { order, cycles } = orderByDependency(command.items);
  const answers: SubmitAnswer[] = [];
  for (const at of order) {
    const item = command.items[at]!;
    const cycle = cycles.get(at);
    answers[at] = cycle === undefined ? submitOne(state, batch, item) : cyclic(cycle);
  }
  const isRefused = command.allOrNothing && answers.some((answer) => answer.kind === 'refusal');
  if (isRefused) return accept([], answers.map(unlessRefused));
  return accept([...batch.classes.events, ...batch.events], answers);
}

function submitOne(state: State, batch: Batch, item: SubmitItem): SubmitAnswer {
  const existing = existingJob(state, batch, item);
  if (existing !== undefined) return existing;
  const { tenant, command } = batch;
  const limit = tenant.entity.maxQueuedJobs;
  if (tenant.queuedJobs + batch.events.length >= limit) {
    const name = tenantName(tenant.entity.id);
    const message = `${name} has ${limit} jobs queued, its limit; submit more when some have run`;
    return refuse('RESOURCE_EXHAUSTED', 'TOO_MANY_QUEUED_JOBS', message, {
      quota: [{ subject: name, description: `${limit} queued jobs` }],
    });
  }
  const after = resolveAfter(state, batch, item);
  if ('kind' in after) return after;
  const uid = state.incarnation * UIDS_PER_INCARNATION + state.nextJob + batch.events.length;
  const value: JobSubmitted = {
    uid,
    tenant: command.tenant,
    job: item.id,
    jobSet: item.jobSet,
    user: command.user,
    class: batch.classes.numberOf(command.tenant, item.jobClass, item.classKey),
    specDigest: item.specDigest,
    keyDigest: item.keyDigest,
    expectedRunMs: item.expectedRunMs,
    held: item.held,
    after: after.uids,
    afterAny: after.any,
  };
  batch.events.push({ kind: { $case: 'jobSubmitted', value } });
  batch.byId.set(item.id, { uid, item });
  if (hasKey(item)) batch.byKey.set(keyText(item), { uid, item });
  return { kind: 'submitted', uid, existed: false };
}

/** The same id or key with the same specification is the same job; with another one it is a mistake. */
function existingJob(state: State, batch: Batch, item: SubmitItem): SubmitAnswer | undefined {
  const ofId = batch.byId.get(item.id);
  const inBatch = hasKey(item) ? batch.byKey.get(keyText(item)) : ofId;
  if (inBatch !== undefined && hasKey(inBatch.item) === hasKey(item)) {
    if (!sameBytes(inBatch.item.specDigest, item.specDigest)) return conflict(item);
    return { kind: 'submitted', uid: inBatch.uid, existed: true };
  }
  if (ofId !== undefined) return conflict(item);
  const { jobs } = state;
  const rowOfId = jobs.rowOfId(batch.command.tenant, item.id);
  const row = hasKey(item) ? jobs.rowOfKey(item.keyDigest) : rowOfId;
  if (row === undefined) return rowOfId === undefined ? undefined : conflict(item);
  if (!jobs.hasDigest(row, item.specDigest)) return conflict(item);
  return { kind: 'submitted', uid: jobs.uid[row]!, existed: true };
}

function conflict(item: SubmitItem): Refusal {
  const message = `job ${item.id} or its idempotency key exists with another specification; take another id`;
  return refuse('ALREADY_EXISTS', 'JOB_EXISTS', message, { metadata: { jobId: item.id } });
}

function resolveAfter(
  state: State,
  batch: Batch,
  item: SubmitItem,
): { readonly uids: number[]; readonly any: boolean[] } | Refusal {
  if (item.after.length === 0) return NOBODY;
  const uids: number[] = [];
  const any: boolean[] = [];
  for (const { job, any: mayEndAnyhow } of item.after) {
    const inBatch = batch.byId.get(job)?.uid;
    const row = state.jobs.rowOfId(batch.command.tenant, job);
    if (inBatch === undefined && row === undefined) {
      const message = `job ${item.id} waits for ${job}, which does not exist, was refused, or ended more than a day ago`;
      return refuse('FAILED_PRECONDITION', 'AFTER_NOT_FOUND', message);
    }
    if (inBatch === undefined && row !== undefined && isJobFinal(state.jobs.stateOf(row))) {
      if (mayEndAnyhow || state.jobs.stateOf(row) === JobState.SUCCEEDED) continue;
      const message = `job ${item.id} waits for ${job}, which has ended without success`;
      return refuse('FAILED_PRECONDITION', 'AFTER_FAILED', message);
    }
    // One of the two is known, or the job would have been refused above.
    const uid = inBatch ?? state.jobs.uid[row!]!;
    if (uids.includes(uid)) continue;
    uids.push(uid);
    any.push(mayEndAnyhow);
  }
  return { uids, any };
}

function cyclic(path: readonly string[]): Refusal {
  const message = `jobs wait for each other: ${path.join(' → ')}; take one of these out of \`after\``;
  return refuse('INVALID_ARGUMENT', 'AFTER_CYCLE', message);
}

function unlessRefused(answer: SubmitAnswer): SubmitAnswer {
  if (answer.kind === 'refusal') return answer;
  return refuse(
    'ABORTED',
    'OTHER_JOB_REFUSED',
    'another job of this all-or-nothing batch was refused; none was accepted',
  );
}

const NOBODY: { readonly uids: number[]; readonly any: boolean[] } = { uids: [], any: [] };

function hasKey(item: SubmitItem): boolean {
  return item.keyDigest.length > 0;
}

function keyText(item: SubmitItem): string {
  return item.keyDigest.join(' ');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
