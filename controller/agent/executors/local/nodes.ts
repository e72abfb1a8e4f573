// The nodes of the local executor: this machine, or what its owner says of it in a file, for example
//
//   - node: gpu-1                  # absent: the machine's name
//     role: gpu
//     labels: { rack: r7 }
//     memoryMib: 180000            # absent: all of it; likewise cpuMillis and storageMib
//     devices:
//       - { model: A100, memoryMib: 81920 }
//       - { model: A100, memoryMib: 81920, id: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6 }
//
// or slices of it that are made up, each with cpuMillis and memoryMib.
import { statfsSync } from 'node:fs';
import { availableParallelism, hostname, totalmem } from 'node:os';
import { z } from 'zod';
import { isId } from '#domain/names.ts';
import type { NodeReport } from '#gen/isobar/v1/agent.ts';
import { OwnerFileError, parseOwnerFile } from '../owner-file.ts';
import { amounts } from '../reports.ts';
import { type LocalDevice, VENDORS } from './devices.ts';

export interface LocalNode {
  readonly node: string;
  readonly role: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cpuMillis: number;
  readonly memoryMib: number;
  readonly storageMib: number;
  readonly devices: readonly LocalDevice[];
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

const AMOUNT_RULE = 'must be a whole number, 0 or more';
const amount = z.int(AMOUNT_RULE).min(0, AMOUNT_RULE);
/** What a comma or a blank would cut in two in the environment of a task. */
const deviceId = z
  .union([amount.transform(String), z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]*$/)])
  .optional();
const nodeSchema = z.strictObject({
  node: z.string().refine(isId, 'must be lower-case letters, digits and hyphens').optional(),
  role: z.enum(['general', 'storage', 'hpc', 'gpu']).default('general'),
  labels: z.record(z.string(), z.string()).default({}),
  cpuMillis: amount.optional(),
  memoryMib: amount.optional(),
  storageMib: amount.optional(),
  devices: z
    .array(
      z.strictObject({
        model: z.string('must be the name of a model').min(1, 'must not be empty'),
        memoryMib: amount,
        id: deviceId,
        vendor: z.enum(VENDORS).default('nvidia'),
      }),
    )
    .default([]),
});

/** What one of several slices must say, because the whole machine cannot be in each. */
const OF_A_SLICE = ['node', 'cpuMillis', 'memoryMib'] as const;

/** Throws an OwnerFileError that names the file, the line and the field of all that is wrong. */
export function parseNodes(text: string, file: string, machine: LocalNode): readonly LocalNode[] {
  const schema = z.array(nodeSchema).min(1, 'names no node');
  const { data, lineOf } = parseOwnerFile(schema, text, file, []);
  const wrong: string[] = [];
  const finding = (path: readonly PropertyKey[], words: string): void => {
    wrong.push(`${file}:${lineOf(path)}: ${path.join('.')}: ${words}`);
  };
  for (const [i, node] of data.entries()) {
    const missing = data.length > 1 ? OF_A_SLICE.filter((key) => node[key] === undefined) : [];
    for (const key of missing) finding([i, key], 'must be said where there are several nodes');
    if (node.node !== undefined && data.findIndex((other) => other.node === node.node) < i) {
      finding([i, 'node'], `${node.node} is there already`);
    }
  }
  const ids = new Set<string>();
  // Devices without an id are numbered as the machine numbers them: through all of its nodes.
  let number = 0;
  const nodes = data.map((node, i): LocalNode => {
    const devices = node.devices.map((device, j) => {
      const id = device.id ?? String(number);
      number += 1;
      if (ids.has(id)) finding([i, 'devices', j], `another device has the id ${id}`);
      ids.add(id);
      return { ...device, id };
    });
    const { cpuMillis = machine.cpuMillis, memoryMib = machine.memoryMib } = node;
    // Nothing is promised on a disk that several share.
    const { storageMib = data.length === 1 ? machine.storageMib : 0 } = node;
    const amountsOf = { cpuMillis, memoryMib, storageMib };
    return { ...node, node: node.node ?? machine.node, ...amountsOf, devices };
  });
  if (wrong.length > 0) throw new OwnerFileError(wrong.join('\n'));
  return nodes;
}

/** Foreign use is reported as nothing: on a machine of its own nobody else runs jobs, and a slice is made up anyway. */
export function reportOfNode(node: LocalNode): NodeReport {
  return {
    node: node.node,
    role: node.role,
    labels: { ...node.labels },
    allocatable: amounts(node.cpuMillis, node.memoryMib, node.storageMib),
    devices: node.devices.map(({ model, memoryMib }) => ({ model, memoryMib, freeThousandths: 0 })),
    foreign: amounts(0, 0, 0),
    removed: false,
  };
}
