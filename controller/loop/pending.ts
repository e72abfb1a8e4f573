// What ready jobs ask for, spread over data centers: the part of pressure that is not allocated yet. A job that waits belongs to
// no data center, so its class is counted in each where its hard limits let it run and that has all that it asks for, by the
// share of their capacity. So the sum over data centers is what is asked for, equal places feel equal pressure, and demand that
// no place may take shows only with its tenant.
import { Overlay } from '#core/overlay.ts';
import {
  noAmounts,
  type Amounts,
  type DataCenter,
  type JobClass,
  type State,
} from '#core/state.ts';
import { barrier } from '#scheduler/filter.ts';
import type { Policy } from '#scheduler/policy.ts';

/** Classes that may run in the same data centers. */
interface Group {
  readonly dataCenters: readonly DataCenter[];
  readonly pending: Amounts;
}

/** A connection that is down or an agent that is slow does not move demand elsewhere; being cordoned does. */
const PASSING: ReadonlySet<string> = new Set(['UNREACHABLE', 'NO_CREDIT', 'NO_NODES']);

/** Far more than a nation's tenants times the kinds of limits that they use. */
const MOST_GROUPS = 10_000;

export class PendingDemand {
  readonly #state: State;
  readonly #policy: Policy;
  readonly #keys = new WeakMap<JobClass, string>();
  readonly #groups = new Map<string, Group>();
  #seen = '';

  constructor(state: State, policy: Policy) {
    this.#state = state;
    this.#policy = policy;
  }

  /** By index of the data center. */
  spread(): ReadonlyMap<number, Amounts> {
    this.#forgetIfStale();
    const used = new Set<Group>();
    for (const jobClass of this.#state.classes.values()) {
      if (jobClass.length === 0) continue;
      const group = this.#groupOf(jobClass);
      if (!used.has(group)) group.pending.fill(0);
      used.add(group);
      for (let i = 0; i < 4; i++) group.pending[i]! += jobClass.total[i]! * jobClass.length;
    }
    const shares = new Map<number, Amounts>();
    for (const group of used) addShares(shares, group);
    return shares;
  }

  /** Where classes may run changes only with data centers and tenants, and these tell by their revisions. */
  #forgetIfStale(): void {
    const { dataCenters, tenants, derived } = this.#state;
    let newest = 0;
    for (const { revision } of dataCenters.values()) newest = Math.max(newest, revision);
    for (const { revision } of tenants.values()) newest = Math.max(newest, revision);
    const seen = `${newest} ${derived.mapVersion}`;
    if (seen === this.#seen && this.#groups.size < MOST_GROUPS) return;
    this.#seen = seen;
    this.#groups.clear();
  }

  #groupOf(jobClass: JobClass): Group {
    let key = this.#keys.get(jobClass);
    if (key === undefined) this.#keys.set(jobClass, (key = keyOf(jobClass)));
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { dataCenters: this.#placesFor(jobClass), pending: noAmounts() };
      this.#groups.set(key, group);
    }
    return group;
  }

  #placesFor(jobClass: JobClass): readonly DataCenter[] {
    const overlay = new Overlay(this.#state);
    return [...this.#state.dataCenters.values()].filter((dataCenter) => {
      const why = barrier(this.#state, overlay, this.#policy, jobClass, dataCenter);
      return why === undefined || PASSING.has(why.code);
    });
  }
}

/** Everything that a barrier reads of a class, and which resources it asks for at all. */
function keyOf({ entity, total }: JobClass): string {
  const { tenant, dataCenters, notDataCenters, regions, classes, offers, classification } = entity;
  const asked = [...total].map((amount) => amount > 0);
  const limits = [
    dataCenters,
    notDataCenters,
    regions,
    classes,
    offers,
    classification,
    entity.dataCenterLabels,
  ];
  return JSON.stringify([tenant, ...limits, asked]);
}

function addShares(shares: Map<number, Amounts>, { dataCenters, pending }: Group): void {
  const able = dataCenters.filter(({ capacity }) =>
    pending.every((asked, i) => asked === 0 || capacity[i]! > 0),
  );
  for (let i = 0; i < 4; i++) {
    if (pending[i] === 0) continue;
    let whole = 0;
    for (const { capacity } of able) whole += capacity[i]!;
    for (const { capacity, index } of able) {
      let share = shares.get(index);
      if (share === undefined) shares.set(index, (share = noAmounts()));
      share[i]! += (pending[i]! * capacity[i]!) / whole;
    }
  }
}
