// A world: one controller, some data centers, people and faults, all real but time, chance, machines and the network. It runs until
// everything has healed and every job has ended, and checks all the while that what must never happen does not.
import { exceededQuota, Overlay } from '#core/overlay.ts';
import { isJobFinal } from '#domain/states.ts';
import type { DataCenter } from '#gen/isobar/log/v1/entity.ts';
import { MemoryDisk } from '#log/memory-disk.ts';
import type { AppendGroup } from '#ports/log.ts';
import { Callers } from './callers.ts';
import { Calls } from './calls.ts';
import { Counting } from './counting.ts';
import { checkArchive, checkAudit, checkRecovered, checkSame } from './digests.ts';
import { Executions } from './executions.ts';
import { Counts } from './faults.ts';
import { Holdings } from './holdings.ts';
import { Host, type Running } from './host.ts';
import { outcomeOf } from './jobs.ts';
import { Live } from './live.ts';
import { Machine } from './machine.ts';
import { Model } from './model.ts';
import { Nemesis } from './nemesis.ts';
import { Line } from './network.ts';
import { drawPlan, type Plan, type Profile, type SitePlan } from './plan.ts';
import { SeededRandom } from './random.ts';
import { Site } from './site.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';
import { Violation, check } from './violation.ts';
import { Watcher } from './watcher.ts';

export interface WorldOptions {
  readonly seed: number;
  /** Instead of the one that the seed draws. */
  readonly profile?: Profile;
  /** Instead of what the seed draws. */
  readonly plan?: Plan;
  readonly print?: (line: string) => void;
  /** Told of every group that lies on the disk, in its order. */
  readonly onDurable?: (group: AppendGroup) => void;
}

/** After all has healed every job of such a world ends within this time. */
const DRAIN_MS = 60 * 60_000;
/** Promises within promises within `recover`. */
const DRAINS = 12;

export class World {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly plan: Plan;
  readonly timeline = new Timeline();
  readonly counts = new Counts();
  readonly trace: Trace;
  readonly machine: Machine;
  readonly disk = new MemoryDisk();
  readonly host: Host;
  readonly sites = new Map<string, Site>();
  readonly counting = new Counting(this);
  readonly model = new Model(this.counting);
  readonly executions = new Executions(this);
  readonly holdings = new Holdings();
  readonly live = new Live(this);
  readonly callers = new Callers(this);
  readonly watchers: readonly Watcher[];
  readonly calls = new Calls(this);
  readonly nemesis = new Nemesis(this);
  /** Events of each record, by revision − 1. */
  readonly eventCounts: number[] = [];
  appendMs: number;
  /** How many controllers there were. */
  controllers = 0;
  #isAsync = false;
  #broken: unknown;
  /** From here on nothing goes wrong any more. */
  hasHealed = false;

  constructor({ seed, profile, plan, print, onDurable }: WorldOptions) {
    this.seed = seed;
    this.trace = new Trace(print);
    this.random = new SeededRandom(seed);
    this.plan = plan ?? drawPlan(seed, this.random.fork(), profile);
    this.appendMs = this.plan.appendMs;
    this.machine = new Machine(this.timeline, {
      rate: this.plan.controllerRate,
      bootMs: 1_000_000,
    });
    this.host = new Host({
      machine: this.machine,
      disk: this.disk,
      limits: this.plan.limits,
      credit: this.plan.credit,
      telemetry: () => this.counting,
      delayMs: (what) => this.#diskDelay(what),
      onAsync: () => this.#async(),
      onDurable: (group) => {
        this.#durable(group);
        onDurable?.(group);
      },
      onRecovered: (state, log) => checkRecovered(this, state, log),
      onUp: (running) => this.#up(running),
      onFatal: (error) => this.#fatal(error),
      onBroken: (error) => {
        this.#broken = error;
      },
    });
    for (const site of this.plan.sites) this.sites.set(site.entity.id, this.#makeSite(site));
    this.watchers = [
      new Watcher(this, 0.1),
      new Watcher(this, this.random.pick([500, 20_000])),
      new Watcher(this, 45_000),
    ];
    if (this.plan.profile === 'drifting') this.counts.add('clocks drift beyond the bound');
  }

  get hasDevices(): boolean {
    return this.plan.sites.some((site) => site.nodes.some((node) => node.devices.length > 0));
  }

  /** Through chaos, healing and the end. Throws a Violation. */
  async run(): Promise<void> {
    try {
      await this.#live();
    } catch (error) {
      // What was seen first, in a place that could not throw, led to what was seen then.
      throw this.#asViolation(this.#broken ?? error);
    }
  }

  /** Everything starts, and the federation is founded. */
  begin(): void {
    this.startController(0);
    this.#found();
    for (const site of this.sites.values())
      this.timeline.after(this.random.between(0, 2_000), () => site.start());
  }

  async #live(): Promise<void> {
    this.begin();
    this.callers.begin();
    this.nemesis.begin();
    this.#meddle();
    this.#housekeeping();
    await this.advance(this.plan.chaosMs);
    this.note('healing');
    this.hasHealed = true;
    this.nemesis.heal();
    await this.#drain();
    checkAudit(this);
    checkArchive(this);
    this.live.checkAgreement();
    this.model.ledger.compare(this.model.shadow);
  }

