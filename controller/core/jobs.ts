// Jobs: what becomes of them when people change them, and how their events become rows.
import { reason } from '#domain/reasons.ts';
import { isJobFinal, JobState } from '#domain/states.ts';
import type { Reason as ReasonEntity } from '#gen/isobar/log/v1/entity.ts';
import type {
  Event,
  JobChanged,
  JobForgotten,
  JobReclassed,
  JobSubmitted,
} from '#gen/isobar/log/v1/event.ts';
import { classKeyOf } from './class-key.ts';
import { classIndexKey, dropClassIfUnused } from './classes.ts';
import { NONE } from './columns.ts';
import {
  accept,
  type ChangeAnswer,
  type ChangeJobs,
  type ForgetJobs,
  type Outcome,
} from './command.ts';
import { jobEvents, type Ended } from './job-events.ts';
import { classOf, leaveQueue, requeue } from './queue.ts';
import { fromReasonEntity, stopEvents } from './run-events.ts';
import { isAhead, type JobClass, type State } from './state.ts';
import { noSuchTenant } from './tenants.ts';

/** Changes every selected job that can be changed; says of each other why not. */
export function decideChangeJobs(
  state: State,
  command: ChangeJobs,
  actor: string,
): Outcome<ChangeAnswer> {
  const { tenant, ids } = command.selector;
  if (!state.tenants.has(tenant)) return noSuchTenant(tenant);
  const changed: string[] = [];
  const refused: { id: string; code: string }[] = [];
  const events: Event[] = [];
  const classes = new NewClasses(state);
  for (const id of new Set(ids))
    if (state.jobs.rowOfId(tenant, id) === undefined) refused.push({ id, code: 'JOB_NOT_FOUND' });
  const ended: Ended = new Set();
  for (const row of selectedRows(state, command)) {
    // It is cancelled already, with another one of the selection for which it waited.
    const made = ended.has(row) ? [] : changeJob(state, row, command, actor, classes, ended);
    if (typeof made === 'string') {
      // A set names what is live in it; only who names a job is told that it has ended.
      if (ids.length > 0) refused.push({ id: state.jobs.idOf(row), code: made });
      continue;
    }
    events.push(...made);
    changed.push(state.jobs.idOf(row));
  }
  return accept([...classes.events, ...events], { changed, refused });
}

function* selectedRows(state: State, command: ChangeJobs): Iterable<number> {
  const { tenant, ids, jobSet } = command.selector;
  const { jobs } = state;
  if (ids.length > 0) {
    for (const id of new Set(ids)) {
      const row = jobs.rowOfId(tenant, id);
      if (row !== undefined) yield row;
    }
    return;
  }
  const set = jobs.jobSets.find(jobSet);
  if (set === undefined || jobSet === '') return;
  for (const row of jobs.rowsOfTenant(tenant)) if (jobs.jobSet[row] === set) yield row;
}

/** The events, or the code that says why not. */
function changeJob(
  state: State,
  row: number,
  command: ChangeJobs,
  actor: string,
  classes: NewClasses,
  ended: Ended,
): readonly Event[] | string {
  const now = state.jobs.stateOf(row);
  if (isJobFinal(now)) return 'JOB_ENDED';
  const waits = now === JobState.QUEUED || now === JobState.HELD;
  const run = state.jobs.run[row]!;
  switch (command.verb) {
    case 'cancel': {
      const { message = '' } = command;
      const why = reason('CANCELLED_BY_USER', {
        subject: message === '' ? actor : `${actor}: ${message}`,
      });
      return run === NONE
        ? jobEvents(state, row, { to: JobState.CANCELLED, reason: why }, ended)
        : stopEvents(state, run, why);
    }
    case 'hold':
      if (now !== JobState.QUEUED) return 'JOB_NOT_QUEUED';
      return jobEvents(state, row, { to: JobState.HELD, reason: reason('HELD') }, ended);
    case 'release':
      if (now !== JobState.HELD) return 'JOB_NOT_HELD';
      return jobEvents(state, row, { to: JobState.QUEUED }, ended);
    case 'requeue':
      if (run === NONE) return 'JOB_NOT_RUNNING';
      return stopEvents(state, run, reason('REQUEUED', { subject: actor }));
    case 'reprioritize': {
      if (!waits) return 'JOB_NOT_QUEUED';
      const { entity } = classOf(state, row);
      const classNumber = classes.numberOf(entity.tenant, {
        ...entity,
        priority: command.priority,
      });
      return classNumber === entity.number ? [] : [reclassed(state, row, classNumber)];
    }
    default:
      return command.verb satisfies never;
  }
}

