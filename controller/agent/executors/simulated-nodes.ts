// Made-up nodes from a seed, for the simulator and the benchmarks.
import type { NodeReport } from '#gen/isobar/v1/agent.ts';
import type { Random } from '#ports/random.ts';
import { amounts } from './reports.ts';

/** Shapes of machines with how often they come, in hundredths. */
const SHAPES = [
  { share: 60, role: 'general', cpus: 64, memoryGib: 256, storageGib: 1024, model: '', devices: 0 },
  {
    share: 15,
    role: 'storage',
    cpus: 32,
    memoryGib: 128,
    storageGib: 65_536,
    model: '',
    devices: 0,
  },
  { share: 15, role: 'hpc', cpus: 192, memoryGib: 768, storageGib: 2048, model: '', devices: 0 },
  {
    share: 10,
    role: 'gpu',
    cpus: 96,
    memoryGib: 1024,
    storageGib: 4096,
    model: 'A100',
    devices: 8,
  },
] as const;
const DEVICE_MEMORY_MIB = 81_920;
const RACK = 32;

/** `node-00000` and on; in racks of 32, each rack of one shape, as people buy them. */
export function simulatedNodes(count: number, random: Random): NodeReport[] {
  const nodes: NodeReport[] = [];
  let shape: (typeof SHAPES)[number] = SHAPES[0];
  for (let i = 0; i < count; i += 1) {
    if (i % RACK === 0) shape = pick(random.next() * 100);
    nodes.push({
      node: `node-${String(i).padStart(5, '0')}`,
      role: shape.role,
      labels: { rack: String(Math.floor(i / RACK)) },
      allocatable: amounts(shape.cpus * 1000, shape.memoryGib * 1024, shape.storageGib * 1024),
      devices: Array.from({ length: shape.devices }, () => ({
        model: shape.model,
        memoryMib: DEVICE_MEMORY_MIB,
        freeThousandths: 0,
      })),
      foreign: amounts(0, 0, 0),
      removed: false,
    });
  }
  return nodes;
}

function pick(hundredths: number): (typeof SHAPES)[number] {
  let below = 0;
  for (const shape of SHAPES) {
    below += shape.share;
    if (hundredths < below) return shape;
  }
  return SHAPES[0];
}
