// What goes to the tables of jobs with a record: jobs that were submitted, with their specifications, and jobs that ended, as a
// reader will be shown them.
import type { CommandOf } from '#core/command.ts';
import { NONE } from '#core/columns.ts';
import type { State } from '#core/state.ts';
import { isJobFinal, isRunFinal, type JobState, type RunState } from '#domain/states.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { Job as JobView } from '#gen/isobar/v1/job.ts';
import type { Run as RunView } from '#gen/isobar/v1/run.ts';
import type { EndedJob, StoredJob } from '#ports/log.ts';
import { encode } from './encode.ts';
import { toEndedRunView, toJobView, toRunView } from './views.ts';

export class Archivist {
  readonly #state: State;
  /** Last runs of the jobs that end with this record: the fold forgets them. */
  readonly #lastRuns = new Map<number, RunView>();

  constructor(state: State) {
    this.#state = state;
  }

  /** Call before the fold. */
  before(events: readonly Event[]): void {
    this.#lastRuns.clear();
    for (const { kind } of events) {
      // Only run states are ever written into events.
      if (kind?.$case !== 'runChanged' || !isRunFinal(kind.value.state as RunState)) continue;
      const row = this.#state.jobs.rowOf(kind.value.uid);
      const run = row === undefined ? NONE : this.#state.jobs.run[row]!;
      if (run !== NONE)
        this.#lastRuns.set(kind.value.uid, toEndedRunView(toRunView(this.#state, run), kind.value));
    }
  }

  /** Jobs of the record that are new. Call after the fold. */
  submitted(
    events: readonly Event[],
    command: CommandOf<'submitJobs'> | undefined,
    nowMs: number,
  ): readonly StoredJob[] {
    if (command === undefined) return [];
    // Several items of a batch may have one id, of which others were refused: event and item share the digest itself.
    const items = new Map(command.items.map((item) => [item.specDigest, item]));
    const jobs: StoredJob[] = [];
    for (const { kind } of events) {
      if (kind?.$case !== 'jobSubmitted') continue;
      const { uid, tenant, job, jobSet, user, specDigest } = kind.value;
      const item = items.get(specDigest);
      if (item === undefined) throw new Error(`job ${job} was accepted but not asked for`);
      jobs.push({
        uid,
        tenant,
        job,
        jobSet,
        user,
        createMs: nowMs,
        spec: item.spec,
        labels: item.labels,
      });
    }
    return jobs;
  }

  /** Jobs of the record that have ended. Call after the fold. */
  ended(events: readonly Event[]): readonly EndedJob[] {
    const jobs: EndedJob[] = [];
    for (const { kind } of events) {
      if (kind?.$case !== 'jobChanged' || !isJobFinal(kind.value.state as JobState)) continue;
      const row = this.#state.jobs.rowOf(kind.value.uid);
      if (row === undefined) continue;
      const view = toJobView(this.#state, row);
      const run = this.#lastRuns.get(kind.value.uid);
      const body = encode(JobView, { ...view, run, startTime: run?.startTime });
      jobs.push({ uid: kind.value.uid, state: kind.value.state, endMs: this.#state.timeMs, body });
    }
    return jobs;
  }
}