  async #drain(): Promise<void> {
    const end = this.timeline.nowMs + DRAIN_MS;
    while (!this.#isQuiet()) {
      check(
        this.timeline.nowMs < end,
        '11-drain',
        () => `not drained after ${DRAIN_MS / 60_000} min: ${this.#restless()}`,
      );
      this.callers.finish();
      await this.advance(15_000);
    }
    // What is still under way, answers and the last reports, comes to its end.
    await this.advance(100_000);
    check(
      this.executions.aliveRuns === 0,
      '11-drain',
      () => `all jobs have ended and ${this.executions.aliveRuns} runs are alive`,
    );
    for (const watcher of this.watchers) {
      const behind = () => `a watch is at ${watcher.position} of ${this.model.revision}`;
      check(watcher.position === this.model.revision, '5-watch', behind);
    }
    checkSame(this);
  }

  #isQuiet(): boolean {
    const { running } = this.host;
    return (
      running !== undefined &&
      this.callers.isIdle &&
      [...this.sites.values()].every(
        (site) =>
          site.isJoined && running.loop.state.dataCenters.get(site.id)?.session !== undefined,
      ) &&
      [...this.model.jobs.values()].every((job) => isJobFinal(job.state))
    );
  }

  #restless(): string {
    const jobs = [...this.model.jobs.values()].filter((job) => !isJobFinal(job.state));
    const apart = [...this.sites.values()].filter(
      (site) =>
        !site.isJoined ||
        this.host.running?.loop.state.dataCenters.get(site.id)?.session === undefined,
    );
    const words = jobs.map(
      (job) =>
        `${job.id} in state ${job.state} ${job.reason} at ${job.run?.dataCenter ?? 'no place'}`,
    );
    return (
      [...words.slice(0, 8), ...apart.map((site) => `${site.id} has no session`)].join(', ') ||
      'callers wait'
    );
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    const until = this.timeline.nowMs + ms;
    for (;;) {
      if (this.#isAsync) {
        this.#isAsync = false;
        for (let i = 0; i < DRAINS; i++) await Promise.resolve();
      }
      if (this.#broken !== undefined) throw this.#asViolation(this.#broken);
      if (!this.timeline.step(until)) break;
      if ((this.timeline.steps & 63) === 0) {
        this.executions.checkFences();
        this.live.check();
      }
    }
    this.timeline.nowMs = until;
  }

  #asViolation(error: unknown): Violation {
    if (error instanceof Violation) return error;
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return new Violation('fatal', what);
  }

  note(text: string): void {
    this.trace.note(this.timeline.nowMs, text);
  }

  #async(): void {
    this.#isAsync = true;
  }

  #diskDelay(what: 'append' | 'read'): number {
    if (what === 'append' && this.appendMs >= 300) this.counts.add('append delayed');
    return this.random.between(this.appendMs / 4, this.appendMs);
  }

  #durable(group: AppendGroup): void {
    try {
      this.model.apply(group);
      if (group.checkpoint?.completeFrom !== undefined) this.counts.add('checkpoint completed');
    } catch (error) {
      this.#broken ??= error;
    }
  }

  #up(running: Running): void {
    this.controllers++;
    this.note('the controller is up');
    for (const watcher of this.watchers) watcher.resume(running);
  }

  /** The loop cannot go on: the process ends and is started again. */
  #fatal(error: Error): void {
    this.note(`the controller stops: ${error.message}`);
    const isMeant = error.name === 'LogError';
    if (!isMeant) this.#broken ??= this.#asViolation(error);
    if (this.disk.full) this.counts.add('disk full');
    this.crashController('lost', this.random.between(200, 5_000));
  }

  crashController(underWay: 'lost' | 'durable', awayMs: number): void {
    this.live.checkAgreement();
    const process = this.host.crash(underWay);
    if (process === undefined) return;
    this.note(`the controller has crashed, what was under way is ${underWay}`);
    for (const site of this.sites.values()) site.options.line.died(process);
    this.startController(awayMs);
  }

  startController(afterMs: number): void {
    this.timeline.after(afterMs, () => {
      if (this.host.process === undefined) this.host.start();
    });
  }

  #makeSite({ entity, nodes, rate, stageMs }: SitePlan): Site {
    const machine = new Machine(this.timeline, { rate, bootMs: this.random.whole(0, 10_000_000) });
    const { timeline, counts, counting, host } = this;
    const { id } = entity;
    return new Site({
      id,
      machine,
      nodes,
      stageMs,
      random: this.random.fork(),
      line: new Line({
        dataCenter: id,
        timeline,
        counts,
        random: this.random.fork(),
        watch: counting,
        isEncoded: this.plan.isEncoded,
        listener: () => host.listener(),
      }),
      outcomeOf: ({ job, run }) => {
        const submitted = this.callers.jobs.get(job.replace('tenants/', '').replace('/jobs/', '/'));
        return submitted === undefined
          ? { ms: 0, exitCode: 0 }
          : outcomeOf(submitted, run?.epoch ?? 0);
      },
      truth: this.executions,
      telemetry: {
        info: () => {},
        warn: (message, fields) => this.note(`${id}: ${message} ${String(fields?.['why'])}`),
        error: () => {},
      },
      onAsync: () => this.#async(),
      onFatal: (why) => {
        this.#broken ??= new Violation('fatal', `the agent of ${id} gave up: ${why}`);
      },
    });
  }

  /** What an operator does once, before anything else can be. */
  #found(): void {
    this.insist({ kind: 'foundFederation', federation: 'nation', incarnation: 1 });
    for (const entity of this.plan.tenants)
      this.insist({ kind: 'putTenant', mode: 'create', entity, etag: undefined });
    for (const { entity } of this.plan.sites)
      this.insist({ kind: 'putDataCenter', mode: 'create', entity, etag: undefined });
  }

  entityOf(dataCenter: string): DataCenter {
    return this.plan.sites.find((site) => site.entity.id === dataCenter)!.entity;
  }

  call: Calls['call'] = (command, actor, done) => this.calls.call(command, actor, done);

  insist: Calls['insist'] = (command, onAccepted) => this.calls.insist(command, onAccepted);

  compact(): void {
    const { log, running } = this.host;
    if (log === undefined || running === undefined) return;
    const { oldestRevision, lastRevision } = log.head;
    this.#async();
    log.compact(this.random.whole(oldestRevision, Math.max(oldestRevision, lastRevision))).then(
      () => this.counts.add('log compacted', log.head.oldestRevision > oldestRevision ? 1 : 0),
      () => {},
    );
  }

  #meddle(): void {
    if (this.plan.profile === 'calm' || this.plan.profile === 'outages') return;
    this.timeline.after(this.random.between(500, 6_000), () => {
      if (this.hasHealed) return;
      this.callers.meddle();
      this.#look();
      this.#meddle();
    });
  }

  #housekeeping(): void {
    this.timeline.after(this.random.between(60_000, 120_000), () => {
      if (this.hasHealed) return;
      this.callers.forgetEnded();
      this.#housekeeping();
    });
  }

  /** States that are worth reaching and leave no mark in the log. */
  #look(): void {
    const { running } = this.host;
    if (running === undefined) return;
    const { state } = running.loop;
    for (const { session } of state.dataCenters.values()) {
      if (session !== undefined && session.unacknowledged >= session.credit)
        this.counts.add('credit used up');
    }
    for (const jobClass of state.classes.values()) {
      if (jobClass.length === 0 || exceededQuota(new Overlay(state), jobClass) === undefined)
        continue;
      this.counts.add('quota kept a job waiting');
    }
  }
}
