// The agent's side of the protocol, without any input or output of its own: what happens goes in, what is to be done comes out
// through Actions. The process that runs it, and the simulator, drive the same code.
//
// The executor is the truth about what runs. What is kept here is only what has to be said: reports are repeated until they are
// acknowledged, and a lease counts from when the heartbeat was sent that the controller has answered last.
import { AGENT_PROTOCOL, heartbeatMsOf } from '#domain/agent-protocol.ts';
import { isRunFinal, type RunState } from '#domain/states.ts';
import type {
  Assignment,
  ConnectRequest,
  ConnectResponse,
  NodeReport,
  RunReport,
  Welcome,
} from '#gen/isobar/v1/agent.ts';
import type { Placement } from '#gen/isobar/v1/resources.ts';
import { keyOf, type RunKey } from '#ports/executor.ts';

const REPORTS_A_MESSAGE = 512;
/** A report that was not acknowledged for so long is sent again. */
const RESEND_MS = 10_000;
/** A controller that does not answer hello for so long is given up. */
const WELCOME_MS = 15_000;
const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 10_000;

/** What the agent must know of the federation across restarts, so that it never serves an older copy of it. */
export interface Membership {
  readonly federation: string;
  readonly incarnation: number;
}

export interface AgentIdentity {
  readonly version: string;
  readonly executor: string;
  readonly placement: Placement;
  readonly offers: readonly string[];
  /** Changes with every start. */
  readonly instance: string;
  readonly membership: Membership;
}

/** What the protocol wants done. Times are boot times in milliseconds. */
export interface Actions {
  connect(): void;
  send(message: ConnectRequest): void;
  disconnect(why: string): void;
  start(assignment: Assignment): void;
  stop(run: RunKey): void;
  forget(run: RunKey): void;
  setFence(deadlineMs: number): void;
  remember(membership: Membership): void;
  /** Calls `tick` at this time, instead of at an earlier wish. */
  wakeAt(bootMs: number): void;
  /** The agent must not go on: a person has to act. */
  fatal(why: string): void;
}

interface KnownRun {
  report: RunReport;
  /** When it reached its phase. */
  sinceMs: number;
}

type Phase = 'idle' | 'connecting' | 'greeting' | 'joined' | 'stopped';

export class AgentProtocol {
  readonly #identity: AgentIdentity;
  readonly #actions: Actions;
  /** Uniform in [0, 1), for the spread of reconnects. */
  readonly #chance: () => number;
  readonly #nodes = new Map<string, NodeReport>();
  readonly #runs = new Map<string, KnownRun>();
  /** Runs and nodes whose newest report was not sent yet. */
  readonly #untold = new Set<string>();
  readonly #untoldNodes = new Set<string>();
  /** Messages that were not acknowledged, with when they were sent. */
  readonly #unacknowledged = new Map<
    number,
    { readonly keys: readonly string[]; readonly sentMs: number }
  >();
  #membership: Membership;
  #phase: Phase = 'idle';
  #sequence = 0;
  #heartbeat = 0;
  readonly #heartbeatsSent = new Map<number, number>();
  #helloMs = 0;
  #leaseMs = 0;
  #driftMs = 0;
  #renewedMs = 0;
  #nextHeartbeatMs = 0;
  #retryMs = 0;
  #failures = 0;

  constructor(identity: AgentIdentity, actions: Actions, chance: () => number) {
    this.#identity = identity;
    this.#actions = actions;
    this.#chance = chance;
    this.#membership = identity.membership;
  }

  get isJoined(): boolean {
    return this.#phase === 'joined';
  }

  /** The executor is open and has told what it has. */
  started(nodes: readonly NodeReport[], runs: readonly RunReport[], nowMs: number): void {
    for (const node of nodes) this.#nodes.set(node.node, node);
    for (const run of runs) this.#note(run, nowMs);
    this.#connect();
  }

