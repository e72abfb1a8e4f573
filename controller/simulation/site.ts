// One data center of a world: its machines with the executor on them, and its agent, which crashes and starts again.
import { Agent } from '#agent/agent.ts';
import { SimulatedExecutor } from '#agent/executors/simulated.ts';
import type { SimulatedOutcome } from '#agent/executors/simulated-spec.ts';
import type { Membership } from '#agent/protocol.ts';
import type { Assignment, NodeReport } from '#gen/isobar/v1/agent.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { Process, type Machine } from './machine.ts';
import type { Line } from './network.ts';
import type { SeededRandom } from './random.ts';
import { ObservedExecutor, type TruthEvents } from './truth.ts';

export interface SiteOptions {
  readonly id: string;
  readonly machine: Machine;
  readonly line: Line;
  readonly random: SeededRandom;
  readonly nodes: readonly NodeReport[];
  readonly stageMs: number;
  readonly outcomeOf: (assignment: Assignment) => SimulatedOutcome;
  readonly truth: TruthEvents;
  readonly telemetry: Telemetry;
  readonly onAsync: () => void;
  readonly onFatal: (why: string) => void;
}

export class Site {
  readonly options: SiteOptions;
  readonly executor: ObservedExecutor;
  /** As they are now; a node that vanished is not here. */
  readonly nodes = new Map<string, NodeReport>();
  /** The most that each node ever had. */
  readonly peakCpuMillis = new Map<string, number>();
  #membership: Membership = { federation: '', incarnation: 0 };
  #process: Process | undefined;
  #agent: Agent | undefined;

  constructor(options: SiteOptions) {
    this.options = options;
    const { id, machine, random, nodes, stageMs, outcomeOf, truth } = options;
    const inner = new SimulatedExecutor({
      clock: machine,
      random,
      nodes,
      stageMs,
      runTime: outcomeOf,
    });
    this.executor = new ObservedExecutor(inner, id, () => machine.timeline.nowMs, truth);
    for (const node of nodes) this.#note(node);
  }

  get id(): string {
    return this.options.id;
  }

  get process(): Process | undefined {
    return this.#process;
  }

  get isJoined(): boolean {
    return this.#agent?.isJoined ?? false;
  }

  start(): void {
    const { id, machine, line, random, telemetry, onAsync, onFatal } = this.options;
    const process = new Process(machine);
    this.#process = process;
    this.#agent = new Agent({
      dataCenter: id,
      version: 'simulated',
      executor: this.executor,
      uplink: { connect: (events) => line.connect(process, events) },
      clock: process,
      random,
      telemetry,
      membership: {
        initial: this.#membership,
        save: (membership) => {
          this.#membership = membership;
        },
      },
      onFatal,
    });
    onAsync();
    // Agents do not throw: what goes wrong in `open` of a simulated executor is a mistake of the simulator.
    this.#agent.start().catch((error: unknown) => onFatal(String(error)));
  }

  /** The agent dies without a word; its machines go on. */
  crash(): void {
    const process = this.#process;
    if (process === undefined) return;
    process.kill();
    this.executor.abandon();
    this.options.line.died(process);
    this.#process = undefined;
    this.#agent = undefined;
  }

  /** Machines come, change or go; the agent hears of it from the executor. */
  change(nodes: readonly NodeReport[]): void {
    for (const node of nodes) this.#note(node);
    this.executor.inner.changeNodes(nodes);
  }

  #note(node: NodeReport): void {
    if (node.removed) {
      this.nodes.delete(node.node);
      return;
    }
    this.nodes.set(node.node, node);
    const cpuMillis = node.allocatable?.cpuMillis ?? 0;
    this.peakCpuMillis.set(node.node, Math.max(cpuMillis, this.peakCpuMillis.get(node.node) ?? 0));
  }
}
