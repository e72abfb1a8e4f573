// Nodes of the data centers: their inventory is decided (it is logged), what others use on them is observed.
import { nodeName } from '#domain/names.ts';
import { refuse } from '#domain/refusal.ts';
import type { Node } from '#gen/isobar/log/v1/entity.ts';
import type { Event, NodeCordoned, NodesPut, NodesRemoved } from '#gen/isobar/log/v1/event.ts';
import { accept, type CordonNode, type Outcome, type ReportNodes } from './command.ts';
import { noSuchDataCenter } from './data-centers.ts';
import type { NodeDescription } from './node-table.ts';
import { countNode, dropNode, grew, holdDevices } from './room.ts';
import { isAhead, type DataCenter, type State } from './state.ts';

export function decideCordonNode(state: State, command: CordonNode): Outcome<undefined> {
  const { dataCenter: id, node, cordoned } = command;
  const dataCenter = state.dataCenters.get(id);
  if (dataCenter === undefined) return noSuchDataCenter(id);
  const row = presentNode(state, dataCenter, node);
  if (row === undefined) return noSuchNode(id, node);
  if ((state.nodes.cordoned[row] === 1) === cordoned) return accept([], undefined);
  return accept([nodeCordonedEvent(id, node, cordoned)], undefined);
}

export function nodeCordonedEvent(dataCenter: string, node: string, cordoned: boolean): Event {
  return { kind: { $case: 'nodeCordoned', value: { dataCenter, node, cordoned } } };
}

export function noSuchNode(dataCenter: string, node: string): Outcome<never> {
  return refuse('NOT_FOUND', 'NODE_NOT_FOUND', `there is no ${nodeName(dataCenter, node)}`);
}

export function decideReportNodes(state: State, command: ReportNodes): Outcome<undefined> {
  const dataCenter = state.dataCenters.get(command.dataCenter);
  if (dataCenter === undefined) return noSuchDataCenter(command.dataCenter);
  const removed = [...new Set(command.removed)].filter(
    (id) => presentNode(state, dataCenter, id) !== undefined,
  );
  return accept(nodeEvents(state, dataCenter, command.nodes, removed), undefined);
}

/** The agent's whole inventory: nodes that it does not name are gone. */
export function inventoryEvents(
  state: State,
  dataCenter: DataCenter,
  nodes: readonly Node[],
): Event[] {
  const named = new Set(nodes.map((node) => node.id));
  const removed = [...dataCenter.nodes.keys()].filter(
    (id) => !named.has(id) && presentNode(state, dataCenter, id) !== undefined,
  );
  return nodeEvents(state, dataCenter, nodes, removed);
}

function nodeEvents(
  state: State,
  dataCenter: DataCenter,
  nodes: readonly Node[],
  removed: readonly string[],
): Event[] {
  const changed = nodes.filter((node) => !isUnchanged(state, dataCenter, node));
  const id = dataCenter.entity.id;
  const events: Event[] = [];
  if (changed.length > 0) {
    events.push({ kind: { $case: 'nodesPut', value: { dataCenter: id, nodes: changed } } });
  }
  if (removed.length > 0) {
    events.push({
      kind: { $case: 'nodesRemoved', value: { dataCenter: id, nodes: [...removed] } },
    });
  }
  return events;
}

/** The row of a node that is there; one that is gone may still be held by runs. */
export function presentNode(state: State, dataCenter: DataCenter, id: string): number | undefined {
  const row = dataCenter.nodes.get(id);
  return row === undefined || state.nodes.removed[row] === 1 ? undefined : row;
}

function isUnchanged(state: State, dataCenter: DataCenter, node: Node): boolean {
  const row = presentNode(state, dataCenter, node.id);
  if (row === undefined) return false;
  return sameText(state.nodes.descriptionOf(row)) === sameText(toDescription(node));
}

function sameText(node: NodeDescription): string {
  const sorted = (map: Readonly<Record<string, unknown>>) =>
    Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const { role, cpuMillis, memoryMib, storageMib, devices } = node;
  return JSON.stringify([
    role,
    sorted(node.labels),
    cpuMillis,
    memoryMib,
    storageMib,
    sorted(node.extra),
    devices,
  ]);
}

