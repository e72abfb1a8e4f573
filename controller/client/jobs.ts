// Jobs: submit, watch, wait, change, and ask why.
import { randomUUID } from 'node:crypto';
import { EventServiceService, type Event } from '#gen/isobar/v1/event.ts';
import {
  CancelJobsRequest,
  type ChangeJobsResponse,
  ExplainJobRequest,
  type ExplainJobResponse,
  GetJobRequest,
  HoldJobsRequest,
  type Job,
  JobSelector,
  JobServiceService,
  JobState,
  JobSubmission,
  ListJobsRequest,
  ReadLogsRequest,
  type ReadLogsResponse,
  ReleaseJobsRequest,
  ReprioritizeJobsRequest,
  RequeueJobsRequest,
  SimulateJobsRequest,
  type SimulateJobsResponse,
  SubmitJobRequest,
  type SubmitJobResult,
  SubmitJobsRequest,
  type SubmitJobsResponse,
} from '#gen/isobar/v1/job.ts';
import {
  type Connection,
  type ListOptions,
  pageFields,
  type ReadOptions,
  type WriteOptions,
} from './connection.ts';
import { type Finding, pathText } from './fields.ts';
import { IsobarError } from './isobar-error.ts';
import { type BuiltJob, buildJob } from './job-builder.ts';
import type { JobInput } from './job-input.ts';
import { Listing } from './listing.ts';
import { type JobRef, jobRefOf, tenantNameOf } from './names.ts';
import { type CallOptions, type ClientOf, makeClient } from './rpc.ts';
import { submitMany, type SubmitManyOptions } from './submit-stream.ts';
import { endings, type WaitPorts } from './wait.ts';
import { watchEvents, type WatchOptions } from './watch.ts';

export interface ListJobsOptions extends ListOptions {
  /** Id of the tenant, or `-` for all that the caller may see. Default: the context's. */
  readonly tenant?: string | undefined;
  readonly set?: string | undefined;
  readonly states?: readonly (keyof typeof JobState)[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** `tenants/{tenant}/users/{user}`. */
  readonly user?: string | undefined;
  readonly includeSpec?: boolean | undefined;
}

export interface LogOptions extends CallOptions {
  /** Of the run; left out: the newest. */
  readonly epoch?: number | undefined;
  /** The run before the newest. */
  readonly previous?: boolean | undefined;
  readonly rank?: number | undefined;
  readonly follow?: boolean | undefined;
  readonly tailLines?: number | undefined;
}

/** Jobs by name or id, all of one tenant, or all jobs of a set. */
export type Selection =
  | string
  | readonly string[]
  | { readonly set: string; readonly tenant?: string };

export class Jobs {
  readonly #rpc: ClientOf<JobServiceService>;
  readonly #events: ClientOf<EventServiceService>;
  readonly #tenant: string;

  constructor({ channel, tenant }: Connection) {
    this.#rpc = makeClient(JobServiceService, channel);
    this.#events = makeClient(EventServiceService, channel);
    this.#tenant = tenant;
  }

  /** Answers the accepted job, or the one that exists already with the same id and specification. */
  async submit(input: JobInput | BuiltJob, options: WriteOptions = {}): Promise<Job> {
    const { tenant, submission } = built(input);
    const parent = this.#parent(tenant);
    const job = withKey(submission);
    const { validateOnly = false } = options;
    return this.#rpc.submitJob(SubmitJobRequest.create({ parent, job, validateOnly }), options);
  }

  /** Up to 10,000 jobs of one tenant in one call, each accepted or refused for itself unless `allOrNothing`. */
  async submitBatch(
    inputs: readonly (JobInput | BuiltJob)[],
    options: WriteOptions & { readonly allOrNothing?: boolean | undefined } = {},
  ): Promise<SubmitJobsResponse> {
    const { parent, jobs } = this.#batch(inputs);
    const { allOrNothing = false, validateOnly = false } = options;
    const request = SubmitJobsRequest.create({ parent, jobs, allOrNothing, validateOnly });
    return this.#rpc.submitJobs(request, options);
  }

