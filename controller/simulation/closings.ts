// What is closed stays closed: a cordoned place takes no run, a drained one asks all of its runs to stop, and a data center leaves
// with the last of them.
import { DataCenterState, JobState } from '#domain/states.ts';
import type { Event, RunReserved } from '#gen/isobar/log/v1/event.ts';
import type { Record as LogRecord } from '#gen/isobar/log/v1/record.ts';
import type { Model, ModelJob } from './model.ts';
import { check } from './violation.ts';

/** A data center, or a node of it. */
type Place = readonly [dataCenter: string, node?: string];

export function checkOpen(model: Model, job: ModelJob, parts: RunReserved['parts']): void {
  for (const { dataCenter, allocations } of parts) {
    const place = model.dataCenters.get(dataCenter);
    const isOpen =
      place?.state === DataCenterState.ACTIVE &&
      allocations.every(({ node }) => !place.cordoned.has(node));
    check(isOpen, 'closed', () => `job ${job.id} was placed in ${dataCenter}, which is closed`);
  }
}

/** Whoever is drained by a record is asked by it: all that is there, whoever asked for whatever before. */
export function checkDrains(model: Model, { events, method, revision }: LogRecord): void {
  for (const place of drainedBy(events, method)) {
    for (const job of jobsAt(model, place)) {
      const where = () => place.join('/');
      check(
        job.state === JobState.STOPPING,
        'closed',
        () => `record ${revision} drains ${where()}, and job ${job.id} goes on there`,
      );
    }
  }
}

/** The loop gathers a departure with the end of the last run: no group is durable that has one without the other. */
export function checkDepartures(model: Model): void {
  for (const [id, { state }] of model.dataCenters) {
    const isEmpty = () => jobsAt(model, [id]).length === 0;
    if (state === DataCenterState.LEFT)
      check(isEmpty(), 'closed', () => `data center ${id} has left, and has runs`);
    if (state === DataCenterState.DRAINING)
      check(!isEmpty(), 'closed', () => `data center ${id} is drained and does not leave`);
  }
}

/** What a record drains. A node that was cordoned before is named by the jobs that are asked to leave it. */
function* drainedBy(events: readonly Event[], method: string): Iterable<Place> {
  for (const { kind } of events) {
    if (kind?.$case === 'dataCenterStateChanged' && kind.value.state === DataCenterState.DRAINING)
      yield [kind.value.dataCenter];
    else if (kind?.$case === 'nodeCordoned' && method.endsWith('/drainNode'))
      yield [kind.value.dataCenter, kind.value.node];
    else if (kind?.$case === 'jobChanged' && kind.value.state === JobState.STOPPING) {
      const why = kind.value.reason;
      if (why?.code === 'NODE_DRAINED') yield [why.dataCenter, why.subject];
    }
  }
}

function jobsAt(model: Model, [dataCenter, node]: Place): readonly ModelJob[] {
  return [...model.jobs.values()].filter(({ run }) =>
    run?.parts.some(
      (part) =>
        part.dataCenter === dataCenter &&
        (node === undefined || part.allocations.some((held) => held.node === node)),
    ),
  );
}
