// JobService: submission, reading, changes, why and what-if, and the output of tasks.
import { isWithin, MAX_PRIORITY } from '#domain/job-rules.ts';
import { checkLabels } from '#domain/labels.ts';
import { jobName, parseName, userName } from '#domain/names.ts';
import {
  REFUSAL_CODES,
  refuse,
  refuseFields,
  type RefusalCode,
  type Wrong,
} from '#domain/refusal.ts';
import { JobState } from '#domain/states.ts';
import {
  Job,
  JobServiceService,
  type SubmitError,
  type SubmitJobsRequest,
} from '#gen/isobar/v1/job.ts';
import type { ChangeJobs } from '#loop/requests.ts';
import { NOT_FOUND } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import { checkLine, jobConcern, tenantConcern, tenantsConcern } from '../convert/fields.ts';
import { numberOf, pageOf, tokenOf } from '../convert/paging.ts';
import { IdMaker } from '../convert/submission.ts';
import { RefusalError } from '../errors.ts';
import type { CallContext } from '../running-call.ts';
import { changeJobs, selectionOf, type Selection } from './change-jobs.ts';
import { serverStream, unary } from './checked.ts';
import { explainJob, simulateJobs } from './explain-jobs.ts';
import { listJobs } from './list-jobs.ts';
import type { LogRouter } from './log-router.ts';
import { reached, type Parts } from './parts.ts';
import { readJob } from './read-jobs.ts';
import { readLogs } from './read-logs.ts';
import { convert, submitBatch, submitItems, submitterOf, type Batch } from './submit.ts';
import { submitStream } from './submit-stream.ts';

const MAX_BATCH = 10_000;
const MAX_MESSAGE = 256;

export function jobHandlers(parts: Parts, router: LogRouter): Handlers<JobServiceService> {
  const ids = new IdMaker(parts.random);
  return {
    submitJob: unary(
      ({ parent, job, validateOnly }, wrong) => {
        const { tenant, concern } = tenantConcern(parent, 'parent', wrong);
        if (job === undefined) wrong('job', 'is missing; give the job to submit');
        const jobs = job === undefined ? [] : [job];
        return { concern, parsed: { tenant, jobs, allOrNothing: false, validateOnly } };
      },
      (batch, context) => submitOne(parts, ids, batch, context),
    ),
    submitJobs: unary(
      (request, wrong) => {
        const { concern, batch } = batchOf(request, wrong);
        return { concern, parsed: batch };
      },
      (batch, context) => submitBatch(parts, ids, batch, context),
    ),
    submitJobStream: submitStream(parts, ids, batchOf),
    getJob: unary(
      ({ name, minRevision }, wrong) => {
        const { ref, concern } = jobConcern(name, 'name', wrong);
        return { concern, parsed: { ref, minRevision } };
      },
      async ({ ref, minRevision }, { signal }) => {
        await reached(parts.loop, minRevision, signal);
        const job = await readJob(parts, ref);
        if (job === undefined) throw new RefusalError(NOT_FOUND);
        return job;
      },
    ),
    listJobs: unary(
      (request, wrong) => {
        const { tenant, concern } = tenantsConcern(request.parent, 'parent', wrong);
        const { size, after } = pageOf(request, 'jobs', wrong);
        checkLabels(request.labels, 'labels', wrong);
        const isUser = parseName('tenants/*/users/*', request.user) !== undefined;
        if (request.user !== '' && !isUser) {
          wrong('user', 'must be tenants/{tenant}/users/{user}, or empty for all');
        }
        const states = new Set<JobState>();
        for (const [i, state] of request.states.entries()) {
          if (isWithin(state, JobState.QUEUED, JobState.CANCELLED)) states.add(state as JobState); // in the table
          else wrong(`states[${i}]`, 'is no state of a job');
        }
        const { jobSet, labels, user, includeSpec, minRevision } = request;
        const beforeUid = numberOf(after, 'page_token', wrong);
        const query = {
          tenant,
          jobSet,
          labels,
          user,
          includeSpec,
          minRevision,
          states,
          size,
          beforeUid,
        };
        return { concern, parsed: query };
      },
      async (query, context) => {
        const { jobs, nextBeforeUid, revision } = await listJobs(parts, query, context);
        const nextPageToken = nextBeforeUid === 0 ? '' : tokenOf('jobs', String(nextBeforeUid));
        return { jobs: [...jobs], nextPageToken, revision };
      },
    ),
    cancelJobs: unary(
      ({ selector, message, validateOnly }, wrong) => {
        const { concern, selection } = selectionOf(selector, wrong);
        checkLine(message, 'message', MAX_MESSAGE, wrong);
        return { concern, parsed: { selection, validateOnly, verb: verb('cancel', 0, message) } };
      },
      (request, context) => changed(parts, request, context),
    ),
    holdJobs: plainChange(parts, 'hold'),
    releaseJobs: plainChange(parts, 'release'),
    requeueJobs: plainChange(parts, 'requeue'),
    reprioritizeJobs: unary(
      ({ selector, priority, validateOnly }, wrong) => {
        const { concern, selection } = selectionOf(selector, wrong);
        if (!isWithin(priority, -MAX_PRIORITY, MAX_PRIORITY)) {
          wrong('priority', `is ${priority}, must be from -${MAX_PRIORITY} to ${MAX_PRIORITY}`);
        }
        return {
          concern,
          parsed: { selection, validateOnly, verb: verb('reprioritize', priority, '') },
        };
      },
      (request, context) => changed(parts, request, context),
    ),
    explainJob: unary(
      ({ name }, wrong) => {
        const { ref, concern } = jobConcern(name, 'name', wrong);
        return { concern, parsed: ref };
      },
      (ref, context) => explainJob(parts, ref, context),
    ),
    simulateJobs: unary(
      ({ parent, jobs }, wrong) => {
        const { tenant, concern } = tenantConcern(parent, 'parent', wrong);
        checkCount(jobs.length, wrong);
        return { concern, parsed: { tenant, jobs } };
      },
      ({ tenant, jobs }, context) => simulateJobs(parts, ids, tenant, jobs, context),
    ),
    readLogs: serverStream(
      ({ name, ...query }, wrong) => {
        const { ref, concern } = jobConcern(name, 'name', wrong);
        if (query.epoch > 0 && query.previous)
          wrong('previous', 'says which run, and so does epoch; give one of them');
        return { concern, parsed: { ref, ...query } };
      },
      (query, send, { signal }) => readLogs(parts, router, query, send, signal),
    ),
  };
}

