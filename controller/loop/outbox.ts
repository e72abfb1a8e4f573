// What an agent has to do and has not answered yet: runs to start and runs to stop. Both are repeated until they are answered, so
// a lost message costs time only; both are harmless twice, because executors know a run by job and epoch.
import type { RunKey } from '#core/command.ts';
import { observe } from '#core/observe.ts';
import { classOf } from '#core/queue.ts';
import { UnreachablePolicy } from '#core/run-events.ts';
import { keyText, liveRun } from '#core/runs.ts';
import { jobName, userName } from '#domain/names.ts';
import type { Assignment, ConnectResponse, RunRef } from '#gen/isobar/v1/agent.ts';
import type { Clock } from '#ports/clock.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Loop } from './loop.ts';
import { partsOf } from './views.ts';

/** Small enough that heartbeats slip in between, and so far below the limit of a message that one large job more fits. */
const ASSIGNMENTS_A_MESSAGE = 256;
const SPEC_BYTES_A_MESSAGE = 1024 * 1024;
/** An assignment or a stop that was not answered for so long is sent again. */
const RESEND_MS = 10_000;
/**
 * A run that the log has given up is told to stop as often as this, for an hour: nothing but its agent's answer ends that
 * otherwise. It is told again whenever it is heard of.
 */
const MOST_STOPS = 360;

interface Sent {
  readonly key: RunKey;
  /** Boot time of the last sending. */
  readonly sentMs: number;
}

interface SentStop extends Sent {
  readonly times: number;
}

/** The gate has not opened for it: never late. */
const NOT_SENT = Number.POSITIVE_INFINITY;

export interface OutboxOptions {
  readonly dataCenter: string;
  readonly loop: Loop;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly send: (message: NonNullable<ConnectResponse['message']>) => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #starting = new Map<string, Sent>();
  readonly #stopping = new Map<string, SentStop>();
  #isClosed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Runs were decided for this agent: they use its credit from now on, and are sent when that is durable. */
  expect(keys: readonly RunKey[]): void {
    for (const key of keys) this.#starting.set(keyText(key), { key, sentMs: NOT_SENT });
    this.#tellCredit();
  }

  /** Sends runs to start, with their specifications. */
  start(keys: readonly RunKey[]): void {
    if (keys.length === 0) return;
    for (const key of keys) this.#starting.set(keyText(key), { key, sentMs: this.#nowMs() });
    const { loop, telemetry, send } = this.#options;
    loop.specs.read(
      keys.map((key) => key.uid),
      (specs, error) => {
        if (error !== undefined) {
          telemetry.error('specifications could not be read', { error: error.message });
        }
        if (this.#isClosed) return;
        for (const runs of inMessages(this.#assignments(keys, specs))) {
          send({ $case: 'assignments', value: { runs } });
        }
      },
    );
  }

  #assignments(keys: readonly RunKey[], specs: readonly (Uint8Array | undefined)[]): Assignment[] {
    const runs: Assignment[] = [];
    for (const [i, key] of keys.entries()) {
      const spec = specs[i];
      // Not read now: it is sent again later. Not expected any more: the agent answered meanwhile.
      if (spec === undefined || !this.#starting.has(keyText(key))) continue;
      const assignment = this.#assignmentOf(key, spec);
      if (assignment === undefined) this.#starting.delete(keyText(key));
      else runs.push(assignment);
    }
    this.#tellCredit();
    return runs;
  }

  /** Undefined: the run has ended meanwhile. */
  #assignmentOf(key: RunKey, spec: Uint8Array): Assignment | undefined {
    const { dataCenter, loop } = this.#options;
    const { state } = loop;
    const run = liveRun(state, key);
    if (run === undefined) return undefined;
    const row = state.runs.job[run]!;
    const tenant = state.jobs.tenantOf(row);
    const part = partsOf(state, run).find((candidate) => candidate.dataCenter === dataCenter);
    return {
      run: toRef(key),
      job: jobName(tenant, state.jobs.idOf(row)),
      user: userName(tenant, state.jobs.userOf(row)),
      spec,
      allocations: part?.allocations ?? [],
      withoutLease: classOf(state, row).entity.unreachable === UnreachablePolicy.WAIT,
    };
  }

  /**
   * Runs that were told to stop already are told again when it is time: an agent answers each stop with how far it has come,
   * and if that brought another stop, the two would go on as fast as the wire allows until the run is dead.
   */
  stop(keys: readonly RunKey[]): void {
    const untold = keys.filter((key) => !this.#stopping.has(keyText(key)));
    if (untold.length === 0) return;
    this.expectStop(untold);
    this.#options.send({ $case: 'stops', value: { runs: untold.map(toRef) } });
  }

  /** The welcome names these already. */
  expectStop(keys: readonly RunKey[]): void {
    const sentMs = this.#nowMs();
    for (const key of keys) this.#stopping.set(keyText(key), { key, sentMs, times: 1 });
  }

  /** The agent reports these runs. */
  answered(reports: readonly { readonly key: RunKey; readonly isFinal: boolean }[]): void {
    for (const { key, isFinal } of reports) {
      this.#starting.delete(keyText(key));
      if (isFinal) this.#stopping.delete(keyText(key));
    }
    this.#tellCredit();
  }

  /** Sends again what was not answered for too long. */
  resend(): void {
    const before = this.#nowMs() - RESEND_MS;
    this.start(
      [...this.#starting.values()].filter(({ sentMs }) => sentMs <= before).map(({ key }) => key),
    );
    this.#stopAgain([...this.#stopping.values()].filter(({ sentMs }) => sentMs <= before));
  }

  /** Also runs that have ended for the log: if such a run is alive, nobody counts on it, and nobody else stops it. */
  #stopAgain(late: readonly SentStop[]): void {
    const { loop, send } = this.#options;
    const sentMs = this.#nowMs();
    const runs: RunRef[] = [];
    for (const { key, times } of late) {
      const isGivenUp = times >= MOST_STOPS && liveRun(loop.state, key) === undefined;
      if (isGivenUp) this.#stopping.delete(keyText(key));
      else {
        this.#stopping.set(keyText(key), { key, sentMs, times: times + 1 });
        runs.push(toRef(key));
      }
    }
    if (runs.length > 0) send({ $case: 'stops', value: { runs } });
  }

  close(): void {
    this.#isClosed = true;
  }

  #tellCredit(): void {
    const { dataCenter, loop } = this.#options;
    if (this.#isClosed) return;
    observe(loop.state, { kind: 'unacknowledged', dataCenter, count: this.#starting.size });
  }

  #nowMs(): number {
    return this.#options.clock.bootMs();
  }
}

export function toRef({ uid, index, epoch }: RunKey): RunRef {
  return { jobUid: uid, index, epoch };
}

function* inMessages(runs: readonly Assignment[]): Iterable<Assignment[]> {
  let message: Assignment[] = [];
  let bytes = 0;
  for (const run of runs) {
    message.push(run);
    bytes += run.spec.length;
    if (message.length < ASSIGNMENTS_A_MESSAGE && bytes < SPEC_BYTES_A_MESSAGE) continue;
    yield message;
    message = [];
    bytes = 0;
  }
  if (message.length > 0) yield message;
}
