// Submission: jobs are converted, submitted as one command, and answered one by one in the order of the request.
import { tenantName } from '#domain/names.ts';
import { refuse, type Refusal } from '#domain/refusal.ts';
import type { Classification } from '#domain/job-spec.ts';
import type { JobSubmission, SubmitJobResult, SubmitJobsResponse } from '#gen/isobar/v1/job.ts';
import type { State, SubmitAnswer, SubmitItem } from '#loop/requests.ts';
import { pause } from '#loop/what-if.ts';
import { NOT_FOUND } from '../authorize.ts';
import {
  toSubmission,
  toSubmitError,
  type IdMaker,
  type Submission,
  type TenantRules,
} from '../convert/submission.ts';
import { RefusalError } from '../errors.ts';
import type { CallContext } from '../running-call.ts';
import { change, type Changed, type Parts } from './parts.ts';

/** Jobs that are converted before others get a turn: about 3 ms. */
const CONVERTED_AT_ONCE = 256;

export interface Batch {
  readonly tenant: string;
  readonly jobs: readonly JobSubmission[];
  readonly allOrNothing: boolean;
  readonly validateOnly: boolean;
}

/** No frame that waits for the disk holds the request: what is let go of young costs the garbage collector nothing. */
export async function submitBatch(
  parts: Parts,
  ids: IdMaker,
  batch: Batch,
  context: CallContext,
): Promise<SubmitJobsResponse> {
  const { tenant, allOrNothing, validateOnly } = batch;
  return convert(parts, ids, tenant, batch.jobs, context.signal)
    .then((converted) => converted.map((one) => (one.kind === 'ready' ? one.item : one)))
    .then((items) => answerBatch(parts, tenant, items, allOrNothing, validateOnly, context));
}

async function answerBatch(
  parts: Parts,
  tenant: string,
  converted: readonly (SubmitItem | Refused)[],
  allOrNothing: boolean,
  validateOnly: boolean,
  context: CallContext,
): Promise<SubmitJobsResponse> {
  const items = converted.filter((one): one is SubmitItem => !isRefused(one));
  const isDropped = allOrNothing && items.length < converted.length;
  const { value, revision } = await submitItems(
    parts,
    tenant,
    isDropped ? [] : items,
    allOrNothing,
    validateOnly,
    context,
  );
  let at = 0;
  const results = converted.map((one): SubmitJobResult => {
    if (isRefused(one)) return refused(one.id, one.refusal);
    if (isDropped) return refused(one.id, OTHER_REFUSED);
    return value.results[at++] ?? refused(one.id, OTHER_REFUSED);
  });
  return { results, revision };
}

function isRefused(one: SubmitItem | Refused): one is Refused {
  return 'refusal' in one;
}

interface Refused {
  readonly kind: 'refusal';
  readonly id: string;
  readonly refusal: Refusal;
}

export type Converted = ({ readonly kind: 'ready' } & Submission) | Refused;

export async function convert(
  { loop, clock }: Parts,
  ids: IdMaker,
  tenant: string,
  jobs: readonly JobSubmission[],
  signal: AbortSignal,
): Promise<readonly Converted[]> {
  const rules = rulesOf(loop.state, tenant);
  if (rules === undefined) throw new RefusalError(NOT_FOUND);
  const converted: Converted[] = [];
  for (const job of jobs) {
    const one = toSubmission(job, rules, ids);
    converted.push(
      'kind' in one ? { kind: 'refusal', id: job.jobId, refusal: one } : { kind: 'ready', ...one },
    );
    if (converted.length % CONVERTED_AT_ONCE === 0) await pause(clock, signal);
  }
  return converted;
}

/** What of a tenant its jobs depend on. Nobody gives a tenant a higher clearance than those above it have. */
function rulesOf(state: State, id: string): TenantRules | undefined {
  const tenant = state.tenants.get(id);
  if (tenant === undefined) return undefined;
  let clearance = tenant.entity.clearance;
  for (let at = tenant.parent; at !== undefined; at = at.parent) {
    clearance = Math.min(clearance, at.entity.clearance);
  }
  return {
    tenant: id,
    // Only values of the enum pass the checks of tenants.
    defaultClassification: Math.min(
      tenant.entity.defaultClassification,
      clearance,
    ) as Classification,
    clearance: clearance as Classification,
  };
}

export interface Submitted {
  /** One for each item, in their order. */
  readonly results: readonly SubmitJobResult[];
  /** When they were accepted. */
  readonly timeMs: number;
}

/** What becomes of jobs that are checked and encoded. */
export async function submitItems(
  parts: Parts,
  tenant: string,
  items: readonly SubmitItem[],
  allOrNothing: boolean,
  validateOnly: boolean,
  context: CallContext,
): Promise<Changed<Submitted>> {
  const command = {
    kind: 'submitJobs',
    tenant,
    user: submitterOf(context, tenant),
    items,
    allOrNothing,
  } as const;
  return change(parts, context, command, validateOnly, (state, answers) => {
    const idOf = idsOf(state, items, answers);
    const results = answers.map((answer, i): SubmitJobResult => {
      const id = items[i]?.id ?? '';
      if (answer.kind === 'refusal') return refused(id, answer);
      const { uid, existed } = answer;
      // A uid is given out with the record: one that was only checked has none.
      return {
        jobId: existed ? idOf(uid) : id,
        uid: validateOnly && !existed ? 0 : uid,
        existed,
        error: undefined,
      };
    });
    return { results, timeMs: state.timeMs };
  });
}

/** The user's id in the tenant; the whole name for somebody from a tenant above, who may have a namesake here. */
export function submitterOf({ peer }: CallContext, tenant: string): string {
  const identity = peer?.identity;
  if (identity?.kind !== 'user') throw new RefusalError(NOT_FOUND); // the policy lets nobody else submit
  const { user } = identity;
  return identity.tenant === tenant ? user : `${tenantName(identity.tenant)}/users/${user}`;
}

/** Who repeats a submission by its key gets the id of the first. */
function idsOf(
  state: State,
  items: readonly SubmitItem[],
  answers: readonly SubmitAnswer[],
): (uid: number) => string {
  let own: Map<number, string> | undefined;
  return (uid) => {
    const row = state.jobs.rowOf(uid);
    if (row !== undefined) return state.jobs.idOf(row);
    // Of this very batch, which was only checked.
    own ??= new Map(
      answers.flatMap((answer, i) =>
        answer.kind === 'submitted' && !answer.existed ? [[answer.uid, items[i]?.id ?? '']] : [],
      ),
    );
    return own.get(uid) ?? '';
  };
}

function refused(jobId: string, refusal: Refusal): SubmitJobResult {
  return { jobId, uid: 0, existed: false, error: toSubmitError(refusal) };
}

const OTHER_REFUSED = refuse(
  'ABORTED',
  'OTHER_JOB_REFUSED',
  'another job of this all-or-nothing batch was refused; none was accepted',
);
