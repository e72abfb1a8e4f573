import { describe, expect, test } from 'vitest';
import { type LocalNode, parseNodes } from './nodes.ts';

const MACHINE: LocalNode = {
  node: 'gpu-host',
  role: 'general',
  labels: {},
  cpuMillis: 64_000,
  memoryMib: 500_000,
  storageMib: 90_000,
  devices: [],
};

describe('parseNodes', () => {
  test('a single node is the whole machine, but for what is said', () => {
    const text = `
- role: gpu
  memoryMib: 480000
  labels: { rack: r7 }
  devices:
    - { model: A100, memoryMib: 81920 }
    - { model: A100, memoryMib: 81920, id: GPU-8932f937 }
    - { model: MI300, memoryMib: 196608, vendor: amd, id: 7 }
`;
    expect(parseNodes(text, 'nodes.yaml', MACHINE)).toEqual([
      {
        ...MACHINE,
        role: 'gpu',
        memoryMib: 480_000,
        labels: { rack: 'r7' },
        devices: [
          { model: 'A100', memoryMib: 81_920, id: '0', vendor: 'nvidia' },
          { model: 'A100', memoryMib: 81_920, id: 'GPU-8932f937', vendor: 'nvidia' },
          { model: 'MI300', memoryMib: 196_608, id: '7', vendor: 'amd' },
        ],
      },
    ]);
  });

  test('slices are read from JSON too, and number their devices as the machine does', () => {
    const device = { model: 'A100', memoryMib: 81_920 };
    const slice = { cpuMillis: 4000, memoryMib: 8192, devices: [device, device] };
    const text = JSON.stringify([
      { ...slice, node: 'a' },
      { ...slice, node: 'b' },
    ]);
    const nodes = parseNodes(text, 'nodes.json', MACHINE);
    expect(nodes.map(({ devices }) => devices.map(({ id }) => id))).toEqual([
      ['0', '1'],
      ['2', '3'],
    ]);
    expect(nodes.map(({ storageMib }) => storageMib)).toEqual([0, 0]);
  });

  test.each([
    ['', 'nodes.yaml:1: names no node'],
    ['node: a', 'nodes.yaml:1: '],
    ['- node: A', 'nodes.yaml:1: 0.node: must be lower-case'],
    ['- node: a\n  gpus: 2', 'nodes.yaml:2: 0.gpus: is not known here'],
    ['- node: a\n  devices:\n    - model: A100', 'nodes.yaml:3: 0.devices.0.memoryMib: '],
    ['- devices:\n    - { model: X, memoryMib: 1, id: "a,b" }', 'nodes.yaml:2: 0.devices.0.id: '],
    [
      '- devices:\n    - { model: X, memoryMib: 1, id: 1 }\n    - { model: X, memoryMib: 1 }',
      'nodes.yaml:3: 0.devices.1: another device has the id 1',
    ],
    ['- node: a\n- node: b\n  memoryMib: 5', 'nodes.yaml:2: 1.cpuMillis: must be said where'],
    [
      '- { node: a, cpuMillis: 1, memoryMib: 1 }\n- { node: a, cpuMillis: 1, memoryMib: 1 }',
      'nodes.yaml:2: 1.node: a is there already',
    ],
    ['- node: "', 'nodes.yaml:1: '],
  ])('%j is refused with its place', (text, message) => {
    expect(() => parseNodes(text, 'nodes.yaml', MACHINE)).toThrow(message);
  });

  test('all that is wrong is named at once', () => {
    const text = '- node: a\n  cpu: 4\n  role: big\n';
    expect(() => parseNodes(text, 'n.yaml', MACHINE)).toThrow(
      /n\.yaml:3: 0\.role.*\nn\.yaml:2: 0\.cpu/s,
    );
  });
});