function toDescription(node: Node): NodeDescription {
  const { allocatable } = node;
  return {
    id: node.id,
    role: node.role,
    labels: node.labels,
    cpuMillis: toColumn(allocatable?.cpuMillis),
    memoryMib: toColumn(allocatable?.memoryMib),
    storageMib: toColumn(allocatable?.storageMib),
    extra: Object.fromEntries(
      Object.entries(allocatable?.extra ?? {}).filter(([, amount]) => amount > 0),
    ),
    devices: node.devices,
  };
}

/** Columns hold 2^31 − 1, for storage 2 PiB on one machine. Capacity rounds down: what is beyond is left unused. */
export function toColumn(amount: number | undefined): number {
  return Math.min(amount ?? 0, 0x7fff_ffff);
}

export function foldNodesPut(state: State, event: NodesPut): void {
  const dataCenter = state.dataCenters.get(event.dataCenter);
  if (dataCenter === undefined) return;
  state.derived.mapVersion++;
  const newDevices = new Set<number>();
  for (const node of event.nodes) {
    if (isAhead(state, 'node', `${event.dataCenter}/${node.id}`, state.revision)) continue;
    putNode(state, dataCenter, node, state.revision, newDevices);
  }
  if (!state.derived.live) return;
  if (newDevices.size > 0) holdDevices(state, dataCenter, newDevices);
  grew(state, dataCenter);
}

/** `newDevices` takes the row if its devices are not the same as before. */
export function putNode(
  state: State,
  dataCenter: DataCenter,
  node: Node,
  revision: number,
  newDevices?: Set<number>,
): number {
  const { nodes, derived } = state;
  const description = toDescription(node);
  let row = dataCenter.nodes.get(node.id);
  if (row === undefined) {
    row = nodes.add(dataCenter.index, description);
    dataCenter.nodes.set(node.id, row);
  } else {
    // It comes back as it comes to us, whether runs kept its row meanwhile or not.
    if (nodes.removed[row] === 1) nodes.cordoned[row] = 0;
    else if (derived.live) countNode(state, dataCenter, row, -1);
    if (nodes.describe(row, description)) newDevices?.add(row);
  }
  nodes.revision[row] = revision;
  if (derived.live) {
    countNode(state, dataCenter, row, 1);
    if (dataCenter.pool.has(nodes, row)) dataCenter.pool.raise(nodes, row);
    else dataCenter.pool.add(nodes, row);
  }
  return row;
}

export function foldNodesRemoved(state: State, event: NodesRemoved): void {
  const dataCenter = state.dataCenters.get(event.dataCenter);
  if (dataCenter === undefined) return;
  state.derived.mapVersion++;
  for (const id of event.nodes) {
    const row = dataCenter.nodes.get(id);
    if (row === undefined || isAhead(state, 'node', `${event.dataCenter}/${id}`, state.revision))
      continue;
    if (state.nodes.removed[row] === 1) continue;
    removeNode(state, dataCenter, row);
  }
}

/** Runs on it keep what they hold until they end: it may come back, and must not be given away twice. */
function removeNode(state: State, dataCenter: DataCenter, row: number): void {
  const { nodes } = state;
  nodes.removed[row] = 1;
  nodes.revision[row] = state.revision;
  if (!state.derived.live) return;
  countNode(state, dataCenter, row, -1);
  dataCenter.pool.remove(nodes, row);
  if (nodes.allocations[row] === 0) dropNode(state, dataCenter, row);
}

export function foldNodeCordoned(state: State, event: NodeCordoned): void {
  const dataCenter = state.dataCenters.get(event.dataCenter);
  const row = dataCenter?.nodes.get(event.node);
  if (dataCenter === undefined || row === undefined) return;
  if (isAhead(state, 'node', `${event.dataCenter}/${event.node}`, state.revision)) return;
  state.nodes.cordoned[row] = event.cordoned ? 1 : 0;
  state.nodes.revision[row] = state.revision;
  if (!event.cordoned && state.derived.live) grew(state, dataCenter);
}
