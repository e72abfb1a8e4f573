// Data centers as tables and in full.
import { wordOf } from '#client/enums.ts';
import { idOf } from '#client/names.ts';
import {
  Classification,
  DataCenter,
  DataCenterClass,
  DataCenterState,
  type Node,
  Placement,
  type Resources,
} from '#client/types.ts';
import type { KindView } from '../kind.ts';
import { facts, type SectionText, tableSection } from '../sections.ts';
import type { Tone } from '../paint.ts';
import type { Column } from '../table.ts';
import { cpus, devices, mib, timestamp } from '../units.ts';
import { ageText, dataCenterState, durationText, fullness, labelText } from '../words.ts';
import { nodes } from './nodes.ts';

export const dataCenters: KindView<DataCenter> = {
  selects: ['labels'],
  codec: DataCenter,
  name: ({ name }) => name,
  labels: ({ labels }) => labels,
  columns,
  list: (client, session) => client.dataCenters.list({ signal: session.signal }).pages(),
  get: (client, { signal }, name) => client.dataCenters.get(name, { signal }),
  async describe(client, session, dataCenter) {
    const { signal } = session;
    const dataCenterId = idOf(dataCenter.name);
    const machines = await firstNodes(client.nodes.list({ dataCenter: dataCenterId, signal }));
    return sections(dataCenter, machines, session.io.now());
  },
};

type Amount = 'cpuMillis' | 'memoryMib' | 'storageMib' | 'deviceThousandths';

/** What runs of the federation and others hold together: what is not free. */
function used(dc: DataCenter, amount: Amount): number {
  return (dc.allocated?.[amount] ?? 0) + (dc.foreign?.[amount] ?? 0);
}

function columns(now: number): Column<DataCenter>[] {
  const full = (amount: Amount, unit: (n: number) => string) => (dc: DataCenter) =>
    fullness(used(dc, amount), dc.capacity?.[amount] ?? 0, unit);
  return [
    { title: 'NAME', cell: (dc) => idOf(dc.name) },
    { title: 'CLASS', cell: (dc) => wordOf(DataCenterClass, dc.class) },
    { title: 'REGION', cell: (dc) => dc.region },
    { title: 'STATE', cell: (dc) => dataCenterState(dc.state, dc.reachable) },
    { title: 'NODES', right: true, cell: (dc) => dc.nodeCount },
    { title: 'RUNS', right: true, cell: (dc) => dc.runCount },
    { title: 'CPU', cell: full('cpuMillis', cpus) },
    { title: 'MEMORY', cell: full('memoryMib', mib) },
    { title: 'GPU', cell: full('deviceThousandths', devices) },
    { title: 'STORAGE', wide: true, cell: full('storageMib', mib) },
    { title: 'EXECUTOR', wide: true, cell: (dc) => dc.executor },
    { title: 'CLEARANCE', wide: true, cell: (dc) => wordOf(Classification, dc.clearance) },
    { title: 'OWNER', wide: true, cell: (dc) => (dc.owner === '' ? 'nation' : idOf(dc.owner)) },
    { title: 'LABELS', wide: true, cell: (dc) => labelText(dc.labels) },
    {
      title: 'AGE',
      right: true,
      wide: true,
      restless: true,
      cell: (dc) => ageText(dc.createTime, now),
    },
  ];
}

/** As many as fit a screen; `get nodes --data-center` shows all. */
const SHOWN_NODES = 20;

async function firstNodes(list: AsyncIterable<Node>): Promise<Node[]> {
  const found: Node[] = [];
  for await (const node of list) {
    if (found.push(node) >= SHOWN_NODES) break;
  }
  return found;
}

function sections(dc: DataCenter, machines: readonly Node[], now: number): SectionText[] {
  const id = idOf(dc.name);
  const state = wordOf(DataCenterState, dc.state);
  const place = dc.location && `${dc.location.latitude}, ${dc.location.longitude}`;
  const more = dc.nodeCount > machines.length;
  return [
    facts([
      ['Name', id],
      ['Display name', dc.displayName],
      ['Class', wordOf(DataCenterClass, dc.class)],
      ['Region', dc.region],
      ['Location', place],
      ['Owner', dc.owner === '' ? 'the nation' : idOf(dc.owner)],
      ['State', hasLeft(dc) ? `${state}: uncordon brings it back, delete removes it` : state],
      ['Agent', agentText(dc), agentTone(dc)],
      ['Labels', labelText(dc.labels)],
      ['Clearance', wordOf(Classification, dc.clearance)],
      ['Accepts', dc.accepts.length === 0 ? 'all tenants' : dc.accepts.map(idOf).join(', ')],
      ['Offers', dc.offers.join(', ')],
      ['Lease', durationText(dc.lease) || '10m'],
      [
        'Price',
        dc.priceMicrosPerCpuHour === 0 ? '' : `${dc.priceMicrosPerCpuHour / 1e6} per CPU hour`,
      ],
      ['Live runs', dc.runCount],
      [
        'Registered',
        dc.createTime && `${timestamp(dc.createTime)} (${ageText(dc.createTime, now)} ago)`,
      ],
    ]),
    tableSection('Resources', RESOURCES, resourceRows(dc)),
    tableSection(
      more
        ? `Nodes (${machines.length} of ${dc.nodeCount}; isobar get nodes --data-center ${id})`
        : 'Nodes',
      nodes.columns(now, {}).filter(({ wide }) => wide !== true),
      machines,
    ),
  ];
}

function hasLeft({ state }: DataCenter): boolean {
  return state === DataCenterState.LEFT;
}

/** Nobody waits for the agent of a data center that has left. */
function agentTone(dc: DataCenter): Tone | undefined {
  if (dc.reachable) return 'good';
  return hasLeft(dc) ? undefined : 'bad';
}

function agentText(dc: DataCenter): string {
  if (dc.executor === '') return 'none has joined yet; isobar create token makes the token for one';
  const placement = dc.placement === Placement.ADVISORY ? ', its engine decides the node' : '';
  return `${dc.executor}, ${dc.reachable ? 'connected' : 'not connected'}${placement}`;
}

interface ResourceRow {
  readonly title: string;
  readonly amount: Amount;
  readonly unit: (n: number) => string;
  readonly dc: DataCenter;
}

const RESOURCES: readonly Column<ResourceRow>[] = [
  { title: 'RESOURCE', cell: ({ title }) => title },
  { title: 'CAPACITY', right: true, cell: (row) => row.unit(of(row.dc.capacity, row)) },
  { title: 'OUR RUNS', right: true, cell: (row) => row.unit(of(row.dc.allocated, row)) },
  { title: 'OTHERS', right: true, cell: (row) => row.unit(of(row.dc.foreign, row)) },
  {
    title: 'FREE',
    right: true,
    cell: (row) => row.unit(Math.max(0, of(row.dc.capacity, row) - used(row.dc, row.amount))),
  },
];

function of(resources: Resources | undefined, { amount }: ResourceRow): number {
  return resources?.[amount] ?? 0;
}

function resourceRows(dc: DataCenter): ResourceRow[] {
  const rows: ResourceRow[] = [
    { title: 'CPU', amount: 'cpuMillis', unit: cpus, dc },
    { title: 'memory', amount: 'memoryMib', unit: mib, dc },
    { title: 'storage', amount: 'storageMib', unit: mib, dc },
    { title: 'GPU', amount: 'deviceThousandths', unit: devices, dc },
  ];
  return rows.filter((row) => of(dc.capacity, row) > 0);
}
