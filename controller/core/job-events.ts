// Events of jobs, as decide makes them.
import { reason, type Reason } from '#domain/reasons.ts';
import { isJobFinal, JobState } from '#domain/states.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { toReasonEntity } from './command.ts';
import type { State } from './state.ts';

export interface JobMove {
  readonly to: JobState;
  readonly reason?: Reason | undefined;
  readonly exitCode?: number;
  readonly notBeforeMs?: number;
  readonly failures?: number;
}

/** Rows of jobs that end with a command. The state does not know it before the fold, and a job ends once. */
export type Ended = Set<number>;

/** A job moves on, and with an end those move that waited for it. */
export function jobEvents(state: State, row: number, move: JobMove, ended: Ended): Event[] {
  const events: Event[] = [jobChanged(state, row, move)];
  if (!isJobFinal(move.to)) return events;
  ended.add(row);
  if (move.to === JobState.SUCCEEDED) return events;
  // Those that wait for this one to succeed can never start, nor can those that wait for them.
  const pending = [row];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const uid = state.jobs.uid[at]!;
    const why = reason('DEPENDENCY_FAILED', { subject: state.jobs.idOf(at) });
    for (const dependent of state.derived.dependents.get(uid) ?? []) {
      const after = state.jobs.after.get(dependent);
      if (ended.has(dependent) || after?.any[after.uids.indexOf(uid)] === true) continue;
      ended.add(dependent);
      pending.push(dependent);
      events.push(jobChanged(state, dependent, { to: JobState.CANCELLED, reason: why }));
    }
  }
  return events;
}

function jobChanged(state: State, row: number, move: JobMove): Event {
  const { jobs } = state;
  return {
    kind: {
      $case: 'jobChanged',
      value: {
        uid: jobs.uid[row]!,
        tenant: jobs.tenantOf(row),
        job: jobs.idOf(row),
        jobSet: jobs.jobSetOf(row),
        state: move.to,
        reason: move.reason && toReasonEntity(move.reason),
        exitCode: move.exitCode ?? 0,
        notBeforeMs: move.notBeforeMs ?? 0,
        failures: move.failures ?? jobs.failures[row]!,
      },
    },
  };
}
