// What the loop counts of itself; the exporter reads it at a scrape. Only this process's own time: a restart counts from zero.
import type { CommandKind } from '#core/command.ts';
import { NONE } from '#core/columns.ts';
import type { State } from '#core/state.ts';
import { isJobFinal, isRunFinal, JobState, RunState } from '#domain/states.ts';
import type { Event, JobChanged, RunChanged, RunReserved } from '#gen/isobar/log/v1/event.ts';
import { METRICS } from '#metrics/catalog.ts';
import { Tally } from './tally.ts';

export class LoopStats {
  turns = 0;
  /** Decisions of the scheduler that became runs, and those that were stale. */
  placed = 0;
  dropped = 0;
  appends = 0;
  records = 0;
  leaseExpirations = 0;
  /** The edge counts here: open watches, and events sent to them. */
  watches = 0;
  watchEvents = 0;
  submissions = 0;
  readonly commands: Map<CommandKind, { accepted: number; refusal: number }> = new Map();
  readonly jobEnds = { SUCCEEDED: 0, FAILED: 0, CANCELLED: 0 };
  readonly runEnds = { SUCCEEDED: 0, FAILED: 0, STOPPED: 0, FENCED: 0 };
  readonly append = new Tally(METRICS.isobar_log_append_seconds.buckets);
  readonly group = new Tally(METRICS.isobar_log_group_records.buckets);
  readonly slice = new Tally(METRICS.isobar_scheduler_slice_seconds.buckets);
  readonly pass = new Tally(METRICS.isobar_scheduler_pass_seconds.buckets);
  readonly reservationWait = new Tally(METRICS.isobar_job_reservation_wait_seconds.buckets);
  readonly startWait = new Tally(METRICS.isobar_job_start_wait_seconds.buckets);
  #passBeganMs: number | undefined;

  count(kind: CommandKind, outcome: 'accepted' | 'refusal'): void {
    let counts = this.commands.get(kind);
    if (counts === undefined) this.commands.set(kind, (counts = { accepted: 0, refusal: 0 }));
    counts[outcome]++;
  }

  appended(records: number, tookMs: number): void {
    this.appends++;
    this.records += records;
    this.append.observe(tookMs / 1000);
    this.group.observe(records);
  }

  /** A slice of planning has ended; `isDone`: and its pass. */
  planned(beganMs: number, endedMs: number, isDone: boolean): void {
    this.#passBeganMs ??= beganMs;
    this.slice.observe((endedMs - beganMs) / 1000);
    if (!isDone) return;
    this.pass.observe((endedMs - this.#passBeganMs) / 1000);
    this.#passBeganMs = undefined;
  }

  /** What was looked at turned out to be of no class that has jobs. */
  nothingToPlan(): void {
    this.#passBeganMs = undefined;
  }

  /** Call before the fold: what a run was before tells whether this is its start. */
  folding(state: State, events: readonly Event[], nowMs: number): void {
    for (const { kind } of events) {
      if (kind?.$case === 'jobSubmitted') this.submissions++;
      else if (kind?.$case === 'runReserved') this.#runReserving(state, kind.value, nowMs);
      else if (kind?.$case === 'runChanged') this.#runChanging(state, kind.value);
      else if (kind?.$case === 'jobChanged') this.#jobChanging(kind.value);
    }
  }

  #runReserving(state: State, { uid, epoch }: RunReserved, nowMs: number): void {
    // Later runs wait for other things too: for a retry, or for a data center that was lost.
    if (epoch === 1) this.#waited(this.reservationWait, state, uid, nowMs);
  }

  #jobChanging(event: JobChanged): void {
    // Only job states are ever written into events.
    const to = event.state as JobState;
    if (isJobFinal(to)) this.jobEnds[JOB_RESULT[to as FinalJobState]]++;
  }

  #runChanging(state: State, event: RunChanged): void {
    // Only run states are ever written into events.
    const to = event.state as RunState;
    if (isRunFinal(to)) this.runEnds[RUN_RESULT[to as FinalRunState]]++;
    if (event.epoch !== 1) return;
    // A short run's start is told with its end.
    const startMs = to === RunState.RUNNING && event.startMs === 0 ? event.timeMs : event.startMs;
    if (startMs === 0) return;
    const row = state.jobs.rowOf(event.uid);
    const run = row === undefined ? NONE : state.jobs.run[row]!;
    if (run !== NONE && state.runs.startMs[run] === 0) {
      this.#waited(this.startWait, state, event.uid, startMs);
    }
  }

  #waited(tally: Tally, state: State, uid: number, untilMs: number): void {
    const row = state.jobs.rowOf(uid);
    if (row === undefined) return;
    tally.observe(Math.max(0, untilMs - state.jobs.createMs[row]!) / 1000);
  }
}

const JOB_RESULT = {
  [JobState.SUCCEEDED]: 'SUCCEEDED',
  [JobState.FAILED]: 'FAILED',
  [JobState.CANCELLED]: 'CANCELLED',
} as const;
type FinalJobState = keyof typeof JOB_RESULT;

const RUN_RESULT = {
  [RunState.SUCCEEDED]: 'SUCCEEDED',
  [RunState.FAILED]: 'FAILED',
  [RunState.STOPPED]: 'STOPPED',
  [RunState.FENCED]: 'FENCED',
} as const;
type FinalRunState = keyof typeof RUN_RESULT;
