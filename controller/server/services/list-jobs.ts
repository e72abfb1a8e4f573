// Lists of jobs, newest first. The log holds all of them; what is live is overlaid from memory, so that a list shows what is
// true now. A list of live states alone is read from memory: the few that run are found among a million that wait.
import { isJobFinal, type JobState } from '#domain/states.ts';
import { type Job, JobSpec } from '#gen/isobar/v1/job.ts';
import { look } from '#loop/ask.ts';
import type { State } from '#loop/requests.ts';
import { LIVE_STATES, toJobView } from '#loop/views.ts';
import type { ListedJob } from '#ports/log.ts';
import type { CallContext } from '../running-call.ts';
import { Best } from './best.ts';
import { reached, type Parts } from './parts.ts';
import { endedView, labelsOf, readSpecs } from './read-jobs.ts';
import { seesOf, tenantIdsOf } from './scope.ts';

/** Pages of the log that one request may look through before it answers what it has found. */
const MAX_READS = 8;
const READ_SIZE = 1000;

export interface JobsQuery {
  /** Undefined: all that the caller may see. */
  readonly tenant: string | undefined;
  readonly jobSet: string;
  readonly states: ReadonlySet<JobState>;
  readonly labels: { readonly [key: string]: string };
  /** Resource name; empty: all. */
  readonly user: string;
  readonly includeSpec: boolean;
  readonly minRevision: number;
  /** 0: from the newest. */
  readonly beforeUid: number;
  readonly size: number;
}

export interface JobsPage {
  readonly jobs: readonly Job[];
  /** 0: that was the last page. */
  readonly nextBeforeUid: number;
  readonly revision: number;
}

export async function listJobs(
  parts: Parts,
  query: JobsQuery,
  context: CallContext,
): Promise<JobsPage> {
  await reached(parts.loop, query.minRevision, context.signal);
  const { states, labels } = query;
  const onlyLive = states.size > 0 && [...states].every((state) => LIVE_STATES.includes(state));
  const fromMemory = onlyLive && Object.keys(labels).length === 0;
  return fromMemory ? listLive(parts, query, context) : listStored(parts, query, context);
}

async function listLive(parts: Parts, query: JobsQuery, context: CallContext): Promise<JobsPage> {
  const { loop } = parts;
  const { value, revision } = await look(loop, (state) => {
    const best = new Best<number>(query.size + 1);
    for (const row of matchingRows(state, query, context)) best.offer(state.jobs.uid[row]!, row);
    const rows = best.take();
    const more = rows.length > query.size;
    return { views: rows.slice(0, query.size).map((row) => toJobView(state, row)), more };
  });
  const specs = await readSpecs(
    loop,
    value.views.map(({ uid }) => uid),
  );
  const jobs = value.views.map((view, i) => {
    const spec = specs[i];
    return { ...view, labels: spec?.labels ?? {}, spec: query.includeSpec ? spec : undefined };
  });
  return { jobs, nextBeforeUid: value.more ? (jobs.at(-1)?.uid ?? 0) : 0, revision };
}

function* matchingRows(state: State, query: JobsQuery, context: CallContext): Iterable<number> {
  const { jobs } = state;
  const { tenant, states, beforeUid, user } = query;
  const set = query.jobSet === '' ? undefined : jobs.jobSets.find(query.jobSet);
  if (query.jobSet !== '' && set === undefined) return;
  const sees = seesOf(state, context, tenant);
  const rows = tenant === undefined ? allRows(state) : jobs.rowsOfTenant(tenant);
  for (const row of rows) {
    if (beforeUid !== 0 && jobs.uid[row]! >= beforeUid) continue;
    if (!states.has(jobs.stateOf(row)) || (set !== undefined && jobs.jobSet[row] !== set)) continue;
    if (!sees(jobs.tenantOf(row))) continue;
    if (user !== '' && !isUser(user, jobs.tenantOf(row), jobs.userOf(row))) continue;
    yield row;
  }
}

