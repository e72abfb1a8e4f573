// Typed answers to "why not?". A code is stable: people script against it.

/** Every code, with what it says and what would change it. `{…}` are filled from the reason's own fields. */
export const REASONS = {
  // Of a job as a whole.
  HELD: 'the job is held; release it to let it run',
  WAITS_FOR_JOBS: 'waits for {needed} other job(s) to end, first {subject}',
  BACKING_OFF: 'waits {needed} s before its next attempt',
  QUOTA_EXCEEDED: 'tenant {subject} would exceed its quota: {needed} needed, {available} left',
  NOT_YET_CONSIDERED: 'the scheduler has not come to it yet',
  NO_DATA_CENTER: 'fits in no data center now; ask why for each',
  DEPENDENCY_FAILED: 'job {subject}, which it waited for, did not end as required',
  CANCELLED_BY_USER: 'cancelled by {subject}',
  // Of a data center.
  NOT_ACTIVE: 'the data center is {subject}; it takes no new runs',
  UNREACHABLE: 'the agent of the data center is not connected',
  NO_CREDIT:
    'the agent has {available} unacknowledged assignments; it takes no more before it answers',
  NOT_SELECTED: 'the job names other data centers',
  EXCLUDED: 'the job excludes this data center',
  WRONG_REGION: 'the job must stay in region {subject}',
  WRONG_CLASS: 'the job wants a data center of another class',
  LABEL_MISSING: 'the data center lacks label {subject}',
  NOT_OFFERED: 'the data center does not offer {subject}',
  NOT_ACCEPTED: 'the data center does not accept jobs of tenant {subject}',
  CLEARANCE_TOO_LOW: 'the clearance of the data center is below the classification of the job',
  NO_NODES: 'the data center has no nodes',
  NODE_SELECTOR: 'no node has the labels and role that the job asks for',
  NODES_CORDONED: 'every node that would do is cordoned',
  TOO_LARGE: 'no node is large enough: {needed} {subject} needed, the largest has {available}',
  INSUFFICIENT: 'no node has room now: {needed} {subject} needed, the freest has {available}',
  INSUFFICIENT_DEVICE:
    'no node has {needed} free thousandths of device {subject}, the best has {available}',
  INSUFFICIENT_ON_ONE_NODE: 'each resource is free somewhere, but on no single node all of them',
  INSUFFICIENT_TOGETHER: 'room for {available} of {needed} tasks, all of them are needed at once',
  // Of a run.
  LEASE_EXPIRED: 'its data center was not heard from for longer than its lease',
  DRAINED: 'its data center is being drained',
  NODE_DRAINED: 'its node {subject} is being drained',
  REQUEUED: 'queued again by {subject}',
  FORGOTTEN: 'declared gone by {subject}',
  LOST: 'its agent does not know it any more',
  START_FAILED: 'could not be started: {subject}',
  NOT_ALLOWED_BY_SITE: 'the data center does not allow it: {subject}',
  RUN_TIME_EXCEEDED: 'ran longer than its maximum of {needed} s',
  MEMORY_EXCEEDED: 'task {subject} used more than the {needed} MiB of memory that it asked for',
  LEASE_FENCED:
    'stopped by its data center, which had not heard from the controller for longer than the lease',
  EXITED: 'exit code {needed}',
  // Of the federation.
  CONTROLLER_ISOLATED:
    '{available} of {needed} data centers are silent; nothing is replaced until more than half are heard',
} as const satisfies Record<string, string>;

export type ReasonCode = keyof typeof REASONS;

/** One typed answer with the numbers that decided it. Empty strings and zeros where they say nothing. */
export interface Reason {
  readonly code: ReasonCode;
  readonly dataCenter: string;
  readonly subject: string;
  readonly needed: number;
  readonly available: number;
}

export function reason(code: ReasonCode, fields: Partial<Omit<Reason, 'code'>> = {}): Reason {
  return { code, dataCenter: '', subject: '', needed: 0, available: 0, ...fields };
}

/** The reason as a sentence for people. */
export function sentenceOf(r: Reason): string {
  return REASONS[r.code].replace(
    /\{(subject|needed|available)\}/g,
    (_, field: 'subject' | 'needed' | 'available') => String(r[field]),
  );
}

/** Whether a code, as it comes from a log or an agent, is one that this release knows. */
export function isReasonCode(code: string): code is ReasonCode {
  return Object.hasOwn(REASONS, code);
}
