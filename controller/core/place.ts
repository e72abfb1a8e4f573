// Placements: decisions of the scheduler, checked again against what is true now. Stale ones are dropped: their jobs stay queued,
// so two decisions never take the same room.
import { DataCenterState, JobState } from '#domain/states.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { accept, type Outcome, type Place, type PlaceAnswer, type Placement } from './command.ts';
import { exceededQuota, Overlay } from './overlay.ts';
import { classOf } from './queue.ts';
import type { HeldDevice } from './run-table.ts';
import type { DataCenter, JobClass, State } from './state.ts';

export function decidePlace(state: State, command: Place): Outcome<PlaceAnswer> {
  const overlay = new Overlay(state);
  const placed = new Set<number>();
  const events: Event[] = [];
  for (const placement of command.placements) {
    const row = state.jobs.rowOf(placement.uid);
    if (row === undefined || placed.has(row) || !mayRun(state, row)) continue;
    const jobClass = classOf(state, row);
    if (exceededQuota(overlay, jobClass) !== undefined) continue;
    if (!takeRoom(state, overlay, jobClass, placement)) continue;
    placed.add(row);
    events.push(reserved(state, row, placement));
  }
  return accept(events, { dropped: command.placements.length - events.length });
}

function mayRun(state: State, row: number): boolean {
  return state.jobs.stateOf(row) === JobState.QUEUED && state.jobs.queued[row] === 1;
}

/** Takes the room of all parts, or none. */
function takeRoom(
  state: State,
  overlay: Overlay,
  jobClass: JobClass,
  placement: Placement,
): boolean {
  const taken: (() => void)[] = [];
  const tasks = jobClass.entity.groups.map(() => 0);
  const isWhole = () => jobClass.entity.groups.every((group, i) => tasks[i] === group.replicas);
  for (const part of placement.parts) {
    const dataCenter = state.dataCenters.get(part.dataCenter);
    const fits =
      dataCenter !== undefined &&
      takesRuns(overlay, dataCenter) &&
      part.allocations.every((allocation) => {
        const row = dataCenter.nodes.get(allocation.node);
        const shape = jobClass.entity.groups[allocation.group];
        if (row === undefined || shape === undefined || !isOpen(state, row)) return false;
        if (overlay.countOnNode(row, shape, allocation.tasks) < allocation.tasks) return false;
        const held = allocation.devices.map((device, i) => ({
          device,
          thousandths: allocation.thousandths[i] ?? 0,
        }));
        if (!hasDevices(state, overlay, row, held)) return false;
        overlay.take(row, shape, allocation.tasks, held);
        tasks[allocation.group]! += allocation.tasks;
        taken.push(() => overlay.giveBack(row, shape, allocation.tasks, held));
        return true;
      });
    if (!fits) {
      for (const undo of taken) undo();
      return false;
    }
  }
  if (!isWhole()) {
    for (const undo of taken) undo();
    return false;
  }
  const [first] = placement.parts;
  const dataCenter = state.dataCenters.get(first?.dataCenter ?? '');
  if (dataCenter !== undefined) overlay.count(jobClass, dataCenter.index);
  return true;
}

function hasDevices(
  state: State,
  overlay: Overlay,
  row: number,
  held: readonly HeldDevice[],
): boolean {
  const first = state.nodes.firstDevice[row]!;
  return held.every(({ device, thousandths }, i) => {
    const isOnce = held.findIndex((other) => other.device === device) === i;
    return (
      isOnce &&
      device < state.nodes.deviceCount[row]! &&
      overlay.freeThousandths(first + device) >= thousandths
    );
  });
}

/** Whether a data center takes new runs: active, connected, and its agent keeps up. */
export function takesRuns(overlay: Overlay, dataCenter: DataCenter): boolean {
  const { session } = dataCenter;
  return (
    dataCenter.state === DataCenterState.ACTIVE &&
    session !== undefined &&
    session.unacknowledged + overlay.assignments(dataCenter.index) < session.credit
  );
}

export function isOpen(state: State, node: number): boolean {
  return state.nodes.cordoned[node] === 0 && state.nodes.removed[node] === 0;
}

function reserved(state: State, row: number, placement: Placement): Event {
  const { jobs } = state;
  return {
    kind: {
      $case: 'runReserved',
      value: {
        uid: placement.uid,
        tenant: jobs.tenantOf(row),
        job: jobs.idOf(row),
        jobSet: jobs.jobSetOf(row),
        index: 0,
        epoch: jobs.epoch[row]! + 1,
        parts: [...placement.parts],
        decision: placement.decision,
      },
    },
  };
}