function batchOf({ parent, jobs, allOrNothing, validateOnly }: SubmitJobsRequest, wrong: Wrong) {
  const { tenant, concern } = tenantConcern(parent, 'parent', wrong);
  checkCount(jobs.length, wrong);
  return { concern, batch: { tenant, jobs, allOrNothing, validateOnly } };
}

function checkCount(count: number, wrong: Wrong): void {
  if (!isWithin(count, 1, MAX_BATCH))
    wrong('jobs', `has ${count} entries, must have 1 to ${MAX_BATCH}`);
}

/** The job as it was accepted, as it is when it existed already, or as it would be. */
async function submitOne(
  parts: Parts,
  ids: IdMaker,
  { tenant, jobs, validateOnly }: Batch,
  context: CallContext,
): Promise<Job> {
  const [converted] = await convert(parts, ids, tenant, jobs, context.signal);
  if (converted === undefined) throw new Error('a request without a job passed its check');
  if (converted.kind === 'refusal') throw new RefusalError(converted.refusal);
  const { item, spec } = converted;
  const { value, revision } = await submitItems(
    parts,
    tenant,
    [item],
    false,
    validateOnly,
    context,
  );
  const [result] = value.results;
  if (result === undefined) throw new Error('a submission without an answer');
  if (result.error !== undefined) throw new RefusalError(fromSubmitError(result.error));
  if (result.existed) {
    const job = await readJob(parts, { tenant, job: result.jobId });
    if (job !== undefined) return job;
  }
  // The scheduler may have placed it by now; what the caller is told was true at the revision of the submission.
  return {
    ...Job.create(),
    name: jobName(tenant, item.id),
    uid: result.uid,
    spec,
    user: userName(tenant, submitterOf(context, tenant)),
    jobSet: spec.jobSet,
    labels: spec.labels,
    state: spec.hold ? JobState.HELD : JobState.QUEUED,
    priority: spec.priority,
    createTime: validateOnly ? undefined : new Date(value.timeMs),
    revision,
  };
}

function fromSubmitError({ code, reason, message, fieldViolations }: SubmitError) {
  if (fieldViolations.length > 0) return refuseFields(fieldViolations);
  const [name = 'INTERNAL'] =
    Object.entries(REFUSAL_CODES).find(([, number]) => number === code) ?? [];
  return refuse(name as RefusalCode, reason, message); // a key of the table
}

interface Change {
  readonly selection: Selection;
  readonly validateOnly: boolean;
  readonly verb: Pick<ChangeJobs, 'verb' | 'priority' | 'message'>;
}

function changed(parts: Parts, request: Change, context: CallContext) {
  return changeJobs(parts, request.selection, request.verb, request.validateOnly, context);
}

function verb(name: ChangeJobs['verb'], priority: number, message: string): Change['verb'] {
  return { verb: name, priority, message };
}

function plainChange(parts: Parts, name: 'hold' | 'release' | 'requeue') {
  return unary(
    (request: Parameters<Handlers<JobServiceService>['holdJobs']['handle']>[0], wrong) => {
      const { concern, selection } = selectionOf(request.selector, wrong);
      return {
        concern,
        parsed: { selection, validateOnly: request.validateOnly, verb: verb(name, 0, '') },
      };
    },
    (request: Change, context) => changed(parts, request, context),
  );
}
