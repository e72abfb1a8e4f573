// The data centers of the model, with their nodes, as the log tells of them.
import { DataCenterState, mayDataCenterMove } from '#domain/states.ts';
import type { DataCenter, Node } from '#gen/isobar/log/v1/entity.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { check } from './violation.ts';

export interface ModelDataCenter {
  entity: DataCenter;
  state: DataCenterState;
  readonly nodes: Map<string, Node>;
  readonly cordoned: Set<string>;
}

export interface DataCenterEvents {
  dataCenterMoved(dataCenter: string, before: DataCenterState, to: DataCenterState): void;
}

type Kind = Extract<
  NonNullable<Event['kind']>,
  {
    readonly $case:
      | 'dataCenterPut'
      | 'dataCenterDeleted'
      | 'dataCenterStateChanged'
      | 'nodesPut'
      | 'nodesRemoved'
      | 'nodeCordoned';
  }
>;

export function noteDataCenter(
  dataCenters: Map<string, ModelDataCenter>,
  kind: Kind,
  events: DataCenterEvents,
): void {
  if (kind.$case === 'dataCenterPut') {
    const known = dataCenters.get(kind.value.id);
    if (known === undefined) {
      dataCenters.set(kind.value.id, {
        entity: kind.value,
        state: DataCenterState.REGISTERED,
        nodes: new Map(),
        cordoned: new Set(),
      });
    } else known.entity = kind.value;
    return;
  }
  if (kind.$case === 'dataCenterDeleted') {
    dataCenters.delete(kind.value.id);
    return;
  }
  const id = kind.value.dataCenter;
  const dataCenter = dataCenters.get(id);
  check(dataCenter !== undefined, 'table', () => `${kind.$case} of ${id}, which is not there`);
  switch (kind.$case) {
    case 'dataCenterStateChanged': {
      const before = dataCenter.state;
      // Only states of the table are written; others have no move to them.
      const to = kind.value.state as DataCenterState;
      const mayMove = before === to || mayDataCenterMove(before, to);
      check(mayMove, 'table', () => `data center ${id} moved from ${before} to ${to}`);
      dataCenter.state = to;
      events.dataCenterMoved(id, before, to);
      return;
    }
    case 'nodesPut':
      for (const node of kind.value.nodes) dataCenter.nodes.set(node.id, node);
      return;
    case 'nodesRemoved':
      for (const node of kind.value.nodes) {
        dataCenter.nodes.delete(node);
        // It comes back as it comes to us.
        dataCenter.cordoned.delete(node);
      }
      return;
    case 'nodeCordoned':
      if (kind.value.cordoned) dataCenter.cordoned.add(kind.value.node);
      else dataCenter.cordoned.delete(kind.value.node);
      return;
    default:
      kind satisfies never;
  }
}
