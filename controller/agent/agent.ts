// An agent: the protocol, an executor and a way to reach the controller, wired together.
import type { ConnectRequest, ConnectResponse } from '#gen/isobar/v1/agent.ts';
import { Placement } from '#gen/isobar/v1/resources.ts';
import type { Clock } from '#ports/clock.ts';
import type { Executor } from '#ports/executor.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { AgentProtocol, type Membership } from './protocol.ts';

/** A way to the controller. Calls back only later, never within `connect`. */
export interface Uplink {
  connect(events: UplinkEvents): Connection;
}

export interface UplinkEvents {
  opened(): void;
  received(message: ConnectResponse): void;
  /** Once, also when it never opened. */
  closed(why: string): void;
}

export interface Connection {
  send(message: ConnectRequest): void;
  close(): void;
}

export interface AgentOptions {
  readonly dataCenter: string;
  readonly version: string;
  readonly executor: Executor;
  readonly uplink: Uplink;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Read at the start, and written whenever it changes. */
  readonly membership: { readonly initial: Membership; save(membership: Membership): void };
  /** A person has to act; the process should end. */
  readonly onFatal: (why: string) => void;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #protocol: AgentProtocol;
  #connection: Connection | undefined;
  #wake: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #isFlushDue = false;
  #isStopped = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { executor, version, random, membership } = options;
    const identity = {
      version,
      executor: executor.kind,
      placement: Placement[executor.placement],
      offers: executor.offers,
      instance: Buffer.from(random.bytes(8)).toString('hex'),
      membership: membership.initial,
    };
    this.#protocol = new AgentProtocol(
      identity,
      {
        connect: () => this.#connect(),
        send: (message) => this.#connection?.send(message),
        disconnect: (why) => this.#disconnect(why),
        start: (assignment) => executor.start(assignment),
        stop: (run) => executor.stop(run),
        forget: (run) => executor.forget(run),
        setFence: (deadlineMs) => executor.setFence(deadlineMs),
        remember: (now) => membership.save(now),
        wakeAt: (bootMs) => this.#wakeAt(bootMs),
        fatal: (why) => options.onFatal(why),
      },
      () => random.next(),
    );
  }

  get isJoined(): boolean {
    return this.#protocol.isJoined;
  }

  /** Adopts what an earlier agent left running, then joins, and stays joined until it is stopped. */
  async start(): Promise<void> {
    const { executor, clock } = this.#options;
    const { nodes, runs } = await executor.open({
      runChanged: (report) => {
        this.#protocol.runChanged(report, clock.bootMs());
        this.#flushSoon();
      },
      nodesChanged: (changed) => {
        this.#protocol.nodesChanged(changed);
        this.#flushSoon();
      },
    });
    if (!this.#isStopped) this.#protocol.started(nodes, runs, clock.bootMs());
  }

  /** What runs goes on without the agent, under the fence, unless told to stop. */
  async stop(options: { readonly stopRuns: boolean }): Promise<void> {
    this.#isStopped = true;
    this.#wake?.cancel();
    this.#protocol.stop();
    await this.#options.executor.close(options);
  }

  #connect(): void {
    const { uplink, clock, telemetry } = this.#options;
    const connection = uplink.connect({
      opened: () => {
        if (this.#connection === connection) this.#protocol.connected(clock.bootMs());
      },
      received: (message) => {
        if (this.#connection === connection) this.#protocol.received(message, clock.bootMs());
      },
      closed: (why) => {
        if (this.#connection !== connection) return;
        this.#connection = undefined;
        telemetry.warn('the connection to the controller is gone', { why });
        this.#protocol.disconnected(clock.bootMs());
      },
    });
    this.#connection = connection;
  }

  #disconnect(why: string): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#options.telemetry.warn('leaving the connection to the controller', { why });
    connection?.close();
    this.#protocol.disconnected(this.#options.clock.bootMs());
  }

  #wakeAt(atMs: number): void {
    if (this.#isStopped) return;
    this.#wake?.cancel();
    const { clock } = this.#options;
    const cancel = clock.after(Math.max(0, atMs - clock.bootMs()), () => {
      this.#wake = undefined;
      this.#protocol.tick(clock.bootMs());
    });
    this.#wake = { atMs, cancel };
  }

  /** Reports of one moment go in one message. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#options.clock.soon(() => {
      this.#isFlushDue = false;
      this.#protocol.flush(this.#options.clock.bootMs());
    });
  }
}