  connected(nowMs: number): void {
    if (this.#phase !== 'connecting') return;
    this.#phase = 'greeting';
    this.#helloMs = nowMs;
    this.#sequence = 0;
    this.#unacknowledged.clear();
    this.#untold.clear();
    this.#untoldNodes.clear();
    const { version, executor, placement, offers, instance } = this.#identity;
    const runs = [...this.#runs.values()].map((run) => this.#aged(run, nowMs));
    this.#actions.send({
      message: {
        $case: 'hello',
        value: {
          protocol: AGENT_PROTOCOL,
          version,
          executor,
          placement,
          offers: [...offers],
          federation: this.#membership.federation,
          incarnation: this.#membership.incarnation,
          instance,
          runs,
          nodes: [...this.#nodes.values()],
        },
      },
    });
    this.#actions.wakeAt(nowMs + WELCOME_MS);
  }

  /** The connection is gone, or never came about. Runs go on: only the fence stops them. */
  disconnected(nowMs: number): void {
    if (this.#phase === 'stopped') return;
    this.#phase = 'idle';
    this.#heartbeatsSent.clear();
    const ceiling = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    // Half fixed, half by chance: a thousand agents do not come back in one moment.
    this.#retryMs = nowMs + ceiling / 2 + (this.#chance() * ceiling) / 2;
    this.#actions.wakeAt(this.#retryMs);
  }

  received({ message }: ConnectResponse, nowMs: number): void {
    if (this.#phase !== 'greeting' && this.#phase !== 'joined') return;
    switch (message?.$case) {
      case 'welcome':
        return this.#welcomed(message.value, nowMs);
      case 'leaseRenewed':
        return this.#renewed(message.value.sequence);
      case 'assignments':
        for (const assignment of message.value.runs) this.#assigned(assignment, nowMs);
        return this.flush(nowMs);
      case 'stops':
        for (const run of message.value.runs) this.#actions.stop(toKey(run));
        return;
      case 'acknowledged':
        this.#acknowledged(message.value.sequence, message.value.forget.map(toKey));
        return;
      case 'notLeader':
        return this.#actions.disconnect(
          `another controller leads: ${message.value.addresses.join(', ')}`,
        );
      case undefined:
        return;
      default:
        message satisfies never;
    }
  }

  #welcomed(welcome: Welcome, nowMs: number): void {
    const { federation, incarnation } = this.#membership;
    if (federation !== '' && welcome.federation !== federation) {
      return this.#halt(
        `the controller is of federation ${welcome.federation}, this data center of ${federation}`,
      );
    }
    if (welcome.incarnation < incarnation) {
      return this.#halt(
        `the controller is incarnation ${welcome.incarnation}, an older copy: this data center has served ${incarnation}`,
      );
    }
    if (welcome.federation !== federation || welcome.incarnation !== incarnation) {
      this.#membership = { federation: welcome.federation, incarnation: welcome.incarnation };
      this.#actions.remember(this.#membership);
    }
    this.#phase = 'joined';
    this.#failures = 0;
    this.#leaseMs = welcome.leaseMillis;
    this.#driftMs = welcome.driftMillis;
    this.#renew(this.#helloMs);
    for (const run of welcome.stop) this.#actions.stop(toKey(run));
    this.#nextHeartbeatMs = nowMs + heartbeatMsOf(this.#leaseMs);
    this.flush(nowMs);
    this.#actions.wakeAt(this.#nextHeartbeatMs);
  }

  #renewed(sequence: number): void {
    const sentMs = this.#heartbeatsSent.get(sequence);
    if (sentMs === undefined) return;
    for (const older of this.#heartbeatsSent.keys())
      if (older <= sequence) this.#heartbeatsSent.delete(older);
    this.#renew(sentMs);
  }

  /** The controller knew at some time after `sentMs` that this agent lives; it replaces nothing before lease + drift from then. */
  #renew(sentMs: number): void {
    this.#renewedMs = Math.max(this.#renewedMs, sentMs);
    this.#actions.setFence(this.#fenceMs());
  }

  /** Everything that has a lease is dead at this time, unless the controller is heard again before. */
  #fenceMs(): number {
    return this.#renewedMs + this.#leaseMs - this.#driftMs;
  }

  #assigned(assignment: Assignment, nowMs: number): void {
    if (assignment.run === undefined) return;
    const text = keyOf(assignment.run);
    // Sent again because an answer got lost: the answer is repeated, the run is not.
    if (this.#runs.has(text)) this.#untold.add(text);
    // Not when it was under way for longer than the lease: the controller may have started it elsewhere, or an operator, where
    // it has no lease, declared it gone. What is still meant is sent again.
    else if (nowMs < this.#fenceMs()) this.#actions.start(assignment);
  }

  #acknowledged(sequence: number, forget: readonly RunKey[]): void {
    // Only this one: an earlier message may have been refused because the controller was busy.
    this.#unacknowledged.delete(sequence);
    for (const run of forget) {
      const text = keyOf(run);
      const known = this.#runs.get(text);
      if (known !== undefined && !isRunFinal(phaseOf(known.report))) continue;
      this.#runs.delete(text);
      this.#untold.delete(text);
      this.#actions.forget(run);
    }
  }

  /** From the executor. Call `flush` when a burst of these is over. */
  runChanged(report: RunReport, nowMs: number): void {
    const text = this.#note(report, nowMs);
    this.#untold.add(text);
  }

  nodesChanged(nodes: readonly NodeReport[]): void {
    for (const node of nodes) {
      if (node.removed) this.#nodes.delete(node.node);
      else this.#nodes.set(node.node, node);
      this.#untoldNodes.add(node.node);
    }
  }

  #note(report: RunReport, nowMs: number): string {
    const text = keyOf(report);
    this.#runs.set(text, { report, sinceMs: nowMs - report.ageMillis });
    return text;
  }

  /** Sends what has gathered. */
  flush(nowMs: number): void {
    if (this.#phase !== 'joined') return;
    if (this.#untoldNodes.size > 0) {
      const nodes = [...this.#untoldNodes].map((node) => this.#nodes.get(node) ?? goneNode(node));
      this.#untoldNodes.clear();
      this.#actions.send({ message: { $case: 'nodes', value: { nodes } } });
    }
    while (this.#untold.size > 0) {
      const keys = [...this.#untold].slice(0, REPORTS_A_MESSAGE);
      const runs: RunReport[] = [];
      this.#sequence++;
      for (const text of keys) {
        this.#untold.delete(text);
        const run = this.#runs.get(text);
        if (run !== undefined) runs.push(this.#aged(run, nowMs));
      }
      this.#unacknowledged.set(this.#sequence, { keys, sentMs: nowMs });
      this.#actions.send({
        message: { $case: 'reports', value: { sequence: this.#sequence, runs } },
      });
    }
  }

  /** Does what is due and says when to come again. */
  tick(nowMs: number): void {
    switch (this.#phase) {
      case 'idle':
        if (nowMs >= this.#retryMs) this.#connect();
        else this.#actions.wakeAt(this.#retryMs);
        return;
      case 'greeting':
        if (nowMs - this.#helloMs >= WELCOME_MS)
          this.#actions.disconnect('the controller does not answer');
        else this.#actions.wakeAt(this.#helloMs + WELCOME_MS);
        return;
      case 'joined':
        return this.#beat(nowMs);
      case 'connecting':
      case 'stopped':
        return;
      default:
        this.#phase satisfies never;
    }
  }

  #beat(nowMs: number): void {
    const everyMs = heartbeatMsOf(this.#leaseMs);
    if (nowMs >= this.#nextHeartbeatMs) {
      // A connection that swallows heartbeats is no connection.
      const [oldestMs] = this.#heartbeatsSent.values();
      if (oldestMs !== undefined && nowMs - oldestMs > 3 * everyMs) {
        return this.#actions.disconnect('the controller does not answer heartbeats');
      }
      this.#heartbeat++;
      this.#heartbeatsSent.set(this.#heartbeat, nowMs);
      this.#actions.send({ message: { $case: 'heartbeat', value: { sequence: this.#heartbeat } } });
      this.#nextHeartbeatMs = nowMs + everyMs;
      this.#resendLate(nowMs);
    }
    this.#actions.wakeAt(this.#nextHeartbeatMs);
  }

  #resendLate(nowMs: number): void {
    for (const [sequence, { keys, sentMs }] of this.#unacknowledged) {
      if (nowMs - sentMs < RESEND_MS) break;
      this.#unacknowledged.delete(sequence);
      for (const text of keys) if (this.#runs.has(text)) this.#untold.add(text);
    }
    this.flush(nowMs);
  }

  #connect(): void {
    if (this.#phase === 'stopped') return;
    this.#phase = 'connecting';
    this.#actions.connect();
  }

  #halt(why: string): void {
    this.#phase = 'stopped';
    this.#actions.disconnect(why);
    this.#actions.fatal(why);
  }

  /** Ends for good; what runs goes on. */
  stop(): void {
    if (this.#phase === 'stopped') return;
    const wasConnected = this.#phase !== 'idle';
    this.#phase = 'stopped';
    if (wasConnected) this.#actions.disconnect('the agent is shutting down');
  }

  #aged(run: KnownRun, nowMs: number): RunReport {
    // Boot clocks tell fractions; on the wire there are none.
    return { ...run.report, ageMillis: Math.max(0, Math.round(nowMs - run.sinceMs)) };
  }
}

function toKey(run: {
  readonly jobUid: number;
  readonly index: number;
  readonly epoch: number;
}): RunKey {
  return { jobUid: run.jobUid, index: run.index, epoch: run.epoch };
}

function phaseOf(report: RunReport): RunState {
  // The executor reports only states of the table.
  return report.phase as RunState;
}

function goneNode(node: string): NodeReport {
  return {
    node,
    role: '',
    labels: {},
    allocatable: undefined,
    devices: [],
    foreign: undefined,
    removed: true,
  };
}
