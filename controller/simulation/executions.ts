// All real executions of a world, and what must hold of them whatever the controller believes.
import type { Assignment } from '#gen/isobar/v1/agent.ts';
import type { RunKey } from '#ports/executor.ts';
import type { RealRun, TruthEvents } from './truth.ts';
import type { World } from './world.ts';
import { check } from './violation.ts';

export class Executions implements TruthEvents {
  readonly #world: World;
  /** By uid of the job. */
  readonly #alive = new Map<number, Set<RealRun>>();
  /** Runs that an operator vouched for: they may turn out to be alive, but none of them starts any more. */
  readonly vouched = new Set<string>();
  /** Runs given up because a lease ended: alive still, perhaps, where clocks drift beyond the bound, and nowhere else. */
  readonly expired = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  isAlive(uid: number): boolean {
    return (this.#alive.get(uid)?.size ?? 0) > 0;
  }

  get aliveRuns(): number {
    let count = 0;
    for (const runs of this.#alive.values()) count += runs.size;
    return count;
  }

  assigned(dataCenter: string, { run, job, spec }: Assignment): void {
    if (run === undefined) return;
    const name = job.replace('tenants/', '').replace('/jobs/', '/');
    const submitted = this.#world.model.specs.get(run.jobUid);
    const isRight = submitted !== undefined && Buffer.from(submitted).equals(spec);
    check(isRight, 'specification', () => `${dataCenter} got ${name} with another specification`);
  }

  started(run: RealRun): void {
    const { counts, model, plan } = this.#world;
    counts.add('run started');
    this.#world.note(`started ${textOf(run)} at ${run.dataCenter}`);
    const isLate = this.vouched.has(textOf(run)) && plan.profile !== 'drifting';
    check(
      !isLate,
      '3-one-run-alive',
      () => `${textOf(run)} started at ${run.dataCenter} after an operator had vouched for it`,
    );
    const alive = this.#alive.get(run.jobUid) ?? new Set();
    this.#alive.set(run.jobUid, alive);
    for (const other of alive) {
      if (other.index !== run.index || this.mayOutlive(other) || this.mayOutlive(run)) continue;
      check(
        false,
        '3-one-run-alive',
        () =>
          `${textOf(run)} started at ${run.dataCenter} while ${textOf(other)} runs at ${other.dataCenter}`,
      );
    }
    alive.add(run);
    const job = model.jobs.get(run.jobUid);
    check(
      job !== undefined && job.epoch >= run.epoch,
      'gate',
      () => `${textOf(run)} started before its decision was durable`,
    );
    const isMeant = job.run?.epoch === run.epoch || this.mayOutlive(run);
    check(
      isMeant,
      '3-one-run-alive',
      () => `${textOf(run)} started at ${run.dataCenter} after the log had given it up`,
    );
    this.#checkUse(run);
  }

  /** Whether a run may be alive though the log holds it for ended: an operator was wrong, or clocks are. */
  mayOutlive(run: RunKey): boolean {
    const text = textOf(run);
    return (
      this.vouched.has(text) || (this.#world.plan.profile === 'drifting' && this.expired.has(text))
    );
  }

  /** Beyond what a node ever had nothing may run: nodes that shrank finish what they have. */
  #checkUse(started: RealRun): void {
    const site = this.#world.sites.get(started.dataCenter)!;
    const used = new Map<string, number>();
    for (const run of site.executor.alive) {
      if (this.mayOutlive(run)) continue;
      const groups = this.#groupsOf(run);
      for (const { node, group, tasks } of run.allocations) {
        const cpuMillis = (groups[group]?.resources?.cpuMillis ?? 0) * tasks;
        used.set(node, (used.get(node) ?? 0) + cpuMillis);
      }
    }
    for (const { node } of started.allocations) {
      const has = site.peakCpuMillis.get(node) ?? 0;
      const needs = used.get(node) ?? 0;
      check(
        needs <= has,
        '4-real-use',
        () => `tasks on ${site.id}/${node} need ${needs} of its ${has} millis of CPUs`,
      );
    }
  }

  #groupsOf(run: RealRun) {
    const { model } = this.#world;
    return model.classes.get(model.jobs.get(run.jobUid)?.classNumber ?? 0)?.groups ?? [];
  }

  ended(run: RealRun): void {
    const { counts, plan, model } = this.#world;
    this.#world.note(`ended ${textOf(run)} at ${run.dataCenter} as ${run.phase} ${run.reason}`);
    this.#alive.get(run.jobUid)?.delete(run);
    if (run.reason === 'LEASE_FENCED') counts.add('run fenced below the agent');
    const isUnasked = run.reason === 'LEASE_FENCED' || run.reason === 'LOST';
    // A stop that overtook its start also says LOST, and was asked for.
    if (plan.profile !== 'outages' || !isUnasked || run.startMs === run.endMs) return;
    check(
      model.jobs.get(run.jobUid) === undefined,
      '11-outage',
      () => `${textOf(run)} was stopped: ${run.reason}`,
    );
  }

  /** Somebody declared a run gone that was never heard of: behind its lease an agent begins nothing that still reaches it. */
  checkNotUnderWay(run: string, dataCenter: string): void {
    const site = this.#world.sites.get(dataCenter);
    const { profile } = this.#world.plan;
    if (site === undefined || profile === 'drifting') return;
    const leftMs = site.executor.fenceMs - site.options.machine.bootMs();
    check(
      leftMs <= 0 || leftMs === Infinity,
      '3-one-run-alive',
      () => `${run} was declared gone, and ${dataCenter} may begin it for ${leftMs} ms more`,
    );
  }

  /** No run with a lease outlives its fence by more than the timer takes. */
  checkFences(): void {
    for (const site of this.#world.sites.values()) {
      const overdueMs = site.options.machine.bootMs() - site.executor.fenceMs;
      if (overdueMs <= 1) continue;
      for (const run of site.executor.alive) {
        check(
          !run.leased,
          '9-fence',
          () => `${textOf(run)} at ${site.id} is alive ${overdueMs} ms after its fence`,
        );
      }
    }
  }
}

export function textOf(run: RunKey): string {
  return `${run.jobUid}-${run.index}-${run.epoch}`;
}
