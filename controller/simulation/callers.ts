// People and programs that use the federation over a network that loses requests and answers. They repeat what was not answered, with
// the same idempotency keys, and hold the system to every answer that they got.
import { isRefusal } from '#domain/refusal.ts';
import type { SubmitAnswer } from '#core/command.ts';
import { toItem } from '#core/testing-words.ts';
import { isJobFinal, JobState } from '#domain/states.ts';
import { drawJob, withDevice, type WorldJob } from './jobs.ts';
import type { Running } from './host.ts';
import { hex, type ModelJob } from './model.ts';
import { check } from './violation.ts';
import type { World } from './world.ts';

const RETRY_MS = 2_000;

export class Callers {
  readonly #world: World;
  /** All that were ever submitted, by `tenant/id`. */
  readonly jobs = new Map<string, WorldJob>();
  /** Uids that callers were told. */
  readonly acknowledged = new Map<number, { readonly name: string; readonly digest: string }>();
  readonly #byTenant = new Map<string, string[]>();
  #number = 0;
  /** Batches that are not answered yet. */
  #waiting = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get isIdle(): boolean {
    return this.#waiting === 0 && this.#number >= this.#world.plan.jobs;
  }

  begin(): void {
    const { plan, random, timeline } = this.#world;
    const everyMs = plan.chaosMs / plan.jobs;
    const next = () => {
      this.#submitSome();
      if (this.#number < plan.jobs) timeline.after(random.between(0, 4 * everyMs), next);
    };
    timeline.after(random.between(0, 1000), next);
  }

  /** From time to time, as long as faults happen. */
  meddle(): void {
    const { random } = this.#world;
    random.pick([
      () => this.#change(),
      () => this.#change(),
      () => this.#again(),
      () => this.#read(),
      () => this.#read(),
      () => this.#forgetRun(),
    ])();
  }

  #submitSome(): void {
    const { random, plan } = this.#world;
    const { id: tenant } = random.pick(plan.tenants);
    const earlier = this.#byTenant.get(tenant) ?? [];
    const batch: WorldJob[] = [];
    const count = random.chance(0.1) ? random.whole(5, 20) : random.whole(1, 3);
    for (let i = 0; i < count && this.#number < plan.jobs; i++) {
      const drawn = drawJob(++this.#number, tenant, earlier, random);
      const job = this.#world.hasDevices && random.chance(0.15) ? withDevice(drawn, random) : drawn;
      this.jobs.set(`${tenant}/${job.item.id}`, job);
      batch.push(job);
    }
    for (const job of batch) earlier.push(job.item.id);
    this.#byTenant.set(tenant, earlier);
    if (batch.length > 0) this.#submit(tenant, batch);
  }

  #submit(tenant: string, batch: readonly WorldJob[]): void {
    this.#waiting++;
    this.#try(tenant, batch, 0);
  }

  /** Until it is answered: the same batch again is the same jobs. */
  #try(tenant: string, batch: readonly WorldJob[], attempt: number): void {
    const { timeline, counts } = this.#world;
    const items = batch.map((job) => job.item);
    const command = {
      kind: 'submitJobs' as const,
      tenant,
      user: 'ada',
      items,
      allOrNothing: false,
    };
    if (attempt > 0) counts.add('submission repeated after a lost answer');
    this.#world.call(command, `user/${tenant}/ada`, (outcome) => {
      if (outcome === undefined || (isRefusal(outcome) && outcome.retryAfterMs !== undefined)) {
        timeline.after(RETRY_MS, () => this.#try(tenant, batch, attempt + 1));
        return;
      }
      this.#waiting--;
      // The tenant was deleted for a moment.
      if (isRefusal(outcome)) return;
      for (const [i, answer] of outcome.answer.entries()) this.#answered(batch[i]!, answer);
    });
  }

  #answered(job: WorldJob, answer: SubmitAnswer): void {
    const { model } = this.#world;
    const name = `${job.tenant}/${job.item.id}`;
    const digest = hex(job.item.specDigest);
    if (answer.kind === 'refusal') {
      const isMeant = answer.reason === 'AFTER_NOT_FOUND' || answer.reason === 'AFTER_FAILED';
      check(isMeant, '2-idempotency', () => `${name} was refused as ${answer.reason}`);
      return;
    }
    const known = model.jobs.get(answer.uid);
    const isThere = known !== undefined || model.forgotten.has(answer.uid);
    check(
      isThere,
      '1-acknowledged',
      () => `${name} was acknowledged as ${answer.uid}, which the log does not hold`,
    );
    const isRight =
      known === undefined || (`${known.tenant}/${known.id}` === name && known.digest === digest);
    check(
      isRight,
      '2-idempotency',
      () => `${name} was acknowledged as ${answer.uid}, which is ${known?.id ?? ''}`,
    );
    for (const [uid, other] of this.acknowledged) {
      if (other.name !== name || uid === answer.uid || model.forgotten.has(uid)) continue;
      check(false, '2-idempotency', () => `${name} is both ${uid} and ${answer.uid}`);
    }
    this.acknowledged.set(answer.uid, { name, digest });
  }

  /** The same submission again, or another one under the same name. */
  #again(): void {
    const { random, counts, model } = this.#world;
    const known = [...this.acknowledged].filter(([uid]) => model.jobs.has(uid));
    if (known.length === 0) return;
    const [uid, { name }] = random.pick(known);
    const job = this.jobs.get(name)!; // every acknowledged one was submitted
    if (random.chance(0.5)) return this.#submit(job.tenant, [job]);
    const { tenant, item } = job;
    const key = `key-${tenant}-${item.id.slice('job-'.length)}`;
    const other = toItem(tenant, {
      id: item.id,
      command: 'another',
      ...(item.keyDigest.length > 0 ? { key } : {}),
    });
    const command = {
      kind: 'submitJobs' as const,
      tenant,
      user: 'eve',
      items: [other],
      allOrNothing: random.chance(0.5),
    };
    this.#world.call(command, `user/${tenant}/eve`, (outcome) => {
      if (outcome === undefined || isRefusal(outcome)) return;
      const [answer] = outcome.answer;
      if (answer === undefined || model.forgotten.has(uid)) return;
      const isRefused = answer.kind === 'refusal' && answer.reason === 'JOB_EXISTS';
      check(isRefused, '2-idempotency', () => `${name} was accepted again with another payload`);
      counts.add('submission with another payload refused');
    });
  }

  #change(): void {
    const { random } = this.#world;
    const verbs = ['cancel', 'hold', 'release', 'requeue', 'reprioritize'] as const;
    const live = [...this.#world.model.jobs.values()].filter((job) => !isJobFinal(job.state));
    if (live.length === 0) return;
    const { tenant, id } = random.pick(live);
    const isSet = random.chance(0.05);
    const selector = { tenant, ids: isSet ? [] : [id], jobSet: isSet ? 'set-1' : '' };
    const command = {
      kind: 'changeJobs' as const,
      verb: random.pick(verbs),
      selector,
      priority: random.whole(-2, 9),
    };
    this.#world.call(command, `user/${tenant}/ada`, () => {});
  }

  /** What a reader sees is durable, and holds all that was acknowledged. */
  #read(): void {
    const { host, random, model, counts } = this.#world;
    const { running } = host;
    if (running === undefined || running.process.isPaused || this.acknowledged.size === 0) return;
    const [uid, { name }] = random.pick([...this.acknowledged]);
    const before = running.loop.gate.durable;
    const wasForgotten = model.forgotten.has(uid);
    running.loop.query(
      (state) => ({ row: state.jobs.rowOf(uid), isForgotten: wasForgotten }),
      ({ row, isForgotten }, revision) => {
        if (running.loop.gate.durable > before) counts.add('read waited at the gate');
        check(
          revision <= model.revision,
          'gate',
          () => `a read of revision ${revision} left with ${model.revision} durable`,
        );
        const isThere = row !== undefined || isForgotten || model.forgotten.has(uid);
        check(isThere, '1-acknowledged', () => `${name} was acknowledged and cannot be read`);
      },
    );
  }

  /**
   * An operator vouches for a run that waits for a data center which is gone. People look first whether it really is dead, but
   * not where less is promised anyway.
   */
  #forgetRun(): void {
    const { random, model, host, executions, plan, counts } = this.#world;
    const { running } = host;
    if (running === undefined) return;
    const looks = plan.profile !== 'drifting';
    const unknown = [...model.jobs.values()].filter(
      (job) => isUnknown(job, running) && !(looks && executions.isAlive(job.uid)),
    );
    if (unknown.length === 0) return;
    const { tenant, id, run } = random.pick(unknown);
    const { index, epoch } = run!; // unknown jobs have one
    this.#world.call(
      { kind: 'forgetRun', tenant, job: id, index, epoch },
      'operator/olga',
      (outcome) => {
        if (isRefusal(outcome) && outcome.reason === 'RUN_UNDER_WAY')
          counts.add('run on its way could not be declared gone');
      },
    );
  }

  /** What ended long ago is forgotten, as the keeper of the house does. */
  forgetEnded(): void {
    const { random, model } = this.#world;
    const uids = [...model.jobs.values()]
      .filter((job) => isJobFinal(job.state) && random.chance(0.3))
      .map((job) => job.uid);
    if (uids.length === 0) return;
    this.#world.call({ kind: 'forgetJobs', uids }, 'controller', () => {});
  }

  /** Lets everything go that people hold, and cancels what never ends by itself. */
  finish(): void {
    for (const { tenant, id, state } of this.#world.model.jobs.values()) {
      const isEndless = this.jobs.get(`${tenant}/${id}`)?.ms === Infinity;
      if (isJobFinal(state) || (state !== JobState.HELD && !isEndless)) continue;
      const verb = isEndless ? ('cancel' as const) : ('release' as const);
      const selector = { tenant, ids: [id], jobSet: '' };
      const command = { kind: 'changeJobs' as const, verb, selector, priority: 0 };
      this.#world.call(command, 'operator/olga', () => {});
    }
  }
}

/** Nobody hears of the data center where it runs: what an operator sees of it. */
function isUnknown(job: ModelJob, running: Running): boolean {
  const dataCenter = running.loop.state.dataCenters.get(job.run?.dataCenter ?? '');
  return (
    dataCenter !== undefined && dataCenter.session === undefined && job.state === JobState.RUNNING
  );
}
