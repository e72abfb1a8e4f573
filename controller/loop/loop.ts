// The loop owns the state. In one turn, in order:
//
//   1. some outputs leave whose revision has become durable;
//   2. messages of agents, then other commands, are decided, folded and gathered for the log;
//   3. data centers leave whose last run has ended, and the scheduler plans a slice: these decisions are decided and folded like
//      any command;
//   4. what has gathered goes to the log, if no append is under way. What gathers meanwhile goes with the next one, so group
//      commit clocks itself.
//
// Every output waits at the gate. An append that fails ends the process: nothing that was not durable has left it.
import {
  CONTROLLER,
  type AnswerOf,
  type Command,
  type CommandOf,
  type Context,
  type Outcome,
} from '#core/command.ts';
import { decide } from '#core/decide.ts';
import { foldRecord } from '#core/fold.ts';
import { Overlay } from '#core/overlay.ts';
import { releaseDelayed } from '#core/queue.ts';
import type { State } from '#core/state.ts';
import { refuse } from '#domain/refusal.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { collect, Cursor, plan, QueueSupply, returnDropped } from '#scheduler/plan.ts';
import type { Policy } from '#scheduler/policy.ts';
import { Archivist } from './archive.ts';
import { CHECKPOINT_LIMITS, Checkpointer, type CheckpointLimits } from './checkpoint.ts';
import { Departures } from './departures.ts';
import { Gate } from './gate.ts';
import { Group } from './group.ts';
import { Hub, HUB_LIMITS, type HubLimits, type Published } from './hub.ts';
import { Inbox, type Lane } from './inbox.ts';
import { LogTime } from './log-time.ts';
import { Pace, SLICE_MS, type Steps } from './pace.ts';
import { Specs } from './specs.ts';
import { LoopStats } from './stats.ts';

export interface LoopOptions {
  readonly state: State;
  readonly log: Log;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly policy: Policy;
  /** The process cannot go on: the log failed, or a fold threw. */
  readonly onFatal: (error: Error) => void;
  /** Instead of DEFAULT_LIMITS. The simulator makes them small, so that small worlds come to what large ones come to. */
  readonly limits?: Limits;
}

export interface Limits extends CheckpointLimits, HubLimits {}

export const DEFAULT_LIMITS: Limits = { ...CHECKPOINT_LIMITS, ...HUB_LIMITS };

/** How a command was answered; `revision` is what the answer was computed from, durable when it is given. */
export type Answer<A> = (outcome: Outcome<A>, revision: number) => void;

export interface ExecuteOptions<A> {
  /** Decide, but change nothing. */
  readonly validateOnly?: boolean;
  /** Called in the turn that decides, before anything is durable: only observed state may change here, nothing goes out. */
  readonly onDecided?: (outcome: Outcome<A>) => void;
}

/**
 * Outputs that leave in one turn, about as many as are encoded and sent in the time of a slice: a group of thousands must not hold up
 * the heartbeats behind it. Fewer than these would only cost more turns.
 */
const OUTPUTS: Steps = { first: 128, least: 128, most: 1024 };

