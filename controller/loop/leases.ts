// Leases: one for each data center's session. An agent counts from when it sent the last heartbeat that was answered, the
// controller from when it answered; both by boot time. The agent stops its runs at lease − drift − kill grace, the controller
// replaces them after lease + drift, so at no time are two runs of a job alive while clocks drift within the bound.
import { CONTROLLER } from '#core/command.ts';
import { observe } from '#core/observe.ts';
import type { DataCenter } from '#core/state.ts';
import { heartbeatMsOf } from '#domain/agent-protocol.ts';
import { reason, type Reason } from '#domain/reasons.ts';
import { DataCenterState } from '#domain/states.ts';
import type { Clock } from '#ports/clock.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Loop } from './loop.ts';

const DEFAULT_LEASE_MS = 600_000;
/** Clocks of two machines may differ in speed by this share; quartz is a hundred times better. */
const DRIFT_SHARE = 0.01;
const LEAST_DRIFT_MS = 250;
const CHECK_MS = 500;
/** A controller that did not look for so long cannot say who was silent: it counts every lease anew. */
const STALL_MS = 1_000;

interface Lease {
  /** Boot time of the last answer to the agent. */
  answeredMs: number;
  isExpired: boolean;
}

export interface LeaseTimes {
  readonly leaseMs: number;
  readonly driftMs: number;
}

export interface LeaseOptions {
  readonly loop: Loop;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** The session of a data center is over: its agent was silent for too long. */
  readonly onSilent: (dataCenter: string) => void;
}

export class Leases {
  readonly #loop: Loop;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #onSilent: (dataCenter: string) => void;
  readonly #leases = new Map<string, Lease>();
  #checkedMs: number;
  #isStopped = false;
  #condition: Reason | undefined;

  constructor(options: LeaseOptions) {
    this.#loop = options.loop;
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
    this.#onSilent = options.onSilent;
    this.#checkedMs = this.#clock.bootMs();
    // A controller that starts counts every lease from now: what was answered before it is not known.
    for (const id of this.#loop.state.dataCenters.keys()) this.#leaseOf(id);
    this.#checkSoon();
  }

  /** CONTROLLER_ISOLATED, while it holds. */
  get condition(): Reason | undefined {
    return this.#condition;
  }

  timesOf(dataCenter: string): LeaseTimes {
    const configured = this.#loop.state.dataCenters.get(dataCenter)?.entity.leaseMs ?? 0;
    const leaseMs = configured > 0 ? configured : DEFAULT_LEASE_MS;
    return { leaseMs, driftMs: Math.max(LEAST_DRIFT_MS, Math.ceil(leaseMs * DRIFT_SHARE)) };
  }

  /** Time since the agent was last answered, or since this controller began to count; 0 before it first counts. */
  silentMs(dataCenter: string): number {
    const nowMs = this.#clock.bootMs();
    return nowMs - (this.#leases.get(dataCenter)?.answeredMs ?? nowMs);
  }

  /** The agent is answered now: it may count from when it asked, which was earlier. */
  renewed(dataCenter: string): void {
    const lease = this.#leaseOf(dataCenter);
    lease.answeredMs = this.#clock.bootMs();
    lease.isExpired = false;
  }

  #leaseOf(dataCenter: string): Lease {
    let lease = this.#leases.get(dataCenter);
    if (lease === undefined) {
      lease = { answeredMs: this.#clock.bootMs(), isExpired: false };
      this.#leases.set(dataCenter, lease);
    }
    return lease;
  }

  #checkSoon(): void {
    this.#clock.after(CHECK_MS, () => {
      if (this.#isStopped) return;
      this.#check();
      this.#checkSoon();
    });
  }

  #check(): void {
    const nowMs = this.#clock.bootMs();
    if (nowMs - this.#checkedMs > CHECK_MS + STALL_MS) {
      this.#telemetry.warn('the controller was stalled; every lease counts from now', {
        stalledMs: nowMs - this.#checkedMs,
      });
      for (const lease of this.#leases.values()) lease.answeredMs = nowMs;
    }
    this.#checkedMs = nowMs;
    const silent: string[] = [];
    const due: string[] = [];
    for (const [id, lease] of this.#leases) {
      const dataCenter = this.#loop.state.dataCenters.get(id);
      if (dataCenter === undefined) {
        this.#leases.delete(id);
        continue;
      }
      const { leaseMs, driftMs } = this.timesOf(id);
      const silentMs = nowMs - lease.answeredMs;
      // Three heartbeats were missed: it takes no new runs, though its lease still holds.
      const isSilent = silentMs > silenceOf(leaseMs);
      if (isSilent && dataCenter.session !== undefined) this.#onSilent(id);
      if (dataCenter.session === undefined && isExpected(dataCenter)) silent.push(id);
      if (silentMs <= leaseMs + driftMs) continue;
      observe(this.#loop.state, { kind: 'leaseOver', dataCenter: id });
      if (!lease.isExpired && dataCenter.runs.size > 0) due.push(id);
    }
    this.#setCondition(silent.length);
    if (this.#condition === undefined) for (const id of due) this.#expire(id);
  }

  /** Who hears nobody is more likely cut off than alone alive: it must not start everything anew. */
  #setCondition(silent: number): void {
    const joined = [...this.#loop.state.dataCenters.values()].filter(isExpected).length;
    const isIsolated = joined > 1 && silent * 2 > joined;
    if (isIsolated && this.#condition === undefined) {
      this.#telemetry.warn('more than half of the data centers are silent; nothing is replaced', {
        silent,
        joined,
      });
    }
    this.#condition = isIsolated
      ? reason('CONTROLLER_ISOLATED', { needed: joined, available: silent })
      : undefined;
  }

  #expire(dataCenter: string): void {
    const lease = this.#leaseOf(dataCenter);
    lease.isExpired = true;
    this.#onSilent(dataCenter);
    const who = { actor: CONTROLLER, method: 'leases/expire', requestId: '' };
    this.#loop.execute('agents', { kind: 'expireLease', dataCenter }, who, (outcome) => {
      if (outcome.kind === 'refusal') {
        lease.isExpired = false;
        return;
      }
      this.#loop.stats.leaseExpirations++;
      const { replacedRuns } = outcome.answer;
      this.#telemetry.warn('the lease of a data center has expired', { dataCenter, replacedRuns });
    });
  }

  close(): void {
    this.#isStopped = true;
  }
}

/** Its silence says something: an agent has joined, and the data center has not left. */
function isExpected({ executor, state }: DataCenter): boolean {
  return executor !== '' && state !== DataCenterState.LEFT;
}

function silenceOf(leaseMs: number): number {
  return 3 * heartbeatMsOf(leaseMs) + 500;
}
