// Hard limits of a data center and of its nodes for a class of jobs, room aside. The first one that binds is the reason.
import { reason, type Reason } from '#domain/reasons.ts';
import { DataCenterState, nameOf } from '#domain/states.ts';
import type { Overlay } from '#core/overlay.ts';
import type { DataCenter, JobClass, State } from '#core/state.ts';
import { isWithin } from '#core/tenants.ts';
import type { Policy } from './policy.ts';

/** Why no job of the class may run in the data center, whatever room there is; undefined: it may. */
export function barrier(
  state: State,
  overlay: Overlay,
  policy: Policy,
  jobClass: JobClass,
  dataCenter: DataCenter,
): Reason | undefined {
  const { entity } = dataCenter;
  const wants = jobClass.entity;
  const no = (code: Reason['code'], fields: Partial<Reason> = {}): Reason =>
    reason(code, { ...fields, dataCenter: entity.id });

  // 1. What the job says.
  if (wants.dataCenters.length > 0 && !wants.dataCenters.includes(entity.id))
    return no('NOT_SELECTED');
  if (wants.notDataCenters.includes(entity.id)) return no('EXCLUDED');
  if (wants.regions.length > 0 && !wants.regions.includes(entity.region)) {
    return no('WRONG_REGION', { subject: wants.regions.join(', ') });
  }
  if (wants.classes.length > 0 && !wants.classes.includes(entity.class)) return no('WRONG_CLASS');
  for (const [key, value] of Object.entries(wants.dataCenterLabels)) {
    if (entity.labels[key] !== value) return no('LABEL_MISSING', { subject: `${key}=${value}` });
  }
  const home = jobClass.tenant.entity.homeRegion;
  if (policy.homeOnly && home !== '' && entity.region !== home)
    return no('WRONG_REGION', { subject: home });

  // 2. What the data center says.
  if (wants.classification > entity.clearance) return no('CLEARANCE_TOO_LOW');
  const accepted =
    entity.accepts.length === 0 || entity.accepts.some((id) => isWithin(jobClass.tenant, id));
  if (!accepted) return no('NOT_ACCEPTED', { subject: jobClass.entity.tenant });
  for (const offer of wants.offers) {
    if (!entity.offers.includes(offer) && !dataCenter.executorOffers.includes(offer)) {
      return no('NOT_OFFERED', { subject: offer });
    }
  }

  // 3. How it is now.
  if (dataCenter.state !== DataCenterState.ACTIVE) {
    return no('NOT_ACTIVE', { subject: nameOf(DataCenterState, dataCenter.state) });
  }
  const { session } = dataCenter;
  if (session === undefined) return no('UNREACHABLE');
  const unacknowledged = session.unacknowledged + overlay.assignments(dataCenter.index);
  if (unacknowledged >= session.credit) return no('NO_CREDIT', { available: unacknowledged });
  if (dataCenter.pool.length === 0) return no('NO_NODES');
  return undefined;
}

/** Which kinds of nodes have the role and the labels that a class asks for; kinds are few, nodes are many. */
export class NodeFilter {
  readonly #state: State;
  readonly #jobClass: JobClass;
  readonly #allows: (boolean | undefined)[] = [];
  readonly #allowsAll: boolean;

  constructor(state: State, jobClass: JobClass) {
    this.#state = state;
    this.#jobClass = jobClass;
    const { nodeRoles, nodeLabels } = jobClass.entity;
    this.#allowsAll = nodeRoles.length === 0 && Object.keys(nodeLabels).length === 0;
  }

  allows(row: number): boolean {
    if (this.#allowsAll) return true;
    const kind = this.#state.nodes.kind[row]!;
    return (this.#allows[kind] ??= this.#judge(kind));
  }

  #judge(number: number): boolean {
    const kind = this.#state.nodes.kinds[number];
    const { nodeRoles, nodeLabels } = this.#jobClass.entity;
    if (kind === undefined) return false;
    if (nodeRoles.length > 0 && !nodeRoles.includes(kind.role)) return false;
    return Object.entries(nodeLabels).every(([key, value]) => kind.labels[key] === value);
  }
}
