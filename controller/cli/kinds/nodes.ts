// Nodes as tables and in full.
import { parseName } from '#domain/names.ts';
import { Node } from '#client/types.ts';
import type { KindView } from '../kind.ts';
import { facts, tableSection } from '../sections.ts';
import type { Column } from '../table.ts';
import { cpus, devices, mib, percent } from '../units.ts';
import { amountText, fullness, labelText, stateCell } from '../words.ts';

export const nodes: KindView<Node> = {
  selects: ['labels', 'dataCenter'],
  codec: Node,
  name: ({ name }) => name,
  labels: ({ labels }) => labels,
  columns: () => COLUMNS,
  list: (client, { signal }, { dataCenter }) => client.nodes.list({ dataCenter, signal }).pages(),
  get: (client, { signal }, name) => client.nodes.get(name, { signal }),
  describe: async (_client, _session, node) => [
    facts([
      ['Name', shortName(node)],
      ['Data center', idsOf(node)[0]],
      ['Role', node.role],
      ['State', node.cordoned ? 'cordoned' : 'takes new runs'],
      ['Labels', labelText(node.labels)],
      ['Allocatable', amountText(node.allocatable)],
      ['Others use', amountText(node.foreign) || (node.foreign ? 'nothing' : 'never reported')],
      ['Free', amountText(node.free) || 'nothing'],
    ]),
    tableSection(
      'Devices',
      [
        { title: 'DEVICE', right: true, cell: ({ index }) => index },
        { title: 'MODEL', cell: ({ device }) => device.model },
        { title: 'MEMORY', right: true, cell: ({ device }) => mib(device.memoryMib) },
        { title: 'FREE', right: true, cell: ({ device }) => percent(device.freeThousandths, 1000) },
      ],
      node.devices.map((device, index) => ({ device, index })),
    ),
  ],
};

const COLUMNS: readonly Column<Node>[] = [
  { title: 'NAME', cell: shortName },
  { title: 'ROLE', cell: ({ role }) => role },
  { title: 'STATE', cell: ({ cordoned }) => stateCell(cordoned ? 'cordoned' : 'ready') },
  { title: 'CPU', cell: taken('cpuMillis', cpus) },
  { title: 'MEMORY', cell: taken('memoryMib', mib) },
  { title: 'STORAGE', wide: true, cell: taken('storageMib', mib) },
  { title: 'GPU', right: true, cell: gpus },
  { title: 'OTHERS USE', wide: true, cell: ({ foreign }) => amountText(foreign) },
  { title: 'LABELS', wide: true, cell: ({ labels }) => labelText(labels) },
];

function taken(amount: 'cpuMillis' | 'memoryMib' | 'storageMib', unit: (n: number) => string) {
  return ({ allocatable, free }: Node) => {
    const all = allocatable?.[amount] ?? 0;
    return fullness(all - (free?.[amount] ?? 0), all, unit);
  };
}

/** `1.5/2 A100`: free, of how many, of which model. */
function gpus({ devices: list }: Node): string {
  if (list.length === 0) return '';
  const free = list.reduce((sum, device) => sum + device.freeThousandths, 0);
  const models = [...new Set(list.map(({ model }) => model))].join(',');
  return `${devices(free)}/${list.length} ${models} free`;
}

function idsOf({ name }: Node): readonly string[] {
  return parseName('dataCenters/*/nodes/*', name) ?? ['', name];
}

function shortName(node: Node): string {
  return idsOf(node).join('/');
}
