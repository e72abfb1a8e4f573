// What agents say, as commands take it.
import type { RunReport } from '#core/command.ts';
import type { RunState } from '#domain/states.ts';
import type { Node } from '#gen/isobar/log/v1/entity.ts';
import type { NodeReport, RunReport as RunMessage } from '#gen/isobar/v1/agent.ts';

/** Columns of nodes are 32 bits wide: 2 PiB of memory or scratch storage on one node. */
const MOST = 2 ** 31 - 1;

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
    devices: devices.map(({ model, memoryMib }) => ({ model, memoryMib: Math.min(MOST, memoryMib) })),
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