function* allRows(state: State): Iterable<number> {
  const { jobs } = state;
  // A free row has the uid -1 and is in no state.
  for (let row = 0; row < jobs.end; row++) if (jobs.uid[row]! > 0) yield row;
}

async function listStored(parts: Parts, query: JobsQuery, context: CallContext): Promise<JobsPage> {
  const { loop, log } = parts;
  const { tenant, jobSet, user, includeSpec, size } = query;
  // The log must not be behind what memory will say of its jobs.
  const { value: tenants, revision: begun } = await look(loop, (state) =>
    tenantIdsOf(state, context, tenant),
  );
  if (tenants?.length === 0) return { jobs: [], nextBeforeUid: 0, revision: begun };
  const selection = {
    tenants,
    jobSet,
    // Of several tenants a user may have jobs under the id alone and under the whole name.
    user: tenant === undefined ? '' : storedUser(user, tenant),
    labels: Object.entries(query.labels).map(([key, value]) => `${key}=${value}`),
    withSpec: includeSpec,
  };
  const found: Job[] = [];
  let beforeUid = query.beforeUid;
  let revision = begun;
  for (let reads = 0; reads < MAX_READS; reads++) {
    context.signal.throwIfAborted();
    const filters = query.states.size > 0 || (user !== '' && tenant === undefined);
    const limit = filters ? READ_SIZE : size - found.length + 1;
    const listed = await log.listJobs({ ...selection, beforeUid, limit });
    const page = await overlay(parts, listed, includeSpec);
    revision = page.revision;
    for (const [i, job] of page.jobs.entries()) {
      // The uid of the row, whether or not the job has meanwhile been forgotten.
      const uid = listed[i]?.uid ?? 0;
      if (job !== undefined && matches(job, query)) {
        if (found.length === size) return { jobs: found, nextBeforeUid: beforeUid, revision };
        found.push(job);
      }
      beforeUid = uid;
    }
    if (listed.length < limit) return { jobs: found, nextBeforeUid: 0, revision };
  }
  return { jobs: found, nextBeforeUid: beforeUid, revision };
}

function matches(job: Job, { states, user }: JobsQuery): boolean {
  if (user !== '' && job.user !== user) return false;
  // The views of jobs hold states of the table only.
  return states.size === 0 || states.has(job.state as JobState);
}

/** Listed jobs as they are now; undefined: forgotten since. */
async function overlay(
  { loop, log }: Parts,
  listed: readonly ListedJob[],
  includeSpec: boolean,
): Promise<{ readonly jobs: readonly (Job | undefined)[]; readonly revision: number }> {
  const { value: live, revision } = await look(loop, (state) =>
    listed.map(({ uid, ended }) => {
      const row = ended === undefined ? state.jobs.rowOf(uid) : undefined;
      return row === undefined || isJobFinal(state.jobs.stateOf(row))
        ? undefined
        : toJobView(state, row);
    }),
  );
  const jobs = listed.map(async (stored, i) => {
    const view = live[i];
    if (view !== undefined) {
      const spec = includeSpec ? JobSpec.decode(stored.spec) : undefined;
      return { ...view, labels: labelsOf(stored.labels), spec };
    }
    if (stored.ended !== undefined) return endedView(stored, includeSpec);
    // It ended after it was listed, and its end is durable by now.
    const again = await log.getJob(stored.tenant, stored.job);
    return again?.ended === undefined || again.uid !== stored.uid
      ? undefined
      : endedView(again, includeSpec);
  });
  return { jobs: await Promise.all(jobs), revision };
}

/** How the log holds a user of a tenant's jobs: see submitterOf. */
function storedUser(name: string, tenant: string): string {
  const prefix = `tenants/${tenant}/users/`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function isUser(name: string, tenant: string, stored: string): boolean {
  return stored.includes('/') ? stored === name : name === `tenants/${tenant}/users/${stored}`;
}
