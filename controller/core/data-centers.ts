// Data centers: registered and changed by people, joined by their agents. How they are closed is in drains.ts.
import { dataCenterName } from '#domain/names.ts';
import { refuse } from '#domain/refusal.ts';
import { DataCenterState } from '#domain/states.ts';
import type { DataCenter as DataCenterEntity } from '#gen/isobar/log/v1/entity.ts';
import type { DataCenterStateChanged, Event } from '#gen/isobar/log/v1/event.ts';
import { accept, type Delete, type Outcome, type Put } from './command.ts';
import { checkEtag } from './etag.ts';
import { Pool } from './pool.ts';
import { addAmounts, grew } from './room.ts';
import { isAhead, noAmounts, type DataCenter, type State } from './state.ts';

/** Node columns hold its index in 16 bits. */
const MAX_DATA_CENTERS = 65_535;

export function decidePutDataCenter(
  state: State,
  command: Put<'putDataCenter', DataCenterEntity>,
  nowMs: number,
): Outcome<undefined> {
  const { entity, mode } = command;
  const existing = state.dataCenters.get(entity.id);
  if (mode === 'create' && existing !== undefined) {
    return refuse(
      'ALREADY_EXISTS',
      'DATA_CENTER_EXISTS',
      `data center ${entity.id} exists; update it instead`,
    );
  }
  if (mode === 'update' && existing === undefined) return noSuchDataCenter(entity.id);
  const stale = checkEtag(command.etag, existing?.revision);
  if (stale !== undefined) return stale;
  if (
    existing !== undefined &&
    entity.leaseMs < existing.entity.leaseMs &&
    existing.runs.size > 0
  ) {
    // Its agent may be out of reach and count on the longer one: the runs would be replaced while they are alive.
    return refuse(
      'FAILED_PRECONDITION',
      'LEASE_IN_USE',
      `${existing.runs.size} runs count on the longer lease; drain data center ${entity.id} first`,
    );
  }
  if (state.dataCenterList.length >= MAX_DATA_CENTERS) {
    return refuse(
      'RESOURCE_EXHAUSTED',
      'TOO_MANY_DATA_CENTERS',
      `a federation has had at most ${MAX_DATA_CENTERS} data centers`,
    );
  }
  for (const tenant of [entity.owner, ...entity.accepts]) {
    if (tenant !== '' && !state.tenants.has(tenant)) {
      return refuse(
        'NOT_FOUND',
        'TENANT_NOT_FOUND',
        `there is no tenant ${tenant}; create it before its data center`,
      );
    }
  }
  const createMs = existing?.entity.createMs ?? nowMs;
  return accept([{ kind: { $case: 'dataCenterPut', value: { ...entity, createMs } } }], undefined);
}

export function decideDeleteDataCenter(
  state: State,
  command: Delete<'deleteDataCenter'>,
): Outcome<undefined> {
  const dataCenter = state.dataCenters.get(command.id);
  if (dataCenter === undefined) return noSuchDataCenter(command.id);
  const stale = checkEtag(command.etag, dataCenter.revision);
  if (stale !== undefined) return stale;
  if (dataCenter.runs.size > 0) {
    const message = `${dataCenter.runs.size} runs are live there; drain it first`;
    return refuse('FAILED_PRECONDITION', 'DATA_CENTER_IN_USE', message);
  }
  const links = [...state.links.values()].filter(
    ({ entity }) => entity.source === command.id || entity.target === command.id,
  );
  const events: Event[] = links.map(({ entity }) => ({
    kind: { $case: 'linkDeleted', value: { id: entity.id } },
  }));
  events.push({ kind: { $case: 'dataCenterDeleted', value: { id: command.id } } });
  return accept(events, undefined);
}

export function dataCenterStateEvent(
  dataCenter: string,
  state: DataCenterState,
  joined: Pick<DataCenterStateChanged, 'executor' | 'placement' | 'executorOffers'> = {
    executor: '',
    placement: 0,
    executorOffers: [],
  },
): Event {
  return { kind: { $case: 'dataCenterStateChanged', value: { dataCenter, state, ...joined } } };
}

export function foldDataCenterPut(state: State, entity: DataCenterEntity): void {
  state.derived.mapVersion++;
  if (isAhead(state, 'dataCenter', entity.id, state.revision)) return;
  const existing = state.dataCenters.get(entity.id);
  if (existing === undefined) {
    addDataCenter(state, entity, state.revision);
    return;
  }
  existing.entity = entity;
  existing.revision = state.revision;
  grew(state, existing);
}

export function addDataCenter(
  state: State,
  entity: DataCenterEntity,
  revision: number,
): DataCenter {
  const dataCenter = emptyDataCenter(entity, revision, state.dataCenterList.length);
  state.dataCenters.set(entity.id, dataCenter);
  state.dataCenterList.push(dataCenter);
  state.derived.grownAt.push(0);
  return dataCenter;
}

/** As one is registered, before anybody has joined. */
export function emptyDataCenter(
  entity: DataCenterEntity,
  revision: number,
  index: number,
): DataCenter {
  return {
    entity,
    revision,
    index,
    state: DataCenterState.REGISTERED,
    executor: '',
    placement: 0,
    executorOffers: [],
    nodes: new Map(),
    pool: new Pool(),
    capacity: noAmounts(),
    foreign: noAmounts(),
    allocated: noAmounts(),
    runs: new Set(),
    session: undefined,
    isLeaseOver: false,
  };
}

export function foldDataCenterDeleted(state: State, id: string): void {
  const dataCenter = state.dataCenters.get(id);
  if (dataCenter === undefined) return;
  state.derived.mapVersion++;
  addAmounts(state.derived.capacity, dataCenter.capacity, -1);
  for (const [node, row] of dataCenter.nodes) {
    if (isAhead(state, 'node', `${id}/${node}`, state.revision)) continue;
    dataCenter.nodes.delete(node);
    state.nodes.remove(row);
    state.gone.push({ kind: 'node', key: `${id}/${node}` });
  }
  // A row that is ahead is of the data center that was registered anew; what the old one had is gone all the same.
  if (isAhead(state, 'dataCenter', id, state.revision)) return;
  state.dataCenters.delete(id);
  state.dataCenterList[dataCenter.index] = undefined;
  state.gone.push({ kind: 'dataCenter', key: id });
}

export function foldDataCenterState(state: State, event: DataCenterStateChanged): void {
  const dataCenter = state.dataCenters.get(event.dataCenter);
  if (dataCenter === undefined || isAhead(state, 'dataCenter', event.dataCenter, state.revision))
    return;
  // Only states of the table are ever written.
  dataCenter.state = event.state as DataCenterState;
  if (event.executor !== '') {
    dataCenter.executor = event.executor;
    dataCenter.placement = event.placement;
    dataCenter.executorOffers = event.executorOffers;
  }
  dataCenter.revision = state.revision;
  if (dataCenter.state === DataCenterState.ACTIVE) grew(state, dataCenter);
}

export function noSuchDataCenter(id: string): Outcome<never> {
  return refuse('NOT_FOUND', 'DATA_CENTER_NOT_FOUND', `there is no ${dataCenterName(id)}`);
}
