// What agents say, as commands take it.
import type { RunReport } from '#core/command.ts';
import type { State } from '#core/state.ts';
import { AGENT_PROTOCOL } from '#domain/agent-protocol.ts';
import { refuse, type Refusal } from '#domain/refusal.ts';
import type { RunState } from '#domain/states.ts';
import type { Node } from '#gen/isobar/log/v1/entity.ts';
import type { Hello, NodeReport, RunReport as RunMessage } from '#gen/isobar/v1/agent.ts';

/** Columns of nodes are 32 bits wide: 2 PiB of memory or scratch storage on one node. */
const MOST = 2 ** 31 - 1;

/** Why an agent cannot join as it is; undefined: it can. */
export function refuseHello(hello: Hello, { federation, incarnation }: State): Refusal | undefined {
  if (hello.protocol !== AGENT_PROTOCOL) {
    const message = `the agent speaks protocol ${hello.protocol}, this controller ${AGENT_PROTOCOL}; install matching versions`;
    return refuse('FAILED_PRECONDITION', 'PROTOCOL_MISMATCH', message);
  }
  if (hello.federation !== '' && hello.federation !== federation) {
    const message = `the agent belongs to federation ${hello.federation}, this is ${federation}; give it a new data directory to move it`;
    return refuse('FAILED_PRECONDITION', 'OTHER_FEDERATION', message);
  }
  if (hello.incarnation > incarnation) {
    const message = `the agent has served incarnation ${hello.incarnation}, this controller is ${incarnation}: an older copy of the log`;
    return refuse('FAILED_PRECONDITION', 'OLDER_INCARNATION', message);
  }
  return undefined;
}

export function toNodes(nodes: readonly NodeReport[]): Node[] {
  return nodes.map(({ node, role, labels, allocatable, devices }) => ({
    id: node,
    role: role === '' ? 'general' : role,
    labels,
    allocatable: {
      cpuMillis: Math.min(MOST, allocatable?.cpuMillis ?? 0),
      memoryMib: Math.min(MOST, allocatable?.memoryMib ?? 0),
      storageMib: Math.min(MOST, allocatable?.storageMib ?? 0),
      extra: allocatable?.extra ?? {},
      deviceThousandths: 0,
    },
    devices: devices.map(({ model, memoryMib }) => ({
      model,
      memoryMib: Math.min(MOST, memoryMib),
    })),
  }));
}

/** Ages are by the agent's monotonic clock, so wall clocks of data centers may differ. */
export function toReports(runs: readonly RunMessage[], nowMs: number): RunReport[] {
  return runs.map((run) => ({
    uid: run.jobUid,
    index: run.index,
    epoch: run.epoch,
    // A number that is no run state has no move to it: decide drops it.
    phase: run.phase as RunState,
    timeMs: nowMs - run.ageMillis,
    exitCode: run.exitCode,
    reason: run.reason,
    lastLines: run.lastLines,
    runMs: run.runMillis,
  }));
}
