// The nodes of the local executor: this machine, or the slices of it that its owner made up.
import { statfsSync } from 'node:fs';
import { availableParallelism, hostname, totalmem } from 'node:os';
import { isId } from '#domain/names.ts';
import type { NodeReport } from '#gen/isobar/v1/agent.ts';
import { amounts } from '../reports.ts';

export interface LocalNode {
  readonly node: string;
  readonly role: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cpuMillis: number;
  readonly memoryMib: number;
  readonly storageMib: number;
  readonly devices: readonly { readonly model: string; readonly memoryMib: number }[];
}

const MIB = 1024 * 1024;

/** All CPUs, all memory, and what is free where the state directory lies. */
export function thisMachine(stateDir: string): LocalNode {
  const { bavail, bsize } = statfsSync(stateDir);
  const name = hostname().toLowerCase().split('.')[0] ?? '';
  return {
    node: isId(name) ? name : 'local',
    role: 'general',
    labels: {},
    cpuMillis: availableParallelism() * 1000,
    memoryMib: Math.floor(totalmem() / MIB),
    storageMib: Math.floor((bavail * bsize) / MIB),
    devices: [],
  };
}

/** Foreign use is reported as nothing: on a machine of its own nobody else runs jobs, and a slice is made up anyway. */
export function reportOfNode(node: LocalNode): NodeReport {
  return {
    node: node.node,
    role: node.role,
    labels: { ...node.labels },
    allocatable: amounts(node.cpuMillis, node.memoryMib, node.storageMib),
    devices: node.devices.map((device) => ({ ...device, freeThousandths: 0 })),
    foreign: amounts(0, 0, 0),
    removed: false,
  };
}
