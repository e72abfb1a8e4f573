// Sessions with agents: one for each data center that is connected. What the log decides becomes messages here, after the gate;
// what agents say becomes commands.
import type { JoinAnswer, RunKey } from '#core/command.ts';
import { NONE } from '#core/columns.ts';
import { observe } from '#core/observe.ts';
import { refuse, type Refusal } from '#domain/refusal.ts';
import { isRunFinal, JobState, type RunState } from '#domain/states.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import type { ConnectRequest, ConnectResponse, Hello } from '#gen/isobar/v1/agent.ts';
import type { Clock } from '#ports/clock.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Leases } from './leases.ts';
import type { Loop } from './loop.ts';
import { refuseHello, toNodes, toReports } from './agent-messages.ts';
import { Outbox, toRef } from './outbox.ts';
import { partsOf } from './views.ts';

/** Assignments that may be under way to one agent. Enough for a second of the busiest, few enough to be sent again. */
const CREDIT = 4096;
const RESEND_CHECK_MS = 2_000;

/** The other end of a session. */
export interface AgentLink {
  /** False: the agent does not keep up; the link is then closed. */
  send(message: ConnectResponse): boolean;
  close(why: Refusal): void;
}

interface Session {
  readonly dataCenter: string;
  readonly number: number;
  readonly link: AgentLink;
  readonly outbox: Outbox;
  /** As it was granted with the welcome. */
  leaseMs: number | undefined;
  isOpen: boolean;
}

export interface SessionHandle {
  receive(message: ConnectRequest): void;
  closed(): void;
}

export interface SessionOptions {
  readonly loop: Loop;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Instead of CREDIT. */
  readonly credit?: number;
}

export class Sessions {
  readonly #loop: Loop;
  readonly #leases: Leases;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #credit: number;
  /** By data center. */
  readonly #sessions = new Map<string, Session>();
  #lastNumber = 0;
  #isStopped = false;

  constructor(options: SessionOptions) {
    this.#loop = options.loop;
    this.#leases = options.leases;
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
    this.#credit = options.credit ?? CREDIT;
    this.#loop.onFolded = (events, revision) => this.#folded(events, revision);
    this.#checkSoon();
  }

  get open(): number {
    return this.#sessions.size;
  }

  /**
   * An agent said hello. Its session begins when what that changed is durable; an older session of the data center ends then.
   * `refused`: the agent must not come back as it is.
   */
  connect(dataCenter: string, hello: Hello, link: AgentLink): SessionHandle {
    const no = refuseHello(hello, this.#loop.state);
    if (no !== undefined) {
      link.close(no);
      return { receive() {}, closed() {} };
    }
    // Higher than any that this or an earlier controller gave out, as long as wall time does not go back by a restart's length.
    this.#lastNumber = Math.max(this.#lastNumber + 1, this.#loop.nowMs());
    const session: Session = {
      dataCenter,
      number: this.#lastNumber,
      link,
      outbox: new Outbox({
        dataCenter,
        loop: this.#loop,
        clock: this.#clock,
        telemetry: this.#telemetry,
        send: (message) => this.#send(session, message),
      }),
      leaseMs: undefined,
      isOpen: true,
    };
    const nowMs = this.#loop.nowMs();
    const command = {
      kind: 'joinDataCenter' as const,
      id: dataCenter,
      executor: hello.executor,
      placement: hello.placement,
      offers: hello.offers,
      nodes: toNodes(hello.nodes),
      runs: toReports(hello.runs, nowMs),
    };
    this.#loop.execute(
      'agents',
      command,
      this.#who(dataCenter, 'Connect'),
      (outcome) => {
        if (!session.isOpen) return;
        if (outcome.kind === 'refusal') link.close(outcome);
        else this.#welcome(session, hello, outcome.answer);
      },
      {
        onDecided: (outcome) =>
          outcome.kind === 'accepted' && session.isOpen && this.#begin(session, hello),
      },
    );
    return {
      receive: (message) => this.#receive(session, message),
      closed: () => this.#end(session),
    };
  }

  /**
   * In the turn that decided what goes on and what stops: from here on the data center is connected, so that its lease, which
   * may be due in the same turn, does not start elsewhere what was just adopted.
   */
  #begin(session: Session, hello: Hello): void {
    const { dataCenter, number } = session;
    const before = this.#sessions.get(dataCenter);
    if (before !== undefined) {
      before.link.close(refuse('ABORTED', 'SESSION_REPLACED', 'the agent has connected again'));
      this.#end(before);
    }
    this.#sessions.set(dataCenter, session);
    observe(this.#loop.state, { kind: 'sessionOpened', dataCenter, number, credit: this.#credit });
    for (const node of hello.nodes) this.#observeForeign(dataCenter, node);
    this.#leases.renewed(dataCenter);
  }

