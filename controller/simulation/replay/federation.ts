// The sites of a trace as data centers of a federation: the real loop, scheduler and agent protocol over virtual time. Nothing fails
// here, so nobody looks whether anybody is silent: 170 agents that beat every five seconds for eleven days would be most of the work.
import { SimulatedExecutor } from '#agent/executors/simulated.ts';
import { AgentProtocol } from '#agent/protocol.ts';
import type { Command } from '#core/command.ts';
import { emptyState } from '#core/state.ts';
import { toDataCenter, toTenant } from '#core/testing-words.ts';
import type { Assignment } from '#gen/isobar/v1/agent.ts';
import { Placement } from '#gen/isobar/v1/resources.ts';
import { Leases } from '#loop/leases.ts';
import { DEFAULT_LIMITS, Loop } from '#loop/loop.ts';
import { Sessions, type SessionHandle } from '#loop/sessions.ts';
import type { Clock } from '#ports/clock.ts';
import { SILENT } from '#ports/telemetry.ts';
import type { Policy } from '#scheduler/policy.ts';
import { Machine } from '../machine.ts';
import { resources } from '../plan.ts';
import { SeededRandom } from '../random.ts';
import type { Timeline } from '../timeline.ts';
import { NullLog } from './null-log.ts';

export interface FederationOptions {
  readonly timeline: Timeline;
  /** CPUs by id of the site. */
  readonly sites: ReadonlyMap<string, number>;
  /** Each is at home in the site of its name, if there is one. */
  readonly tenants: readonly string[];
  readonly policy: Policy;
  readonly seed: number;
  /** What an agent reports is this late, beside the network. */
  readonly reportDelayMs: number;
  /** A run begins; answers how long it runs. */
  readonly onStart: (site: string, assignment: Assignment) => number;
}

/** An append on a good disk, and a way through the country. */
const APPEND_MS = 0.5;
const NETWORK_MS = [0.5, 4] as const;
/** Nobody sends heartbeats here: a lease lasts longer than any trace. */
const LEASE_MS = 100 * 365 * 86_400_000;

export class Federation {
  readonly loop: Loop;
  readonly #options: FederationOptions;
  readonly #sessions: Sessions;
  readonly #machine: Machine;
  readonly #random: SeededRandom;

  constructor(options: FederationOptions) {
    const { timeline, policy, seed } = options;
    this.#options = options;
    this.#machine = new Machine(timeline);
    this.#random = new SeededRandom(seed);
    this.loop = new Loop({
      state: emptyState(),
      log: new NullLog((call) => void timeline.after(APPEND_MS, call)),
      clock: this.#machine,
      telemetry: SILENT,
      policy,
      // Nobody watches, and nobody starts again from what the log does not keep.
      limits: { ...DEFAULT_LIMITS, keptEvents: 0, checkpointEveryRecords: Infinity },
      onFatal: (error) => {
        throw error;
      },
    });
    const clock = unhurried(this.#machine);
    const rest = { loop: this.loop, clock, telemetry: SILENT };
    const leases = new Leases({ ...rest, onSilent: () => {} });
    this.#sessions = new Sessions({ ...rest, leases });
  }

  /** Registers tenants and sites, and lets the agents join. */
  found(): void {
    this.execute({ kind: 'foundFederation', federation: 'replay', incarnation: 1 });
    for (const id of this.#options.tenants) {
      const tenant = toTenant(id, { homeRegion: id });
      this.execute({ kind: 'putTenant', mode: 'create', entity: tenant, etag: undefined });
    }
    for (const site of this.#options.sites.keys()) {
      const dataCenter = toDataCenter(site, { region: site, leaseMs: LEASE_MS });
      this.execute({ kind: 'putDataCenter', mode: 'create', entity: dataCenter, etag: undefined });
    }
    this.#run();
    for (const [site, cpus] of this.#options.sites) this.#join(site, cpus);
    this.#run();
  }

  /** Until nothing is under way. */
  #run(): void {
    while (this.#options.timeline.step());
  }

  execute(command: Command): void {
    this.loop.execute('callers', command, { actor: 'replay', method: '', requestId: '' }, () => {});
  }

  #join(site: string, cpus: number): void {
    const { timeline, onStart, reportDelayMs } = this.#options;
    const executor = new SimulatedExecutor({
      clock: this.#machine,
      random: this.#random,
      nodes: [],
      runTime: (assignment) => ({ ms: onStart(site, assignment), exitCode: 0 }),
    });
    let session: SessionHandle | undefined;
    let isFlushDue = false;
    const nowMs = () => this.#machine.bootMs();
    const flushSoon = () => {
      if (isFlushDue) return;
      isFlushDue = true;
      timeline.after(0, () => {
        isFlushDue = false;
        protocol.flush(nowMs());
      });
    };
    const identity = {
      version: 'replay',
      executor: executor.kind,
      placement: Placement.BINDING,
      offers: [],
      instance: site,
      membership: { federation: '', incarnation: 0 },
    };
    const protocol = new AgentProtocol(
      identity,
      {
        connect: () => void timeline.after(this.#delay(), () => protocol.connected(nowMs())),
        send: (message) => {
          const late = message.message?.$case === 'reports' ? reportDelayMs : 0;
          timeline.after(this.#delay() + late, () => {
            if (message.message?.$case === 'hello') {
              session = this.#sessions.connect(site, message.message.value, {
                send: (answer) => {
                  timeline.after(this.#delay(), () => protocol.received(answer, nowMs()));
                  return true;
                },
                close: ({ message: why }) => {
                  throw new Error(`the agent of ${site} cannot join: ${why}`);
                },
              });
            } else session?.receive(message);
          });
        },
        disconnect: () => {},
        start: (assignment) => executor.start(assignment),
        stop: (run) => executor.stop(run),
        forget: (run) => executor.forget(run),
        setFence: () => {},
        remember: () => {},
        wakeAt: () => {},
        fatal: (why) => {
          throw new Error(why);
        },
      },
      () => this.#random.next(),
    );
    const node = {
      node: 'n1',
      role: 'general',
      labels: {},
      allocatable: resources(cpus, 0),
      devices: [],
      foreign: undefined,
      removed: false,
    };
    // Opening only tells it whom to report to: it has no runs yet, and its node is told here.
    void executor.open({
      runChanged: (report) => {
        protocol.runChanged(report, nowMs());
        flushSoon();
      },
      nodesChanged: () => {},
    });
    protocol.started([node], [], nowMs());
  }

  #delay(): number {
    return this.#random.between(...NETWORK_MS);
  }
}

/** The same time, but nobody is ever woken: for those who only look whether anybody is late. */
function unhurried(clock: Clock): Clock {
  return {
    wallMs: () => clock.wallMs(),
    bootMs: () => clock.bootMs(),
    soon: (call) => clock.soon(call),
    after: () => () => {},
  };
}
