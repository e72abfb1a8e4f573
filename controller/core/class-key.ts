// The key under which equal classes meet. Everything that the scheduler, or what follows a run's end, reads of a job is in it;
// number and tenant are not.
import type { JobClass } from '#gen/isobar/log/v1/entity.ts';

export type ClassShape = Omit<JobClass, 'number' | 'tenant'>;

/** The same text for the same class. Maps must come with their keys sorted, as the edge makes them. */
export function classKeyOf(shape: ClassShape): string {
  let key = `${shape.priority}|${shape.classification}|${shape.unreachable}`;
  for (const group of shape.groups) {
    const r = group.resources;
    key += `|${group.replicas}*${r?.cpuMillis ?? 0},${r?.memoryMib ?? 0},${r?.storageMib ?? 0}`;
    if (r !== undefined)
      for (const name in r.extra) key += `,${JSON.stringify(name)}=${r.extra[name]}`;
    for (const need of group.devices) {
      key += `;${need.count}x${need.thousandths} ${JSON.stringify(need.model)} ${need.memoryMib}`;
    }
  }
  key += `|${shape.maxAttempts},${shape.retryExitCodes.join(' ')},${shape.backoffMs},${shape.maxBackoffMs}`;
  if (isConstrained(shape)) {
    key += JSON.stringify([
      shape.dataCenters,
      shape.notDataCenters,
      shape.regions,
      shape.classes,
      shape.offers,
      shape.dataCenterLabels,
      shape.nodeLabels,
      shape.nodeRoles,
    ]);
  }
  return key;
}

function isConstrained(shape: ClassShape): boolean {
  return (
    shape.dataCenters.length > 0 ||
    shape.notDataCenters.length > 0 ||
    shape.regions.length > 0 ||
    shape.classes.length > 0 ||
    shape.offers.length > 0 ||
    shape.nodeRoles.length > 0 ||
    Object.keys(shape.dataCenterLabels).length > 0 ||
    Object.keys(shape.nodeLabels).length > 0
  );
}
