// The machine of the controller: it starts the real loop from what is durable, crashes, and starts again.
import type { AnswerOf, Command, Outcome } from '#core/command.ts';
import type { State } from '#core/state.ts';
import { refuse } from '#domain/refusal.ts';
import type { MemoryDisk } from '#log/memory-disk.ts';
import { Leases } from '#loop/leases.ts';
import { Loop, type Limits } from '#loop/loop.ts';
import { recover } from '#loop/recover.ts';
import { Sessions } from '#loop/sessions.ts';
import type { AppendGroup } from '#ports/log.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { DEFAULT_POLICY, type Policy } from '#scheduler/policy.ts';
import { Process, type Machine } from './machine.ts';
import type { Listener } from './network.ts';
import { ObservedLog } from './observed-log.ts';

/** A controller that is up. */
export interface Running {
  readonly process: Process;
  readonly log: ObservedLog;
  readonly loop: Loop;
  readonly leases: Leases;
  readonly sessions: Sessions;
}

export interface HostOptions {
  readonly machine: Machine;
  readonly disk: MemoryDisk;
  readonly limits: Limits;
  readonly credit?: number;
  readonly policy?: Policy;
  readonly telemetry: (process: Process) => Telemetry;
  /** How long an append or a read takes now. */
  readonly delayMs: (what: 'append' | 'read') => number;
  /** Something asynchronous has gone on: promises are to be drained before the next event. */
  readonly onAsync: () => void;
  readonly onDurable: (group: AppendGroup, running: Running | undefined) => void;
  readonly onRecovered: (state: State, log: ObservedLog) => void;
  readonly onUp: (running: Running) => void;
  readonly onFatal: (error: Error) => void;
  readonly onBroken: (error: unknown) => void;
}

export class Host {
  readonly #options: HostOptions;
  #process: Process | undefined;
  #log: ObservedLog | undefined;
  #running: Running | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  get running(): Running | undefined {
    return this.#running;
  }

  /** Up or on its way. */
  get process(): Process | undefined {
    return this.#process;
  }

  get log(): ObservedLog | undefined {
    return this.#log;
  }

  start(): void {
    const { machine, disk, delayMs, onAsync, onDurable, onBroken } = this.#options;
    const process = new Process(machine);
    this.#process = process;
    const log = new ObservedLog(
      {
        disk,
        schedule: (call, what) =>
          process.after(delayMs(what), () => {
            onAsync();
            call();
          }),
      },
      (group) => onDurable(group, this.#running),
    );
    this.#log = log;
    onAsync();
    recover(log)
      .then((state) => process.deliver(() => this.#begin(process, log, state)))
      .catch((error: unknown) => onBroken(error));
  }

  #begin(process: Process, log: ObservedLog, state: State): void {
    const { limits, credit, policy = DEFAULT_POLICY, onFatal, onRecovered, onUp } = this.#options;
    onRecovered(state, log);
    const telemetry = this.#options.telemetry(process);
    const loop = new Loop({ state, log, clock: process, telemetry, policy, limits, onFatal });
    const leases = new Leases({
      loop,
      clock: process,
      telemetry,
      onSilent: (dataCenter) =>
        sessions.drop(
          dataCenter,
          refuse('ABORTED', 'AGENT_SILENT', 'the agent was silent for too long; connect again'),
        ),
    });
    const sessions = new Sessions({
      loop,
      leases,
      clock: process,
      telemetry,
      ...(credit === undefined ? {} : { credit }),
    });
    this.#running = { process, log, loop, leases, sessions };
    onUp(this.#running);
  }

  /** Everything in memory is gone. */
  crash(underWay: 'lost' | 'durable'): Process | undefined {
    const process = this.#process;
    process?.kill();
    this.#running = undefined;
    this.#log?.crash(underWay);
    this.#process = undefined;
    this.#log = undefined;
    return process;
  }

  /** What agents reach. */
  listener(): Listener | undefined {
    const running = this.#running;
    if (running === undefined) return undefined;
    return {
      process: running.process,
      accept: (dataCenter, hello, link) => running.sessions.connect(dataCenter, hello, link),
    };
  }

  /** A command of a person, as it has come over the network. False: nobody is there. */
  execute<C extends Command>(
    command: C,
    actor: string,
    answer: (outcome: Outcome<AnswerOf<C['kind']>>, revision: number, running: Running) => void,
  ): boolean {
    const running = this.#running;
    if (running === undefined) return false;
    running.process.deliver(() =>
      running.loop.execute(
        'callers',
        command,
        { actor, method: `isobar.v1.Simulated/${command.kind}`, requestId: '' },
        (outcome, revision) => answer(outcome, revision, running),
      ),
    );
    return true;
  }
}
