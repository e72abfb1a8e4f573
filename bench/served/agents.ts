// Agents of benchmarks: the agent's own code with the simulated executor, over the real protocol, each with connections of its own.
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from '#agent/agent.ts';
import { amounts } from '#agent/executors/reports.ts';
import { SimulatedExecutor } from '#agent/executors/simulated.ts';
import { GrpcUplink } from '#agent/uplink.ts';
import { openChannel } from '#client/channel.ts';
import { StoredIdentity } from '#client/identity.ts';
import { SystemClock, SystemRandom } from '#main/system.ts';
import { SILENT } from '#ports/telemetry.ts';
import type { ServedController } from './controller.ts';

export interface Sites {
  /** Of each data center; each has 64 CPUs. */
  readonly nodes: number;
  /** How long a run takes. */
  readonly runMs: number;
}

const CPU_MILLIS_OF_NODE = 64_000;

/** In this process. Answers when all have joined; the call of what it answers ends them. */
export async function startAgents(
  controller: ServedController,
  dataCenters: readonly string[],
  sites: Sites,
): Promise<() => void> {
  const clock = new SystemClock();
  const agents = await Promise.all(
    dataCenters.map((dataCenter) => startAgent(controller, dataCenter, sites, clock)),
  );
  const untilMs = clock.bootMs() + 60_000;
  while (!agents.every((agent) => agent.isJoined)) {
    if (clock.bootMs() > untilMs) throw new Error('the agents have not joined within a minute');
    await sleep(20);
  }
  return () => {
    for (const agent of agents) void agent.stop({ stopRuns: false });
  };
}

async function startAgent(
  controller: ServedController,
  dataCenter: string,
  sites: Sites,
  clock: SystemClock,
): Promise<Agent> {
  const random = new SystemRandom();
  const identity = new StoredIdentity(await controller.issue({ kind: 'agent', dataCenter }));
  const executor = new SimulatedExecutor({
    clock,
    random,
    nodes: Array.from({ length: sites.nodes }, (_, i) => ({
      node: `n${i}`,
      role: 'general',
      labels: {},
      allocatable: amounts(CPU_MILLIS_OF_NODE, 1_000_000, 1_000_000),
      devices: [],
      foreign: undefined,
      removed: false,
    })),
    runTime: () => ({ ms: sites.runMs, exitCode: 0 }),
  });
  const channel = () =>
    openChannel([controller.doors.api], identity, { 'grpc.use_local_subchannel_pool': 1 });
  const agent = new Agent({
    dataCenter,
    version: 'bench',
    executor,
    uplink: new GrpcUplink({ openChannel: channel, executor }),
    clock,
    random,
    telemetry: SILENT,
    membership: { initial: { federation: '', incarnation: 0 }, save() {} },
    onFatal(why) {
      throw new Error(`the agent of ${dataCenter} cannot go on: ${why}`);
    },
  });
  await agent.start();
  return agent;
}