  /** Any number of jobs of one tenant. A result for each, in order; a lost connection is picked up again. */
  submitMany(
    inputs: Iterable<JobInput | BuiltJob> | AsyncIterable<JobInput | BuiltJob>,
    options: SubmitManyOptions & { readonly tenant?: string | undefined } = {},
  ): AsyncIterable<SubmitJobResult> {
    const parent = this.#parent(options.tenant ?? '');
    async function* submissions(): AsyncGenerator<JobSubmission, void, undefined> {
      for await (const input of inputs) yield withKey(built(input).submission);
    }
    return submitMany(this.#rpc, parent, submissions(), options);
  }

  async get(job: string, options: ReadOptions = {}): Promise<Job> {
    const { minRevision = 0 } = options;
    return this.#rpc.getJob(GetJobRequest.create({ name: this.#name(job), minRevision }), options);
  }

  /** Newest first, ended ones included. */
  list(options: ListJobsOptions = {}): Listing<Job> {
    return new Listing(async (pageToken) => {
      const request = ListJobsRequest.create({
        parent: this.#parent(options.tenant ?? ''),
        ...pageFields(options, pageToken),
        jobSet: options.set ?? '',
        states: (options.states ?? []).map((state) => JobState[state]),
        labels: options.labels ?? {},
        user: options.user ?? '',
        includeSpec: options.includeSpec ?? false,
      });
      const { jobs, nextPageToken, revision } = await this.#rpc.listJobs(request, options);
      return { items: jobs.map((job) => ({ ...job, revision })), nextPageToken, revision };
    });
  }

  /** Events of one job from a revision on, its runs' included. */
  watch(job: string, options: Omit<WatchOptions, 'job' | 'set'> = {}): AsyncIterable<Event> {
    const ref = jobRefOf(job, this.#tenant);
    return watchEvents(this.#events, tenantNameOf(ref.tenant), { ...options, job: ref.job });
  }

  /** The job when it has ended, however it ended. */
  async wait(job: string, options: Pick<WatchOptions, 'signal' | 'onResume'> = {}): Promise<Job> {
    for await (const ended of this.endings([job], options)) return ended;
    throw new IsobarError(`${job} did not end`, { code: 'CANCELLED' });
  }

  /** Each of the selected jobs as it ends. A set is what it holds now. */
  async *endings(
    selection: Selection,
    options: Pick<WatchOptions, 'signal' | 'onResume'> = {},
  ): AsyncGenerator<Job, void, undefined> {
    const selector = this.#selector(selection);
    const { signal } = options;
    const ports: WaitPorts = {
      get: (name, minRevision) => this.get(name, { minRevision, signal }),
      watch: (watching) => watchEvents(this.#events, selector.parent, watching),
    };
    if (selector.jobSet === '') {
      const names = selector.jobIds.map((id) => `${selector.parent}/jobs/${id}`);
      yield* endings(ports, names, options);
      return;
    }
    const tenant = selector.parent.slice('tenants/'.length);
    const known = await this.list({ tenant, set: selector.jobSet, signal }).all();
    const names = known.map(({ name }) => name);
    yield* endings(ports, names, { ...options, set: selector.jobSet }, known);
  }

  async cancel(
    selection: Selection,
    options: WriteOptions & { readonly message?: string | undefined } = {},
  ): Promise<ChangeJobsResponse> {
    const { message = '' } = options;
    return this.#rpc.cancelJobs(
      CancelJobsRequest.create({ ...this.#change(selection, options), message }),
      options,
    );
  }

  async hold(selection: Selection, options: WriteOptions = {}): Promise<ChangeJobsResponse> {
    return this.#rpc.holdJobs(HoldJobsRequest.create(this.#change(selection, options)), options);
  }

  async release(selection: Selection, options: WriteOptions = {}): Promise<ChangeJobsResponse> {
    const request = ReleaseJobsRequest.create(this.#change(selection, options));
    return this.#rpc.releaseJobs(request, options);
  }

  async requeue(selection: Selection, options: WriteOptions = {}): Promise<ChangeJobsResponse> {
    const request = RequeueJobsRequest.create(this.#change(selection, options));
    return this.#rpc.requeueJobs(request, options);
  }

  async reprioritize(
    selection: Selection,
    priority: number,
    options: WriteOptions = {},
  ): Promise<ChangeJobsResponse> {
    return this.#rpc.reprioritizeJobs(
      ReprioritizeJobsRequest.create({ ...this.#change(selection, options), priority }),
      options,
    );
  }

  /** Why it waits, or where it went and why there. */
  async why(job: string, options: CallOptions = {}): Promise<ExplainJobResponse> {
    return this.#rpc.explainJob(ExplainJobRequest.create({ name: this.#name(job) }), options);
  }

  /** What would happen to these jobs now. */
  async simulate(
    inputs: readonly (JobInput | BuiltJob)[],
    options: CallOptions = {},
  ): Promise<SimulateJobsResponse> {
    return this.#rpc.simulateJobs(SimulateJobsRequest.create(this.#batch(inputs)), options);
  }

  /** What a task wrote, in pieces as it comes. */
  logs(job: string, options: LogOptions = {}): AsyncIterable<ReadLogsResponse> {
    const request = ReadLogsRequest.create({
      name: this.#name(job),
      epoch: options.epoch ?? 0,
      previous: options.previous ?? false,
      rank: options.rank ?? 0,
      follow: options.follow ?? false,
      tailLines: options.tailLines ?? 0,
    });
    return this.#rpc.readLogs(request, options);
  }

  #parent(tenant: string): string {
    const id = tenant || this.#tenant;
    if (id === '') throw invalid('no tenant: name one in the call or in the context', 'NO_TENANT');
    return tenantNameOf(id);
  }

  #name(job: string): string {
    const ref = jobRefOf(job, this.#tenant);
    return `tenants/${ref.tenant}/jobs/${ref.job}`;
  }

  #batch(inputs: readonly (JobInput | BuiltJob)[]): { parent: string; jobs: JobSubmission[] } {
    const jobs = inputs.map(built);
    return {
      parent: this.#parent(oneTenant(jobs.map(({ tenant }) => tenant || this.#tenant))),
      jobs: jobs.map(({ submission }) => withKey(submission)),
    };
  }

  #change(selection: Selection, { validateOnly = false }: WriteOptions) {
    return { selector: this.#selector(selection), validateOnly };
  }

  #selector(selection: Selection): JobSelector {
    if (typeof selection === 'object' && 'set' in selection) {
      const parent = this.#parent(selection.tenant ?? '');
      return JobSelector.create({ parent, jobSet: selection.set });
    }
    const names = typeof selection === 'string' ? [selection] : selection;
    const refs: JobRef[] = names.map((name) => jobRefOf(name, this.#tenant));
    return JobSelector.create({
      parent: this.#parent(oneTenant(refs.map(({ tenant }) => tenant))),
      jobIds: refs.map(({ job }) => job),
    });
  }
}

function built(input: JobInput | BuiltJob): BuiltJob {
  if ('submission' in input) return input;
  const { job, findings } = buildJob(input);
  if (job === undefined) throw badJob(findings);
  return job;
}

/** With neither id nor key a retry on the wire would make a second job. */
function withKey(submission: JobSubmission): JobSubmission {
  if (submission.jobId !== '' || submission.idempotencyKey !== '') return submission;
  return { ...submission, idempotencyKey: randomUUID() };
}

function oneTenant(tenants: readonly string[]): string {
  const [first = '', ...others] = new Set(tenants);
  if (others.length === 0) return first;
  const all = [first, ...others].join(', ');
  throw invalid(`jobs of several tenants (${all}): one call serves one tenant`, 'SEVERAL_TENANTS');
}

function badJob(findings: readonly Finding[]): IsobarError {
  const violations = findings.map(({ path, atKey, message }) => ({
    field: pathText(atKey ? path.slice(0, -1) : path),
    description: message,
  }));
  return new IsobarError('the job is not well formed', {
    code: 'INVALID_ARGUMENT',
    reason: 'INVALID_JOB',
    violations,
  });
}

function invalid(message: string, reason: string): IsobarError {
  return new IsobarError(message, { code: 'INVALID_ARGUMENT', reason });
}