  #welcome(session: Session, hello: Hello, answer: JoinAnswer): void {
    const { dataCenter, number } = session;
    const { federation, incarnation } = this.#loop.state;
    const { leaseMs, driftMs } = this.#leases.timesOf(dataCenter);
    session.leaseMs = leaseMs;
    this.#leases.renewed(dataCenter);
    this.#send(session, {
      $case: 'welcome',
      value: {
        session: number,
        federation,
        incarnation,
        leaseMillis: leaseMs,
        driftMillis: driftMs,
        adopt: answer.adopt.map(toRef),
        stop: answer.stop.map(toRef),
        credit: this.#credit,
      },
    });
    if (answer.forget.length > 0) {
      this.#send(session, {
        $case: 'acknowledged',
        value: { sequence: 0, forget: answer.forget.map(toRef) },
      });
    }
    session.outbox.expectStop(answer.stop);
    session.outbox.start(answer.send);
    this.#telemetry.info('an agent has joined', {
      dataCenter,
      runs: hello.runs.length,
      nodes: hello.nodes.length,
    });
    this.#loop.nudge();
  }

  #receive(session: Session, { message }: ConnectRequest): void {
    if (!session.isOpen || this.#sessions.get(session.dataCenter) !== session) return;
    switch (message?.$case) {
      case 'heartbeat':
        this.#leases.renewed(session.dataCenter);
        this.#send(session, { $case: 'leaseRenewed', value: { sequence: message.value.sequence } });
        return;
      case 'reports':
        return this.#report(session, message.value.sequence, message.value.runs);
      case 'nodes': {
        const { dataCenter } = session;
        const nodes = message.value.nodes;
        const command = {
          kind: 'reportNodes' as const,
          dataCenter,
          nodes: toNodes(nodes.filter((node) => !node.removed)),
          removed: nodes.filter((node) => node.removed).map((node) => node.node),
        };
        this.#loop.execute('agents', command, this.#who(dataCenter, 'Connect'), (outcome) => {
          if (outcome.kind === 'refusal') {
            // Nodes are told once in a session: a new one begins with all of them.
            session.link.close(outcome);
            return this.#end(session);
          }
          for (const node of nodes) this.#observeForeign(dataCenter, node);
          this.#loop.nudge();
        });
        return;
      }
      case 'hello':
      case undefined:
        session.link.close(
          refuse(
            'INVALID_ARGUMENT',
            'UNEXPECTED_MESSAGE',
            'hello comes first and once; update the agent',
          ),
        );
        return this.#end(session);
      default:
        message satisfies never;
    }
  }

  #report(session: Session, sequence: number, runs: Parameters<typeof toReports>[0]): void {
    const { dataCenter } = session;
    session.outbox.answered(
      runs.map((run) => ({
        key: { uid: run.jobUid, index: run.index, epoch: run.epoch },
        // Only run states come over the wire; others are refused by decide.
        isFinal: isRunFinal(run.phase as RunState),
      })),
    );
    for (const run of runs) this.#loop.specs.drop(run.jobUid);
    const command = {
      kind: 'reportRuns' as const,
      dataCenter,
      runs: toReports(runs, this.#loop.nowMs()),
    };
    this.#loop.execute('agents', command, this.#who(dataCenter, 'Connect'), (outcome) => {
      // A refusal is that the lane is full, or that the data center is gone: the agent repeats what is not acknowledged.
      if (outcome.kind === 'refusal' || !session.isOpen) return;
      const { stop, forget } = outcome.answer;
      this.#send(session, {
        $case: 'acknowledged',
        value: { sequence, forget: forget.map(toRef) },
      });
      session.outbox.stop(stop);
    });
  }

  #observeForeign(dataCenter: string, node: Parameters<typeof toNodes>[0][number]): void {
    if (node.foreign === undefined) return;
    const { cpuMillis, memoryMib, storageMib } = node.foreign;
    observe(this.#loop.state, {
      kind: 'foreignUse',
      dataCenter,
      node: node.node,
      cpuMillis,
      memoryMib,
      storageMib,
    });
  }

  /** What a record means for agents. It goes out when the record is durable. */
  #folded(events: readonly Event[], revision: number): void {
    const assign = new Map<string, RunKey[]>();
    const stop = new Map<string, RunKey[]>();
    for (const { kind } of events) {
      if (kind?.$case === 'dataCenterDeleted') this.#deleted(kind.value.id, revision);
      if (kind?.$case === 'dataCenterPut') this.#changed(kind.value.id, revision);
      if (kind?.$case === 'runReserved') {
        const { uid, index, epoch, parts } = kind.value;
        for (const { dataCenter } of parts) add(assign, dataCenter, { uid, index, epoch });
      } else if (kind?.$case === 'jobChanged' && kind.value.state === JobState.STOPPING) {
        const run = this.#runOfJob(kind.value.uid);
        if (run !== undefined)
          for (const dataCenter of run.dataCenters) add(stop, dataCenter, run.key);
      }
    }
    if (assign.size === 0 && stop.size === 0) return;
    // Counted from the decision on, so that the next slice sees it.
    for (const [dataCenter, keys] of assign) this.#sessions.get(dataCenter)?.outbox.expect(keys);
    this.#loop.gate.when(revision, () => {
      for (const [dataCenter, keys] of assign) this.#sessions.get(dataCenter)?.outbox.start(keys);
      for (const [dataCenter, keys] of stop) this.#sessions.get(dataCenter)?.outbox.stop(keys);
    });
  }

  /** If it is registered again, its agent has to say hello to the new one. */
  #deleted(dataCenter: string, revision: number): void {
    const why = `there is no data center ${dataCenter} any more; register it, or stop its agent`;
    this.#loop.gate.when(revision, () =>
      this.drop(dataCenter, refuse('NOT_FOUND', 'DATA_CENTER_NOT_FOUND', why)),
    );
  }

  /** A lease that was granted holds until the agent has been welcomed with another one. */
  #changed(dataCenter: string, revision: number): void {
    this.#loop.gate.when(revision, () => {
      const leaseMs = this.#sessions.get(dataCenter)?.leaseMs;
      if (leaseMs === undefined || leaseMs === this.#leases.timesOf(dataCenter).leaseMs) return;
      this.drop(
        dataCenter,
        refuse('ABORTED', 'LEASE_CHANGED', 'the lease has changed; connect again'),
      );
    });
  }

  #runOfJob(
    uid: number,
  ): { readonly key: RunKey; readonly dataCenters: readonly string[] } | undefined {
    const { jobs, runs } = this.#loop.state;
    const row = jobs.rowOf(uid);
    const run = row === undefined ? NONE : jobs.run[row]!;
    if (row === undefined || run === NONE) return undefined;
    const key = { uid, index: runs.index[run]!, epoch: jobs.epoch[row]! };
    return { key, dataCenters: partsOf(this.#loop.state, run).map((part) => part.dataCenter) };
  }

  #send(session: Session, message: NonNullable<ConnectResponse['message']>): void {
    if (!session.isOpen) return;
    if (session.link.send({ message })) return;
    session.link.close(
      refuse('RESOURCE_EXHAUSTED', 'AGENT_TOO_SLOW', 'the agent does not read what it is sent'),
    );
    this.#end(session);
  }

  #end(session: Session): void {
    if (!session.isOpen) return;
    session.isOpen = false;
    session.outbox.close();
    if (this.#sessions.get(session.dataCenter) !== session) return;
    this.#sessions.delete(session.dataCenter);
    observe(this.#loop.state, {
      kind: 'sessionClosed',
      dataCenter: session.dataCenter,
      number: session.number,
    });
    this.#telemetry.warn('the session with an agent has ended', { dataCenter: session.dataCenter });
  }

  /** The agent has been silent for too long, or its data center is gone. */
  drop(dataCenter: string, why: Refusal): void {
    const session = this.#sessions.get(dataCenter);
    if (session === undefined) return;
    session.link.close(why);
    this.#end(session);
  }

  #checkSoon(): void {
    this.#clock.after(RESEND_CHECK_MS, () => {
      if (this.#isStopped) return;
      for (const { outbox } of this.#sessions.values()) outbox.resend();
      this.#checkSoon();
    });
  }

  close(): void {
    this.#isStopped = true;
    for (const session of this.#sessions.values()) {
      session.link.close(
        refuse('UNAVAILABLE', 'SHUTTING_DOWN', 'the controller is shutting down; connect again'),
      );
      this.#end(session);
    }
  }

  #who(dataCenter: string, method: string) {
    return {
      actor: `agent/${dataCenter}`,
      method: `isobar.v1.AgentService/${method}`,
      requestId: '',
    };
  }
}

function add(map: Map<string, RunKey[]>, dataCenter: string, key: RunKey): void {
  const keys = map.get(dataCenter);
  if (keys === undefined) map.set(dataCenter, [key]);
  else keys.push(key);
}
