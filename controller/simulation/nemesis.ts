// Who brings the faults: one after the other at random times, each for a while, several at once.
import type { NodeReport } from '#gen/isobar/v1/agent.ts';
import type { Conditions, Way } from './network.ts';
import { Operators } from './operators.ts';
import { resources, type Profile } from './plan.ts';
import type { Site } from './site.ts';
import type { World } from './world.ts';

const HOUR_MS = 3_600_000;

/** Mean time between faults. */
const EVERY_MS: Record<Profile, number> = {
  calm: Infinity,
  outages: 40_000,
  rough: 15_000,
  wild: 4_000,
  drifting: 15_000,
};

export class Nemesis {
  readonly #world: World;
  readonly operators: Operators;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.operators = new Operators(world);
  }

  begin(): void {
    const { profile } = this.#world.plan;
    if (profile === 'calm') return;
    if (profile === 'outages') return this.#outage();
    this.#next(EVERY_MS[profile]);
  }

  /** Everything that was broken works again. */
  heal(): void {
    this.#isOver = true;
    const { sites, disk, host, timeline, plan } = this.#world;
    disk.full = false;
    this.#world.machine.wallOffMs = 0;
    host.process?.resume();
    if (host.process === undefined) this.#world.startController(0);
    for (const site of sites.values()) {
      site.options.line.heal();
      site.options.machine.wallOffMs = 0;
      site.process?.resume();
      if (site.process === undefined) site.start();
      this.#restoreNodes(site);
      timeline.after(1000, () => this.operators.openAgain(site));
    }
    this.#world.insist({ kind: 'foundFederation', federation: 'nation', incarnation: 1 });
    for (const tenant of plan.tenants) {
      timeline.after(500, () =>
        this.#world.insist({ kind: 'putTenant', mode: 'create', entity: tenant, etag: undefined }),
      );
    }
  }

  #next(everyMs: number): void {
    const { timeline, random } = this.#world;
    timeline.after(-Math.log(1 - random.next()) * everyMs, () => {
      if (this.#isOver) return;
      this.#strike();
      this.#next(everyMs);
    });
  }

  /** Only the controller, for less than a lease and not too often: nothing that runs may notice. */
  #outage(): void {
    const { timeline, random, host } = this.#world;
    timeline.after(random.between(35_000, 60_000), () => {
      if (this.#isOver) return;
      const awayMs = random.between(100, 20_000);
      if (random.chance(0.7)) this.#crashController(awayMs);
      else if (host.process !== undefined) this.#pauseController(awayMs);
      this.#outage();
    });
  }

  #strike(): void {
    const { random } = this.#world;
    const site = random.pick([...this.#world.sites.values()]);
    const operation = this.#draw(OPERATIONS, sumOf(STRIKES) + sumOf(OPERATIONS));
    const strike = operation ?? this.#draw(STRIKES, sumOf(STRIKES)) ?? 'crashController';
    this.#world.note(`fault ${strike} ${site.id}`);
    if (operation === undefined) this[strike as keyof typeof STRIKES](site);
    else this.operators[operation](site);
  }

  /** One of the table, each as often as it says of so many; undefined: none of them. */
  #draw<K extends string>(table: Readonly<Record<K, number>>, of: number): K | undefined {
    let at = this.#world.random.next() * of;
    for (const [name, weight] of Object.entries<number>(table)) {
      at -= weight;
      if (at < 0) return name as K; // entries of the table
    }
    return undefined;
  }

  crashController(): void {
    const { random } = this.#world;
    this.#crashController(random.pick([50, 1_000, 8_000, 30_000]));
  }

  #crashController(awayMs: number): void {
    const { host, counts, random } = this.#world;
    const { process, log } = host;
    if (process === undefined) return;
    const underWay = random.pick(['lost', 'durable'] as const);
    counts.add('controller crashed');
    if (log?.isAppending === true)
      counts.add(`controller crashed with an append under way, ${underWay}`);
    if (host.running === undefined) counts.add('controller crashed while it recovered');
    this.#world.crashController(underWay, awayMs);
  }

  pauseController(): void {
    const { random } = this.#world;
    this.#pauseController(random.pick([300, 2_000, 12_000]));
  }

  #pauseController(awayMs: number): void {
    const { host, counts, timeline } = this.#world;
    const { process } = host;
    if (process === undefined || process.isPaused) return;
    counts.add('controller paused');
    process.pause();
    timeline.after(awayMs, () => process.resume());
  }

  failAppend(): void {
    const { host, random, counts } = this.#world;
    const when = random.pick(['before', 'after'] as const);
    if (host.running === undefined) return;
    counts.add(`append failed ${when} it was durable`);
    host.running.log.failNextAppend(when);
  }

  fillDisk(): void {
    const { disk, timeline, random } = this.#world;
    disk.full = true;
    timeline.after(random.between(500, 20_000), () => {
      disk.full = false;
    });
  }

  slowDisk(): void {
    const { timeline, random } = this.#world;
    this.#world.appendMs = random.pick([300, 2500]);
    timeline.after(random.between(1_000, 15_000), () => {
      this.#world.appendMs = this.#world.plan.appendMs;
    });
  }

  crashAgent(site: Site): void {
    const { random, counts } = this.#world;
    if (site.process === undefined) return;
    counts.add('agent crashed');
    this.#crashAgent(site, random.pick([10, 1_000, 10_000, 60_000]));
  }

  #crashAgent(site: Site, awayMs: number): void {
    const { timeline } = this.#world;
    site.crash();
    timeline.after(awayMs, () => {
      if (site.process === undefined) site.start();
    });
  }

  crashBoth(site: Site): void {
    const { counts, random, host } = this.#world;
    if (host.process === undefined || site.process === undefined) return;
    counts.add('agent and controller crashed together');
    this.#crashAgent(site, random.between(10, 10_000));
    this.#crashController(random.between(10, 10_000));
  }

  pauseAgent(site: Site): void {
    const { random, counts, timeline } = this.#world;
    const { process } = site;
    if (process === undefined || process.isPaused) return;
    counts.add('agent paused');
    process.pause();
    timeline.after(random.pick([300, 3_000, 30_000]), () => process.resume());
  }

  reboot(site: Site): void {
    const { counts, random } = this.#world;
    counts.add('machines of a data center rebooted');
    counts.add('run lost with its machines', site.executor.alive.size);
    site.crash();
    site.executor.inner.reboot();
    this.#crashAgent(site, random.between(1_000, 30_000));
  }

  partition(site: Site): void {
    const { random, counts, timeline, plan } = this.#world;
    const how = random.pick<Way>(['hold', 'drop']);
    const [up, down] = random.pick<readonly [Way, Way]>([
      [how, how],
      [how, how],
      [how, 'open'],
      ['open', how],
    ]);
    if (up !== 'open' && down !== 'open') counts.add('partition of both ways');
    else if (up !== 'open') counts.add('partition of the way to the controller');
    else counts.add('partition of the way to the agent');
    site.options.line.partition(up, down);
    const { leaseMs } = plan.sites.find((each) => each.entity.id === site.id)!.entity;
    const forMs = random.pick([
      2_000,
      15_000,
      Math.min(leaseMs, 60_000),
      Math.min(leaseMs * 2, 90_000),
    ]);
    timeline.after(forMs, () => site.options.line.partition('open', 'open'));
  }

  cut(site: Site): void {
    if (site.options.line.streams === 0) return;
    this.#world.counts.add('stream cut');
    site.options.line.cut();
  }

  weather(site: Site): void {
    const { random, timeline } = this.#world;
    const { line } = site.options;
    const storm: Conditions = {
      leastMs: 1,
      mostMs: random.pick([50, 800, 5_000]),
      loss: random.pick([0, 0.05, 0.3]),
      duplicate: random.pick([0, 0.1]),
      overtake: random.pick([0, 0.1]),
    };
    const calm = line.conditions;
    line.conditions = storm;
    timeline.after(random.between(5_000, 40_000), () => {
      if (line.conditions === storm)
        line.conditions = calm.loss === 0 ? calm : { ...calm, loss: 0 };
    });
  }

  jumpWall(site: Site): void {
    const { random, counts, machine, timeline } = this.#world;
    const byMs = random.pick([-60_000, -5_000, 5_000, 60_000, HOUR_MS]);
    const whose = random.chance(0.6) ? machine : site.options.machine;
    counts.add(byMs > 0 ? 'wall clock jumped forward' : 'wall clock jumped back');
    whose.wallOffMs += byMs;
    // Somebody notices an hour soon, and sets it right.
    if (byMs !== HOUR_MS) return;
    timeline.after(random.between(100, 30_000), () => {
      if (this.#isOver) return;
      counts.add('wall clock was an hour ahead and came back');
      whose.wallOffMs -= byMs;
    });
  }

  shrinkNode(site: Site): void {
    const { random, counts } = this.#world;
    const node = random.pick([...site.nodes.values(), undefined]);
    if (node === undefined) return;
    counts.add('node shrank');
    site.change([{ ...node, allocatable: resources(random.whole(0, 6), 64_000) }]);
    this.#later(site);
  }

  removeNode(site: Site): void {
    const { random, counts } = this.#world;
    const node = random.pick([...site.nodes.values(), undefined]);
    if (node === undefined) return;
    counts.add('node vanished');
    site.change([{ ...node, removed: true }]);
    this.#later(site);
  }

  #later(site: Site): void {
    const { random, timeline } = this.#world;
    timeline.after(random.between(1_000, 40_000), () => this.#restoreNodes(site));
  }

  #restoreNodes(site: Site): void {
    const changed: NodeReport[] = [];
    for (const node of site.options.nodes) {
      const now = site.nodes.get(node.node);
      if (now === node) continue;
      if (now === undefined) this.#world.counts.add('node returned');
      changed.push(node);
    }
    if (changed.length > 0) site.change(changed);
  }

  useForeign(site: Site): void {
    const { random, counts } = this.#world;
    const node = random.pick([...site.nodes.values(), undefined]);
    if (node === undefined) return;
    counts.add('foreign use changed');
    site.change([{ ...node, foreign: resources(random.whole(0, 8), 0) }]);
    this.#later(site);
  }
}

/** What may strike, with how often. */
const STRIKES = {
  crashController: 10,
  pauseController: 5,
  failAppend: 4,
  fillDisk: 2,
  slowDisk: 3,
  crashAgent: 8,
  crashBoth: 3,
  pauseAgent: 4,
  reboot: 2,
  partition: 12,
  cut: 5,
  weather: 10,
  jumpWall: 3,
  shrinkNode: 3,
  removeNode: 3,
  useForeign: 3,
} as const;

const OPERATIONS = {
  cordonNode: 2,
  drainNode: 3,
  cordon: 2,
  drain: 3,
  replaceDataCenter: 3,
  replaceTenant: 2,
  replaceLink: 2,
  changeQuota: 3,
  changeLease: 3,
  compact: 8,
} as const;

function sumOf(table: Readonly<Record<string, number>>): number {
  return Object.values(table).reduce((sum, weight) => sum + weight, 0);
}
