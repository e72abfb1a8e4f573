// Data centers and nodes are closed and opened again: cordoned, and drained of their runs. A data center has left when the last
// run of its drain has ended.
import { reason } from '#domain/reasons.ts';
import { refuse } from '#domain/refusal.ts';
import { DataCenterState, JobState, mayDataCenterMove, nameOf } from '#domain/states.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import {
  accept,
  type DrainAnswer,
  type DrainNode,
  type LeaveDataCenter,
  type MoveDataCenter,
  type Outcome,
} from './command.ts';
import { dataCenterStateEvent, noSuchDataCenter } from './data-centers.ts';
import { nodeCordonedEvent, noSuchNode, presentNode } from './nodes.ts';
import { stopEvents } from './run-events.ts';
import { allocationsOf, type DataCenter, type State } from './state.ts';

const TARGET = {
  cordon: DataCenterState.CORDONED,
  uncordon: DataCenterState.ACTIVE,
  drain: DataCenterState.DRAINING,
} as const;

export function decideMoveDataCenter(state: State, command: MoveDataCenter): Outcome<DrainAnswer> {
  const { id, verb } = command;
  const dataCenter = state.dataCenters.get(id);
  if (dataCenter === undefined) return noSuchDataCenter(id);
  const target = TARGET[verb];
  // What has left was drained: whoever asks again has what was asked for.
  const isThere =
    dataCenter.state === target || (verb === 'drain' && dataCenter.state === DataCenterState.LEFT);
  if (!isThere && !mayDataCenterMove(dataCenter.state, target)) {
    const now = nameOf(DataCenterState, dataCenter.state);
    const isDrained = mayDataCenterMove(dataCenter.state, DataCenterState.ACTIVE);
    const next = isDrained ? '; uncordon it first' : '; its agent has to join first';
    const message = `data center ${id} is ${now}; it cannot ${verb} now${next}`;
    return refuse('FAILED_PRECONDITION', 'WRONG_STATE', message);
  }
  const events = isThere ? [] : [dataCenterStateEvent(id, target)];
  if (verb !== 'drain') return accept(events, { movedRuns: 0 });
  const why = reason('DRAINED', { dataCenter: id });
  const moving = runsToMove(state, dataCenter);
  for (const run of moving) events.push(...stopEvents(state, run, why));
  return accept(events, { movedRuns: moving.length });
}

/** Cordons a node and asks every run that holds room on it to stop; of a gang, that is all of it. */
export function decideDrainNode(state: State, command: DrainNode): Outcome<DrainAnswer> {
  const { dataCenter: id, node } = command;
  const dataCenter = state.dataCenters.get(id);
  if (dataCenter === undefined) return noSuchDataCenter(id);
  const row = presentNode(state, dataCenter, node);
  if (row === undefined) return noSuchNode(id, node);
  const isCordoned = state.nodes.cordoned[row] === 1;
  const events: Event[] = isCordoned ? [] : [nodeCordonedEvent(id, node, true)];
  const why = reason('NODE_DRAINED', { dataCenter: id, subject: node });
  const moving = runsToMove(state, dataCenter, row);
  for (const run of moving) events.push(...stopEvents(state, run, why));
  return accept(events, { movedRuns: moving.length });
}

/** Rows of the runs that a drain of a data center, or of one of its nodes, asks to stop: those that nobody has asked yet. */
export function runsToMove(state: State, dataCenter: DataCenter, node?: number): readonly number[] {
  if (node !== undefined && state.nodes.allocations[node] === 0) return [];
  return [...dataCenter.runs].filter((run) => {
    if (state.jobs.stateOf(state.runs.job[run]!) === JobState.STOPPING) return false;
    return node === undefined || holdsRoomOn(state, run, node);
  });
}

function holdsRoomOn(state: State, run: number, node: number): boolean {
  for (const at of allocationsOf(state, run)) if (state.allocations.node[at] === node) return true;
  return false;
}

/** Its drain has nothing more to wait for. */
export function hasEmptied(dataCenter: DataCenter): boolean {
  return dataCenter.state === DataCenterState.DRAINING && dataCenter.runs.size === 0;
}

export function decideLeave(state: State, { id }: LeaveDataCenter): Outcome<undefined> {
  const dataCenter = state.dataCenters.get(id);
  if (dataCenter === undefined) return noSuchDataCenter(id);
  if (!hasEmptied(dataCenter)) {
    const message = `data center ${id} is not drained; it has ${dataCenter.runs.size} runs`;
    return refuse('FAILED_PRECONDITION', 'WRONG_STATE', message);
  }
  return accept([dataCenterStateEvent(id, DataCenterState.LEFT)], undefined);
}
