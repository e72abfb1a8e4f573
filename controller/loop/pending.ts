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
  /** Any of them: to the limits they are all the same. */
  readonly example: JobClass;
  dataCenters: readonly DataCenter[];
  readonly pending: Amounts;
}

/** A connection that is down or an agent that is slow does not move demand elsewhere; being cordoned does. */
const PASSING: ReadonlySet<string> = new Set(['UNREACHABLE', 'NO_CREDIT', 'NO_NODES']);

const LEAST_CLASSES = 1000;

export class PendingDemand {
  readonly #state: State;
  readonly #policy: Policy;
  /** By what limits them, and by class, because that is looked up for each. */
  readonly #groups = new Map<string, Group>();
  readonly #groupByClass = new Map<JobClass, Group>();
  #seen = '';

  constructor(state: State, policy: Policy) {
    this.#state = state;
    this.#policy = policy;
  }

  /** By index of the data center. */
  spread(): ReadonlyMap<number, Amounts> {
    this.#refresh();
    for (const jobClass of this.#state.classes.values()) {
      const { length, total } = jobClass;
      if (length === 0) continue;
      const { pending } = this.#groupOf(jobClass);
      for (let i = 0; i < 4; i++) pending[i]! += total[i]! * length;
    }
    const shares = new Map<number, Amounts>();
    for (const group of this.#groups.values()) addShares(shares, group);
    return shares;
  }

  /** Where classes may run changes only with data centers and tenants, and these tell by their revisions. */
  #refresh(): void {
    const { dataCenters, tenants, derived, classes } = this.#state;
    // Classes that are gone are forgotten when they are as many as those that are there.
    if (this.#groupByClass.size > LEAST_CLASSES + 2 * classes.size) {
      this.#groups.clear();
      this.#groupByClass.clear();
    }
    let newest = 0;
    for (const { revision } of dataCenters.values()) newest = Math.max(newest, revision);
    for (const { revision } of tenants.values()) newest = Math.max(newest, revision);
    const seen = `${newest} ${derived.mapVersion}`;
    for (const group of this.#groups.values()) {
      group.pending.fill(0);
      if (seen !== this.#seen) group.dataCenters = this.#placesFor(group.example);
    }
    this.#seen = seen;
  }

  #groupOf(jobClass: JobClass): Group {
    const known = this.#groupByClass.get(jobClass);
    if (known !== undefined) return known;
    const key = keyOf(jobClass);
    let group = this.#groups.get(key);
    // A tenant that was deleted and made anew is another one with the same id.
    if (group?.example.tenant !== jobClass.tenant) {
      const dataCenters = this.#placesFor(jobClass);
      group = { example: jobClass, dataCenters, pending: noAmounts() };
      this.#groups.set(key, group);
    }
    this.#groupByClass.set(jobClass, group);
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

/** Everything that a barrier reads of a class, and which resources it asks for at all. Most classes have no lists. */
function keyOf({ entity, total }: JobClass): string {
  const { tenant, classification, dataCenters, notDataCenters, regions, classes, offers } = entity;
  const lists = [dataCenters, notDataCenters, regions, classes, offers];
  const labels = Object.entries(entity.dataCenterLabels);
  let key = `${tenant} ${classification} `;
  for (let i = 0; i < 4; i++) key += total[i]! > 0 ? '1' : '0';
  const isPlain = labels.length === 0 && lists.every((list) => list.length === 0);
  return isPlain ? key : `${key} ${JSON.stringify([...lists, labels])}`;
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
