// Why a job waits, and what would happen to jobs that nobody has submitted.
import { reason } from '#domain/reasons.ts';
import { isJobFinal } from '#domain/states.ts';
import type {
  ExplainJobResponse,
  JobSubmission,
  SimulatedJob,
  SimulateJobsResponse,
  Verdict as VerdictView,
} from '#gen/isobar/v1/job.ts';
import type { Reason } from '#gen/isobar/v1/resources.ts';
import { look } from '#loop/ask.ts';
import { toReason } from '#loop/views.ts';
import { explainRow, suppose, verdictsOf, type Supposed, type Verdict } from '#loop/what-if.ts';
import type { SubmitJobResult } from '#gen/isobar/v1/job.ts';
import { NOT_FOUND } from '../authorize.ts';
import type { JobRef } from '../convert/fields.ts';
import type { IdMaker } from '../convert/submission.ts';
import { RefusalError } from '../errors.ts';
import type { CallContext } from '../running-call.ts';
import type { Parts } from './parts.ts';
import { readJob } from './read-jobs.ts';
import { convert, submitItems } from './submit.ts';

/** Verdicts of so many pairs of job and data center fit into an answer; beyond, only the first job of each kind has them. */
const MAX_VERDICTS = 20_000;
/** Kinds of jobs whose verdicts are computed: each looks at every data center. */
const MAX_JUDGED = 200;

export async function explainJob(
  parts: Parts,
  ref: JobRef,
  { signal }: CallContext,
): Promise<ExplainJobResponse> {
  const job = await readJob(parts, ref);
  if (job === undefined) throw new RefusalError(NOT_FOUND);
  const { value: explained } = await look(parts.loop, ({ jobs }) => {
    const row = jobs.rowOf(job.uid);
    return row === undefined || isJobFinal(jobs.stateOf(row))
      ? undefined
      : explainRow(parts.loop, row);
  });
  if (explained === undefined) return { job, blocked: undefined, verdicts: [], jobsAhead: 0 };
  const verdicts = await verdictsOf(parts, explained.jobClass, signal);
  return {
    job,
    blocked: explained.blocked && toReason(explained.blocked),
    verdicts: verdicts.map(toView),
    jobsAhead: explained.jobsAhead,
  };
}

export async function simulateJobs(
  parts: Parts,
  ids: IdMaker,
  tenant: string,
  jobs: readonly JobSubmission[],
  context: CallContext,
): Promise<SimulateJobsResponse> {
  const { signal } = context;
  const converted = await convert(parts, ids, tenant, jobs, signal);
  const items = converted.flatMap((one) => (one.kind === 'ready' ? [one.item] : []));
  const { value, revision } = await submitItems(parts, tenant, items, false, true, context);

  // 1. What the core would refuse, or keep from the queue, is not placed.
  const fates: (Reason | 'placed')[] = [];
  let at = 0;
  for (const one of converted) {
    if (one.kind === 'refusal') fates.push(reasonOf(one.refusal.reason, one.refusal.message));
    else fates.push(fateOf(value.results[at++], one.item));
  }
  // 2. The rest goes through the scheduler's pass.
  const placed = converted.flatMap((one, i) =>
    one.kind === 'ready' && fates[i] === 'placed' ? [one.item] : [],
  );
  const owner = parts.loop.state.tenants.get(tenant);
  if (owner === undefined) throw new RefusalError(NOT_FOUND);
  const shapes = placed.map(({ classKey, jobClass }) => ({ key: classKey, shape: jobClass }));
  const supposed = await suppose(parts, owner, shapes, signal);
  // 3. Each kind of job is told what every data center says to it.
  const judged = await judge(parts, supposed, signal);
  let next = 0;
  return {
    jobs: converted.map((one, i): SimulatedJob => {
      const fate = fates[i];
      const given = jobs[i]?.jobId ?? '';
      const jobId = given === '' ? `#${i + 1}` : given;
      if (fate !== 'placed') return { jobId, dataCenter: '', reason: fate, verdicts: [] };
      const place = supposed[next++];
      const { dataCenter = '', reason: why } = place ?? {};
      return { jobId, dataCenter, reason: why && toReason(why), verdicts: judged.of(place) };
    }),
    revision,
  };
}

function fateOf(
  result: SubmitJobResult | undefined,
  item: { readonly held: boolean; readonly after: readonly { readonly job: string }[] },
): Reason | 'placed' {
  if (result?.error !== undefined) return reasonOf(result.error.reason, result.error.message);
  if (result?.existed === true)
    return reasonOf('JOB_EXISTS', 'it has been submitted already; nothing new would happen');
  if (item.held) return toReason(reason('HELD'));
  const [first] = item.after;
  if (first !== undefined) {
    return toReason(reason('WAITS_FOR_JOBS', { needed: item.after.length, subject: first.job }));
  }
  return 'placed';
}

function reasonOf(code: string, message: string): Reason {
  return { code, message, dataCenter: '', subject: '', needed: 0, available: 0 };
}

/** Verdicts by class; for a class whose verdicts were given before, or that comes too late, none. */
async function judge(parts: Parts, supposed: readonly Supposed[], signal: AbortSignal) {
  const classes = [...new Set(supposed.map(({ jobClass }) => jobClass))].slice(0, MAX_JUDGED);
  const found = new Map<object, VerdictView[]>();
  for (const jobClass of classes) {
    found.set(jobClass, (await verdictsOf(parts, jobClass, signal)).map(toView));
  }
  const everyJob = supposed.length * parts.loop.state.dataCenters.size <= MAX_VERDICTS;
  return {
    of(place: Supposed | undefined): VerdictView[] {
      if (place === undefined) return [];
      const verdicts = found.get(place.jobClass) ?? [];
      if (!everyJob) found.delete(place.jobClass);
      return verdicts;
    },
  };
}

function toView({ dataCenter, reason: why, score, terms }: Verdict): VerdictView {
  return {
    dataCenter,
    feasible: why === undefined,
    reason: why && toReason(why),
    score,
    terms: [...terms],
  };
}