function reclassed(state: State, row: number, classNumber: number): Event {
  const { jobs } = state;
  return {
    kind: {
      $case: 'jobReclassed',
      value: {
        uid: jobs.uid[row]!,
        tenant: jobs.tenantOf(row),
        job: jobs.idOf(row),
        jobSet: jobs.jobSetOf(row),
        class: classNumber,
      },
    },
  };
}

/** Classes that a command needs: known ones by their number, others with an event that defines them. */
export class NewClasses {
  readonly events: Event[] = [];
  readonly #state: State;
  /** By tenant, then by key: most jobs of a command are of few classes. */
  readonly #numbers = new Map<string, Map<string, number>>();
  #count = 0;

  constructor(state: State) {
    this.#state = state;
  }

  /** `key` when the caller has it already. */
  numberOf(
    tenant: string,
    shape: Omit<JobClass['entity'], 'number' | 'tenant'>,
    key = classKeyOf(shape),
  ): number {
    let numbers = this.#numbers.get(tenant);
    if (numbers === undefined) this.#numbers.set(tenant, (numbers = new Map()));
    let number = numbers.get(key);
    if (number !== undefined) return number;
    number = this.#state.classByKey.get(classIndexKey(tenant, key))?.entity.number;
    if (number === undefined) {
      number = this.#state.nextClass + this.#count++;
      this.events.push({ kind: { $case: 'classDefined', value: { ...shape, number, tenant } } });
    }
    numbers.set(key, number);
    return number;
  }
}

export function decideForgetJobs(state: State, command: ForgetJobs): Outcome<undefined> {
  const uids = command.uids.filter((uid) => {
    const row = state.jobs.rowOf(uid);
    return row !== undefined && isJobFinal(state.jobs.stateOf(row));
  });
  if (uids.length === 0) return accept([], undefined);
  return accept([{ kind: { $case: 'jobForgotten', value: { uids } } }], undefined);
}

export function foldJobSubmitted(state: State, event: JobSubmitted): void {
  const { jobs } = state;
  state.nextJob = Math.max(state.nextJob, (event.uid % UIDS_PER_INCARNATION) + 1);
  if (isAhead(state, 'job', event.uid, state.revision)) return;
  const row = jobs.add({
    uid: event.uid,
    tenant: event.tenant,
    id: event.job,
    jobSet: event.jobSet,
    user: event.user,
    classNumber: event.class,
    specDigest: event.specDigest,
    keyDigest: event.keyDigest,
    expectedRunMs: event.expectedRunMs,
    createMs: state.timeMs,
    state: event.held ? JobState.HELD : JobState.QUEUED,
  });
  jobs.revision[row] = state.revision;
  if (event.held) jobs.reasons.set(row, reason('HELD'));
  if (event.after.length > 0) jobs.after.set(row, { uids: event.after, any: event.afterAny });
  if (!state.derived.live) return;
  classOf(state, row).jobs++;
  countJob(state, row, 1);
  waitForOthers(state, row);
  requeue(state, row);
}

/** Restores from backups continue with other uids: the incarnation is in the upper bits. */
export const UIDS_PER_INCARNATION = 2 ** 40;

