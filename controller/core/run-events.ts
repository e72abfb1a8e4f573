// Events of runs, as decide makes them, and what a run's end means for its job.
import { isReasonCode, reason, type Reason } from '#domain/reasons.ts';
import { JobState, RunState } from '#domain/states.ts';
import type { Reason as ReasonEntity } from '#gen/isobar/log/v1/entity.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { jobEvents, type Ended, type JobMove } from './job-events.ts';
import { classOf } from './queue.ts';
import { classOfRun } from './room.ts';
import type { JobClass, State } from './state.ts';

/** isobar.v1.UnreachablePolicy. */
export const UnreachablePolicy = { REPLACE: 1, WAIT: 2, FAIL: 3 } as const;

/** A run's move, with what is said of it. */
export interface RunMove {
  readonly to: RunState;
  readonly timeMs: number;
  /** When its tasks started; 0: never, or known already. */
  readonly startMs?: number;
  readonly exitCode?: number;
  readonly reason?: ReasonEntity | undefined;
  readonly lastLines?: readonly string[];
}

/** Asks the run of a running job to stop; the reason says what becomes of the job afterwards. */
export function stopEvents(state: State, run: number, why: Reason): Event[] {
  const job = state.runs.job[run]!;
  // A job that is being stopped keeps its first reason, except that a person's cancel outweighs all others.
  const stopping = state.jobs.stateOf(job) === JobState.STOPPING;
  const isCancel = why.code === 'CANCELLED_BY_USER';
  if (stopping && (!isCancel || state.jobs.reasons.get(job)?.code === 'CANCELLED_BY_USER'))
    return [];
  return jobEvents(state, job, { to: JobState.STOPPING, reason: why }, new Set());
}

export function runChangedEvent(state: State, run: number, move: RunMove): Event {
  const { jobs, runs } = state;
  const job = runs.job[run]!;
  return {
    kind: {
      $case: 'runChanged',
      value: {
        uid: jobs.uid[job]!,
        tenant: jobs.tenantOf(job),
        job: jobs.idOf(job),
        jobSet: jobs.jobSetOf(job),
        index: runs.index[run]!,
        epoch: jobs.epoch[job]!,
        state: move.to,
        dataCenter: state.dataCenterList[runs.dataCenter[run]!]?.entity.id ?? '',
        timeMs: move.timeMs,
        reason: move.reason,
        exitCode: move.exitCode ?? 0,
        lastLines: [...(move.lastLines ?? [])],
        startMs: startOf(state, run, move),
      },
    },
  };
}

/** A run ends: its room is free, the ledger is booked, its job moves on. */
export function endRunEvents(
  state: State,
  run: number,
  end: RunMove,
  nowMs: number,
  ended: Ended,
): Event[] {
  const job = state.runs.job[run]!;
  return [
    runChangedEvent(state, run, end),
    usageEvent(state, run, end),
    ...jobEvents(state, job, afterRun(state, job, end, nowMs), ended),
  ];
}

function usageEvent(state: State, run: number, end: RunMove): Event {
  const { runs, jobs } = state;
  const reserveMs = runs.reserveMs[run]!;
  return {
    kind: {
      $case: 'usageBooked',
      value: {
        tenant: jobs.tenantOf(runs.job[run]!),
        dataCenter: state.dataCenterList[runs.dataCenter[run]!]?.entity.id ?? '',
        reserveMs,
        startMs: startOf(state, run, end),
        endMs: Math.max(end.timeMs, reserveMs),
        wasted: end.to !== RunState.SUCCEEDED,
        amounts: [...classOfRun(state, run).total],
      },
    },
  };
}

function startOf(state: State, run: number, move: RunMove): number {
  const known = state.runs.startMs[run]!;
  return known > 0 ? known : (move.startMs ?? 0);
}

/** What becomes of a job when its run has ended like this. */
function afterRun(state: State, job: number, end: RunMove, nowMs: number): JobMove {
  if (end.to === RunState.SUCCEEDED) return { to: JobState.SUCCEEDED };
  const jobClass = classOf(state, job);
  const asked = state.jobs.reasons.get(job);
  if (state.jobs.stateOf(job) === JobState.STOPPING && asked !== undefined) {
    if (asked.code === 'CANCELLED_BY_USER')
      return { to: JobState.CANCELLED, reason: asked, exitCode: end.exitCode ?? 0 };
    return { to: JobState.QUEUED, reason: asked };
  }
  const why = end.reason === undefined ? undefined : fromReasonEntity(end.reason);
  if (end.to === RunState.FAILED) return afterFailure(state, job, jobClass, end, why, nowMs);
  // Stopped or fenced without anybody having asked: lost with its data center.
  if (jobClass.entity.unreachable === UnreachablePolicy.FAIL) {
    return { to: JobState.FAILED, reason: why ?? reason('LOST'), exitCode: end.exitCode ?? 0 };
  }
  return { to: JobState.QUEUED, reason: why ?? reason('LOST') };
}

/** Retried with a doubled wait, as long as attempts are left and the exit code is one of those. */
function afterFailure(
  state: State,
  job: number,
  jobClass: JobClass,
  end: RunMove,
  why: Reason | undefined,
  nowMs: number,
): JobMove {
  const { maxAttempts, retryExitCodes, backoffMs, maxBackoffMs } = jobClass.entity;
  const failures = state.jobs.failures[job]! + 1;
  const exitCode = end.exitCode ?? 0;
  const retried = retryExitCodes.length === 0 || retryExitCodes.includes(exitCode);
  const exited = why ?? reason('EXITED', { needed: Math.max(0, exitCode) });
  if (!retried || failures >= maxAttempts) {
    return { to: JobState.FAILED, reason: exited, exitCode, failures };
  }
  const waitMs = Math.min(backoffMs * 2 ** (failures - 1), maxBackoffMs);
  return {
    to: JobState.QUEUED,
    reason: reason('BACKING_OFF', { needed: Math.ceil(waitMs / 1000) }),
    notBeforeMs: nowMs + waitMs,
    failures,
  };
}

export function fromReasonEntity(entity: ReasonEntity): Reason {
  const { code, dataCenter, subject, needed, available, message } = entity;
  // Agents of other releases may say what this one does not know: their own words are kept.
  return isReasonCode(code)
    ? reason(code, { dataCenter, subject, needed, available })
    : reason('LOST', { dataCenter, subject: message === '' ? code : message });
}
