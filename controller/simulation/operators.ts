// What operators do all day, at the worst moments: cordon, drain, delete and register again, change quotas and leases.
import { toTenant, quota } from '#core/testing-words.ts';
import { isJobFinal } from '#domain/states.ts';
import type { Site } from './site.ts';
import type { World } from './world.ts';

export class Operators {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  cordonNode(site: Site): void {
    const { node } = this.#world.random.pick(site.options.nodes);
    this.#world.counts.add('node cordoned');
    this.#world.insist({ kind: 'cordonNode', dataCenter: site.id, node, cordoned: true });
    this.#uncordonLater(site, node);
  }

  drainNode(site: Site): void {
    const { node } = this.#world.random.pick(site.options.nodes);
    this.#world.insist({ kind: 'drainNode', dataCenter: site.id, node }, () =>
      this.#world.counts.add('node drained'),
    );
    this.#uncordonLater(site, node);
  }

  #uncordonLater(site: Site, node: string): void {
    const { random, timeline } = this.#world;
    timeline.after(random.between(1_000, 40_000), () =>
      this.#world.insist({ kind: 'cordonNode', dataCenter: site.id, node, cordoned: false }),
    );
  }

  cordon(site: Site): void {
    this.#world.counts.add('data center cordoned');
    this.#move(site, 'cordon');
  }

  drain(site: Site): void {
    this.#world.counts.add('data center drained');
    this.#move(site, 'drain');
  }

  #move(site: Site, verb: 'cordon' | 'drain'): void {
    const { random, timeline } = this.#world;
    this.#world.insist({ kind: 'moveDataCenter', id: site.id, verb });
    timeline.after(random.between(5_000, 40_000), () => this.openAgain(site));
  }

  openAgain(site: Site): void {
    const entity = this.#world.entityOf(site.id);
    this.#world.insist({ kind: 'putDataCenter', mode: 'create', entity, etag: undefined });
    this.#world.insist({ kind: 'moveDataCenter', id: site.id, verb: 'uncordon' });
    for (const { node } of site.options.nodes) {
      this.#world.insist({ kind: 'cordonNode', dataCenter: site.id, node, cordoned: false });
    }
  }

  replaceDataCenter(site: Site): void {
    const { model, random, timeline } = this.#world;
    const isUsed = [...model.jobs.values()].some((job) => job.run?.dataCenter === site.id);
    if (isUsed) return this.drain(site);
    this.#world.insist({ kind: 'deleteDataCenter', id: site.id, etag: undefined }, () =>
      this.#world.counts.add('data center deleted and registered again'),
    );
    timeline.after(random.between(100, 20_000), () => this.openAgain(site));
  }

  replaceTenant(): void {
    const { plan, model, random, timeline } = this.#world;
    const tenant = random.pick(plan.tenants);
    const isUsed = [...model.jobs.values()].some(
      (job) => job.tenant === tenant.id && !isJobFinal(job.state),
    );
    if (isUsed) return;
    this.#world.insist({ kind: 'deleteTenant', id: tenant.id, etag: undefined }, () =>
      this.#world.counts.add('tenant deleted and created again'),
    );
    timeline.after(random.between(100, 5_000), () =>
      this.#world.insist({ kind: 'putTenant', mode: 'create', entity: tenant, etag: undefined }),
    );
  }

  replaceLink(): void {
    const { sites, random, timeline } = this.#world;
    const [source, target] = [...sites.keys()];
    const entity = {
      id: 'link-1',
      source: source!,
      target: target!,
      bandwidthMbps: random.whole(1, 9) * 1000,
      latencyMicros: 100,
      priceMicrosPerGib: 0,
      down: false,
    };
    this.#world.insist({ kind: 'putLink', mode: 'create', entity, etag: undefined });
    timeline.after(random.between(100, 20_000), () =>
      this.#world.insist({ kind: 'deleteLink', id: 'link-1', etag: undefined }, () =>
        this.#world.counts.add('link put and deleted'),
      ),
    );
  }

  changeQuota(): void {
    const { plan, random, counts } = this.#world;
    const tenant = random.pick(plan.tenants);
    const entity = toTenant(tenant.id, {
      ...tenant,
      quota: random.chance(0.5) ? undefined : quota(random.whole(12, 30)),
    });
    counts.add('quota changed');
    this.#world.insist({ kind: 'putTenant', mode: 'update', entity, etag: undefined });
  }

  changeLease(site: Site): void {
    const { random, counts } = this.#world;
    const entity = {
      ...this.#world.entityOf(site.id),
      leaseMs: random.pick([5_000, 20_000, 60_000]),
    };
    this.#world.insist({ kind: 'putDataCenter', mode: 'update', entity, etag: undefined }, () =>
      counts.add('lease changed'),
    );
  }

  compact(): void {
    this.#world.compact();
  }
}