export function foldJobChanged(state: State, event: JobChanged): void {
  const { jobs } = state;
  const row = jobs.rowOf(event.uid);
  if (row === undefined || isAhead(state, 'job', event.uid, state.revision)) return;
  if (state.derived.live) countJob(state, row, -1);
  // Only states of the table are ever written.
  jobs.state[row] = event.state;
  jobs.notBeforeMs[row] = event.notBeforeMs;
  jobs.failures[row] = event.failures;
  jobs.exitCode[row] = event.exitCode;
  jobs.revision[row] = state.revision;
  setReason(state, row, event.reason);
  const ended = isJobFinal(jobs.stateOf(row));
  if (ended) jobs.endMs[row] = state.timeMs;
  if (!state.derived.live) return;
  countJob(state, row, 1);
  requeue(state, row);
  if (ended) releaseDependents(state, row);
}

function setReason(state: State, row: number, entity: ReasonEntity | undefined): void {
  if (entity === undefined) state.jobs.reasons.delete(row);
  else state.jobs.reasons.set(row, fromReasonEntity(entity));
}

export function foldJobReclassed(state: State, event: JobReclassed): void {
  const row = state.jobs.rowOf(event.uid);
  if (row === undefined || isAhead(state, 'job', event.uid, state.revision)) return;
  if (!state.derived.live) {
    state.jobs.classNumber[row] = event.class;
    state.jobs.revision[row] = state.revision;
    return;
  }
  const before = classOf(state, row);
  leaveClass(state, row, before);
  state.jobs.classNumber[row] = event.class;
  state.jobs.revision[row] = state.revision;
  classOf(state, row).jobs++;
  requeue(state, row);
}

function leaveClass(state: State, row: number, jobClass: JobClass): void {
  leaveQueue(state, row);
  jobClass.jobs--;
  dropClassIfUnused(state, jobClass);
}

export function foldJobForgotten(state: State, event: JobForgotten): void {
  for (const uid of event.uids) {
    const row = state.jobs.rowOf(uid);
    if (row === undefined) continue;
    if (state.derived.live) {
      const jobClass = classOf(state, row);
      jobClass.jobs--;
      dropClassIfUnused(state, jobClass);
    }
    state.jobs.remove(row);
    state.gone.push({ kind: 'job', key: String(uid) });
  }
}

/** Counts a job in the sums of its tenant and of the federation, by its state. */
export function countJob(state: State, row: number, sign: 1 | -1): void {
  const tenant = classOf(state, row).tenant;
  const now = state.jobs.stateOf(row);
  if (now === JobState.QUEUED || now === JobState.HELD) {
    tenant.queuedJobs += sign;
    state.derived.queuedJobs += sign;
  } else if (!isJobFinal(now)) {
    tenant.runningJobs += sign;
    state.derived.runningJobs += sign;
  }
}

/** Notes for which jobs this one still waits; those that are not known any more have ended as required. */
export function waitForOthers(state: State, row: number): void {
  const after = state.jobs.after.get(row);
  if (after === undefined || isJobFinal(state.jobs.stateOf(row))) return;
  let count = 0;
  for (const uid of after.uids) {
    const other = state.jobs.rowOf(uid);
    if (other === undefined || isJobFinal(state.jobs.stateOf(other))) continue;
    let dependents = state.derived.dependents.get(uid);
    if (dependents === undefined) state.derived.dependents.set(uid, (dependents = new Set()));
    dependents.add(row);
    count++;
  }
  if (count > 0) state.derived.waitsFor.set(row, count);
}

function releaseDependents(state: State, row: number): void {
  const { dependents, waitsFor } = state.derived;
  // One that was cancelled waits for nobody any more.
  waitsFor.delete(row);
  for (const uid of state.jobs.after.get(row)?.uids ?? []) dependents.get(uid)?.delete(row);
  const uid = state.jobs.uid[row]!;
  for (const dependent of dependents.get(uid) ?? []) {
    const left = (waitsFor.get(dependent) ?? 1) - 1;
    if (left > 0) waitsFor.set(dependent, left);
    else {
      waitsFor.delete(dependent);
      requeue(state, dependent);
    }
  }
  dependents.delete(uid);
}
