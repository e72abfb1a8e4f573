// Changes of jobs that exist: by their ids, or all that live of a set. A set may hold a million jobs, so it is changed in
// several commands, each short enough that everybody else gets a turn between them.
import { isJobFinal } from '#domain/states.ts';
import type { ChangeJobsResponse, JobRefusal, JobSelector } from '#gen/isobar/v1/job.ts';
import { look } from '#loop/ask.ts';
import type { ChangeJobs, State } from '#loop/requests.ts';
import type { Wrong } from '#domain/refusal.ts';
import { isId } from '#domain/names.ts';
import type { Concern } from '../authorize.ts';
import { tenantConcern } from '../convert/fields.ts';
import type { CallContext } from '../running-call.ts';
import { change, type Parts } from './parts.ts';

const MAX_IDS = 10_000;
const CHANGED_AT_ONCE = 2_000;
const MAX_TOLD = 10_000;

export interface Selection {
  readonly tenant: string;
  readonly ids: readonly string[];
  readonly jobSet: string;
}

/** Which jobs a request is about: exactly one of ids and set. */
export function selectionOf(
  selector: JobSelector | undefined,
  wrong: Wrong,
): { readonly concern: Concern | undefined; readonly selection: Selection } {
  const { tenant, concern } = tenantConcern(selector?.parent ?? '', 'selector.parent', wrong);
  const ids = selector?.jobIds ?? [];
  const jobSet = selector?.jobSet ?? '';
  if (ids.length > 0 && jobSet !== '') {
    wrong('selector', 'names jobs and a set; name one of them');
  } else if (ids.length === 0 && jobSet === '') {
    wrong('selector', 'names neither jobs nor a set; name one of them');
  }
  if (ids.length > MAX_IDS)
    wrong('selector.job_ids', `has ${ids.length} ids, at most ${MAX_IDS} are allowed`);
  if (jobSet !== '' && !isId(jobSet)) wrong('selector.job_set', 'is no id of a set');
  return { concern, selection: { tenant, ids, jobSet } };
}

export async function changeJobs(
  parts: Parts,
  { tenant, ids, jobSet }: Selection,
  verb: Pick<ChangeJobs, 'verb' | 'priority' | 'message'>,
  validateOnly: boolean,
  context: CallContext,
): Promise<ChangeJobsResponse> {
  const bySet = ids.length === 0;
  const found = bySet
    ? await look(parts.loop, (state) => liveIdsOf(state, tenant, jobSet))
    : undefined;
  const all = found?.value ?? ids;
  const changed: string[] = [];
  const refused: JobRefusal[] = [];
  let revision = found?.revision ?? 0;
  for (let at = 0; at < all.length; at += CHANGED_AT_ONCE) {
    context.signal.throwIfAborted();
    const selector = { tenant, ids: all.slice(at, at + CHANGED_AT_ONCE), jobSet: '' };
    const command: ChangeJobs = { kind: 'changeJobs', selector, ...verb };
    const done = await change(parts, context, command, validateOnly, (_, answer) => answer);
    revision = done.revision;
    changed.push(...done.value.changed);
    // Who names a set means what of it can be changed; only who names a job is told why it was not.
    if (!bySet) refused.push(...done.value.refused.map(({ id, code }) => refusalOf(id, code)));
  }
  changed.length = Math.min(changed.length, MAX_TOLD);
  return { changed, refused, revision };
}

function liveIdsOf({ jobs }: State, tenant: string, jobSet: string): readonly string[] {
  const set = jobs.jobSets.find(jobSet);
  const ids: string[] = [];
  if (set === undefined) return ids;
  for (const row of jobs.rowsOfTenant(tenant)) {
    if (jobs.jobSet[row] === set && !isJobFinal(jobs.stateOf(row))) ids.push(jobs.idOf(row));
  }
  return ids;
}

const WHY: Readonly<Record<string, string>> = {
  JOB_NOT_FOUND: 'there is no such job, or it ended more than a day ago; check the id',
  JOB_ENDED: 'it has ended; submit it again under another id',
  JOB_NOT_QUEUED: 'it does not wait in the queue; requeue it first if it runs',
  JOB_NOT_HELD: 'it is not held',
  JOB_NOT_RUNNING: 'it has no run to stop',
};

function refusalOf(jobId: string, code: string): JobRefusal {
  const numbers = { dataCenter: '', subject: jobId, needed: 0, available: 0 };
  return { jobId, reason: { code, message: WHY[code] ?? '', ...numbers } };
}
