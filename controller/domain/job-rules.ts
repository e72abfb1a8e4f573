// The rules that a specification must keep, all of them checked at once: who is told of one mistake after another gives up.
import { checkGroups } from './job-group-rules.ts';
import { DATA_CENTER_CLASSES } from './job-class.ts';
import {
  millisOf,
  type Classification,
  type Constraints,
  type Duration,
  type JobSpec,
} from './job-spec.ts';
import { checkLabels } from './labels.ts';
import { ID_RULE, isId } from './names.ts';
import type { Violation, Wrong } from './refusal.ts';

export const MAX_PRIORITY = 1000;
const MAX_AFTER = 1000;
const MAX_LIST = 256;
const MAX_ATTEMPTS = 100;
const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
/** Far more than any job runs, and small enough that sums of it stay exact. */
const TEN_YEARS_MS = 3650 * 24 * HOUR_MS;

const STOP_SIGNALS: readonly string[] = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
];
const NODE_ROLES: readonly string[] = ['general', 'storage', 'hpc', 'gpu'];
const CLASSIFICATIONS = ['PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'SECRET'] as const;
/** What a data center offers: `image`, `mpi`, `licences/matlab`. */
const OFFER = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
export const isOffer = (text: string): boolean => OFFER.test(text);
export const OFFER_RULE =
  'letters, digits, dots, hyphens, underscores and slashes, a letter or digit at either end, at most 128';

/** Every wrong field; paths begin at the specification. `clearance` is the highest classification of the tenant's jobs. */
export function checkJobSpec(spec: JobSpec, clearance: Classification): Violation[] {
  const violations: Violation[] = [];
  const wrong = (field: string, description: string): void =>
    void violations.push({ field, description });

  checkGroups(spec.groups, wrong);
  if (spec.jobSet !== '' && !isId(spec.jobSet))
    wrong('job_set', `must be ${ID_RULE}, or empty for none`);
  checkLabels(spec.labels, 'labels', wrong);
  if (!isWithin(spec.priority, -MAX_PRIORITY, MAX_PRIORITY)) {
    wrong('priority', `is ${spec.priority}, must be from -${MAX_PRIORITY} to ${MAX_PRIORITY}`);
  }
  checkDuration(spec.expectedRunTime, 'expected_run_time', 1, TEN_YEARS_MS, wrong);
  checkDuration(spec.maxRunTime, 'max_run_time', SECOND_MS, TEN_YEARS_MS, wrong);
  checkRetry(spec, wrong);
  checkAfter(spec, wrong);
  if (spec.constraints !== undefined) checkConstraints(spec.constraints, wrong);
  checkClassification(spec.classification, clearance, wrong);
  if (!isWithin(spec.unreachable, 0, 3)) wrong('unreachable', 'must be REPLACE, WAIT or FAIL');
  if (spec.stopSignal !== '' && !STOP_SIGNALS.includes(spec.stopSignal)) {
    wrong('stop_signal', `must be one of ${STOP_SIGNALS.join(', ')}, or empty for SIGTERM`);
  }
  checkDuration(spec.stopGrace, 'stop_grace', 0, 600 * SECOND_MS, wrong);
  return violations;
}

function checkRetry({ retry }: JobSpec, wrong: Wrong): void {
  if (retry === undefined) return;
  if (!isWithin(retry.maxAttempts, 0, MAX_ATTEMPTS)) {
    wrong('retry.max_attempts', `is ${retry.maxAttempts}, must be from 1 to ${MAX_ATTEMPTS}`);
  }
  for (const [i, code] of retry.exitCodes.entries()) {
    if (!isWithin(code, 1, 255))
      wrong(`retry.exit_codes[${i}]`, `is ${code}, must be from 1 to 255`);
  }
  if (retry.exitCodes.length > 255)
    wrong('retry.exit_codes', 'names a code twice; leave it empty for all but 0');
  checkDuration(retry.backoff, 'retry.backoff', 0, HOUR_MS, wrong);
  checkDuration(retry.maxBackoff, 'retry.max_backoff', 0, 24 * HOUR_MS, wrong);
  if (
    retry.backoff !== undefined &&
    retry.maxBackoff !== undefined &&
    millisOf(retry.maxBackoff) < millisOf(retry.backoff)
  ) {
    wrong('retry.max_backoff', 'is below retry.backoff; raise it or leave it out');
  }
}

function checkAfter({ after }: JobSpec, wrong: Wrong): void {
  if (after.length > MAX_AFTER)
    wrong('after', `names ${after.length} jobs, at most ${MAX_AFTER} are allowed`);
  for (const [i, { job, condition }] of after.entries()) {
    if (!isId(job))
      wrong(`after[${i}].job`, `must be the id of a job of the same tenant: ${ID_RULE}`);
    if (!isWithin(condition, 0, 2)) wrong(`after[${i}].condition`, 'must be SUCCEEDED or ENDED');
  }
}

function checkConstraints(constraints: Constraints, wrong: Wrong): void {
  checkList(
    constraints.dataCenters,
    'constraints.data_centers',
    isId,
    `must be an id: ${ID_RULE}`,
    wrong,
  );
  checkList(
    constraints.notDataCenters,
    'constraints.not_data_centers',
    isId,
    `must be an id: ${ID_RULE}`,
    wrong,
  );
  checkList(
    constraints.regions,
    'constraints.regions',
    isId,
    `must be a region: ${ID_RULE}`,
    wrong,
  );
  const isClass = (word: string) => Object.hasOwn(DATA_CENTER_CLASSES, word);
  checkList(
    constraints.classes,
    'constraints.classes',
    isClass,
    'must be NATIONAL, REGIONAL or AGENCY',
    wrong,
  );
  checkList(
    constraints.offers,
    'constraints.offers',
    isOffer,
    `must be an offer: ${OFFER_RULE}`,
    wrong,
  );
  const isRole = (word: string) => NODE_ROLES.includes(word);
  checkList(
    constraints.nodeRoles,
    'constraints.node_roles',
    isRole,
    `must be one of ${NODE_ROLES.join(', ')}`,
    wrong,
  );
  checkLabels(constraints.dataCenterLabels, 'constraints.data_center_labels', wrong);
  checkLabels(constraints.nodeLabels, 'constraints.node_labels', wrong);
}

function checkList(
  list: readonly string[],
  field: string,
  isGood: (text: string) => boolean,
  rule: string,
  wrong: Wrong,
): void {
  if (list.length > MAX_LIST)
    wrong(field, `has ${list.length} entries, at most ${MAX_LIST} are allowed`);
  for (let i = 0; i < list.length; i++) if (!isGood(list[i] ?? '')) wrong(`${field}[${i}]`, rule);
}

function checkClassification(asked: Classification, clearance: Classification, wrong: Wrong): void {
  if (!isWithin(asked, 0, CLASSIFICATIONS.length)) {
    wrong('classification', `must be one of ${CLASSIFICATIONS.join(', ')}`);
    return;
  }
  const highest = Math.max(1, clearance);
  if (asked > highest) {
    const named = CLASSIFICATIONS[highest - 1] ?? '';
    wrong(
      'classification',
      `is above ${named}, the clearance of the tenant; lower it, or ask whoever is above the tenant`,
    );
  }
}

/** `leastMs` and `mostMs` are both allowed. */
export function checkDuration(
  duration: Duration | undefined,
  field: string,
  leastMs: number,
  mostMs: number,
  wrong: Wrong,
): void {
  if (duration === undefined) return;
  const { seconds, nanos } = duration;
  const ms = millisOf(duration);
  if (seconds < 0 || nanos < 0 || nanos > 999_999_999 || ms < leastMs || ms > mostMs) {
    wrong(field, `must be from ${timeText(leastMs)} to ${timeText(mostMs)}`);
  }
}

function timeText(ms: number): string {
  if (ms > 0 && ms < SECOND_MS) return `${ms} ms`;
  if (ms >= HOUR_MS) return `${ms / HOUR_MS} h`;
  return `${ms / SECOND_MS} s`;
}

export function isWithin(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