export class Loop {
  readonly state: State;
  readonly gate: Gate;
  readonly hub: Hub;
  readonly specs: Specs;
  readonly stats = new LoopStats();
  readonly policy: Policy;
  /** Called with every record when it was folded, before it is durable: what goes out must pass the gate. */
  onFolded: (events: readonly Event[], revision: number) => void = () => {};
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #time: LogTime;
  readonly #telemetry: Telemetry;
  readonly #onFatal: (error: Error) => void;
  readonly #inbox = new Inbox();
  readonly #group = new Group();
  readonly #archivist: Archivist;
  readonly #checkpointer: Checkpointer;
  readonly #departures: Departures;
  readonly #cursor: Cursor;
  readonly #overlay: Overlay;
  #unpublished: { readonly record: Published; readonly body: Uint8Array }[] = [];
  readonly #pace = new Pace();
  readonly #outputs = new Pace(OUTPUTS);
  /** When the last turn ended, if it left outputs for the next. */
  #leftMs: number | undefined;
  #isAppending = false;
  #isTurnDue = false;
  #wakeAt: { readonly ms: number; readonly cancel: () => void } | undefined;
  #stopped: Error | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: LoopOptions) {
    this.state = options.state;
    this.policy = options.policy;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#time = new LogTime(options.clock, options.state.timeMs);
    this.#telemetry = options.telemetry;
    this.#onFatal = options.onFatal;
    this.gate = new Gate(this.state.revision);
    const limits = options.limits ?? DEFAULT_LIMITS;
    this.hub = new Hub(options.log, this.state.revision, limits);
    this.specs = new Specs(options.log);
    this.#archivist = new Archivist(this.state);
    this.#checkpointer = new Checkpointer(this.state, options.log.head.checkpointRevision, limits);
    this.#departures = new Departures(this.state);
    this.#cursor = new Cursor(this.state);
    this.#overlay = new Overlay(this.state);
    this.#turnSoon();
  }

  /** Wall time that never runs behind the last record, nor stands still. */
  nowMs(): number {
    return this.#time.nowMs();
  }

  /**
   * Takes a command; it is decided within one of the next turns, and answered when what it was decided from is durable. A full
   * lane refuses at once: whoever sends can wait, nobody here should.
   */
  execute<C extends Command>(
    lane: Lane,
    command: C,
    who: Omit<Context, 'nowMs'>,
    answer: Answer<AnswerOf<C['kind']>>,
    options: ExecuteOptions<AnswerOf<C['kind']>> = {},
  ): void {
    if (this.#stopped !== undefined) return answer(shuttingDown(), this.state.revision);
    const isTaken = this.#inbox.push(lane, () => {
      const context = { ...who, nowMs: this.nowMs() };
      const outcome = this.#decideAndFold(command, context, options.validateOnly ?? false);
      const { revision } = this.state;
      options.onDecided?.(outcome);
      this.gate.when(revision, () => answer(outcome, revision));
    });
    if (isTaken) this.#turnSoon();
    else
      answer(
        refuse(
          'RESOURCE_EXHAUSTED',
          'CONTROLLER_BUSY',
          'too many requests are waiting; try again',
          { retryAfterMs: 1000 },
        ),
        this.state.revision,
      );
  }

  /** Reads the state now and answers when what was read is durable. */
  query<T>(read: (state: State) => T, answer: (value: T, revision: number) => void): void {
    const value = read(this.state);
    const { revision } = this.state;
    this.gate.when(revision, () => answer(value, revision));
  }

  /** Commands that no turn has come to yet. */
  get waitingCommands(): number {
    return this.#inbox.length;
  }

  /** Classes that the scheduler has judged without success, with the reason; some may have no ready jobs any more. */
  get setAside(): Cursor['setAside'] {
    return this.#cursor.setAside;
  }

  /** Something that is not a command has changed what the scheduler sees. */
  nudge(): void {
    this.#turnSoon();
  }

  /** Takes no more commands; calls back when all that was taken is durable and answered. */
  stop(onIdle: () => void): void {
    this.#stopped ??= new Error('the controller is shutting down');
    this.#onIdle = onIdle;
    this.#wakeAt?.cancel();
    this.#turnSoon();
  }

  #turnSoon(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.#clock.soon(() => {
      this.#isTurnDue = false;
      try {
        this.#turn();
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #turn(): void {
    const begin = this.#clock.bootMs();
    // What a turn lets go is encoded and sent after it, and before the next.
    if (this.#leftMs !== undefined) this.#outputs.took(this.#outputs.steps, begin - this.#leftMs);
    const hasMoreOutputs = this.gate.release(this.#outputs.steps);
    while (!this.#group.isFull) {
      const job = this.#inbox.shift();
      if (job === undefined) break;
      job();
      if (this.#clock.bootMs() - begin > SLICE_MS) break;
    }
    const isDone = this.#group.isFull || this.#stopped !== undefined ? true : this.#decideOwn();
    this.#append();
    this.stats.turns++;
    this.#leftMs = hasMoreOutputs ? this.#clock.bootMs() : undefined;
    const hasMore = !this.#group.isFull && (!isDone || this.#inbox.length > 0);
    if (hasMore || hasMoreOutputs) this.#turnSoon();
    else if (this.#stopped !== undefined && this.#isIdle()) this.#onIdle?.();
  }

  #isIdle(): boolean {
    const isAnswered = this.gate.waiting === 0;
    return this.#inbox.length === 0 && !this.#isAppending && this.#group.isEmpty && isAnswered;
  }

  #decideAndFold<C extends Command>(
    command: C,
    context: Context,
    validateOnly: boolean,
  ): Outcome<AnswerOf<C['kind']>> {
    let outcome: Outcome<AnswerOf<C['kind']>>;
    try {
      outcome = decide(this.state, command, context);
    } catch (error) {
      // Nothing has changed: decide never mutates.
      this.#telemetry.error('a command could not be decided', {
        kind: command.kind,
        requestId: context.requestId,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      return refuse(
        'INTERNAL',
        'DECISION_FAILED',
        `internal error; the request id is ${context.requestId}`,
      );
    }
    this.stats.count(command.kind, outcome.kind);
    if (outcome.kind === 'refusal' || outcome.events.length === 0 || validateOnly) return outcome;
    this.#fold(context, outcome.events, command.kind === 'submitJobs' ? command : undefined);
    return outcome;
  }

  #fold(
    context: Context,
    events: readonly Event[],
    submission: CommandOf<'submitJobs'> | undefined,
  ): void {
    const revision = this.state.revision + 1;
    this.#archivist.before(events);
    this.stats.folding(this.state, events, context.nowMs);
    // Throws only if the core is wrong; then the process ends before the append.
    foldRecord(this.state, revision, context.nowMs, events);
    const submitted = this.#archivist.submitted(events, submission, context.nowMs);
    for (const job of submitted) this.specs.add(job.uid, job.spec);
    const ended = this.#archivist.ended(events);
    const body = this.#group.add(revision, context, events, submitted, ended);
    const { nowMs: timeMs, actor } = context;
    this.#unpublished.push({ record: { revision, timeMs, actor, events }, body });
    this.#departures.folded(events);
    this.onFolded(events, revision);
  }

  /** What nobody has to ask for. Answers whether nothing is left to plan. */
  #decideOwn(): boolean {
    const nowMs = this.nowMs();
    for (const id of this.#departures.due()) {
      const context = { actor: CONTROLLER, method: 'drains/leave', requestId: '', nowMs };
      this.#decideAndFold({ kind: 'leaveDataCenter', id }, context, false);
    }
    return this.#planSlice(nowMs);
  }

  #planSlice(nowMs: number): boolean {
    const nextMs = releaseDelayed(this.state, nowMs);
    if (nextMs !== undefined) this.#wake(this.#time.delayUntil(nextMs));
    const begin = this.#clock.bootMs();
    if (!collect(this.state, this.#cursor)) {
      this.stats.planned(begin, this.#clock.bootMs(), false);
      return false;
    }
    if (this.#cursor.ready.size === 0) {
      this.stats.nothingToPlan();
      return true;
    }
    const supply = new QueueSupply(this.state);
    const slice = plan(
      this.state,
      this.#overlay,
      this.policy,
      this.#cursor,
      supply,
      this.#pace.steps,
    );
    // The overlay has done its work: the fold takes the same room in the state.
    this.#overlay.clear();
    if (slice.decisions.length > 0) {
      const context = { actor: CONTROLLER, method: 'scheduler/place', requestId: '', nowMs };
      const outcome = this.#decideAndFold(
        { kind: 'place', placements: slice.decisions },
        context,
        false,
      );
      const dropped = outcome.kind === 'accepted' ? outcome.answer.dropped : slice.decisions.length;
      this.stats.placed += slice.decisions.length - dropped;
      this.stats.dropped += dropped;
      if (dropped > 0) returnDropped(this.state, this.#cursor, slice.decisions);
    }
    const end = this.#clock.bootMs();
    this.#pace.took(slice.steps, end - begin);
    this.stats.planned(begin, end, slice.isDone);
    return slice.isDone;
  }

  #wake(delayMs: number): void {
    const ms = this.#clock.bootMs() + delayMs;
    if (this.#wakeAt !== undefined && this.#wakeAt.ms <= ms) return;
    this.#wakeAt?.cancel();
    const cancel = this.#clock.after(Math.max(1, delayMs), () => {
      this.#wakeAt = undefined;
      this.#turnSoon();
    });
    this.#wakeAt = { ms, cancel };
  }

  #append(): void {
    if (this.#isAppending || this.#group.isEmpty) return;
    const { revision } = this.state;
    const published = this.#unpublished;
    this.#unpublished = [];
    const group = this.#group.take(this.#checkpointer.slice());
    this.#isAppending = true;
    const begin = this.#clock.bootMs();
    this.#log.append(group, (error) => {
      this.#isAppending = false;
      if (error !== undefined) return this.#fail(error);
      this.stats.appended(group.records.length, this.#clock.bootMs() - begin);
      this.gate.opened(revision);
      for (const { record, body } of published) this.hub.publish(record, body);
      this.hub.wake();
      this.#turnSoon();
    });
  }

  #fail(error: Error): void {
    if (this.#stopped === undefined)
      this.#telemetry.error('the controller stops', { error: error.message });
    this.#stopped = error;
    this.#onFatal(error);
  }
}

function shuttingDown() {
  return refuse('UNAVAILABLE', 'SHUTTING_DOWN', 'the controller is shutting down; try again', {
    retryAfterMs: 1000,
  });
}
