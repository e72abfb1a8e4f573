// Worlds with a scheduler, for tests: a pass goes as the loop does it, slice by slice.
import { Overlay } from '#core/overlay.ts';
import type { JobClass, State } from '#core/state.ts';
import { World, type WorldOptions } from '#core/testing.ts';
import type { JobWords } from '#core/testing-words.ts';
import { toShape } from '#core/testing-words.ts';
import { toClass } from '#core/classes.ts';
import { sentenceOf } from '#domain/reasons.ts';
import { RunState } from '#domain/states.ts';
import { blockedBy, verdicts, whatIf, type Verdict } from './explain.ts';
import { collect, Cursor, plan, QueueSupply, returnDropped } from './plan.ts';
import { DEFAULT_POLICY, type Policy } from './policy.ts';

export interface PassOptions {
  /** Steps of a slice. */
  readonly steps?: number;
  /** Stop after so many slices, though the pass is not done. */
  readonly slices?: number;
  /** Reserved runs count against the credit of their agents, as when they are sent at once. */
  readonly countsCredit?: boolean;
}

/** So few that most changes are taken in by several slices. */
export const INTAKE = 3;

export class Scheduled extends World {
  policy: Policy = DEFAULT_POLICY;
  cursor = new Cursor(this.state, INTAKE);
  readonly #overlay = new Overlay(this.state);
  /** Placements that decide dropped, ever. */
  dropped = 0;

  /** Until nothing is left to look at. Answers the uids that were placed. */
  pass(options: PassOptions = {}): readonly number[] {
    const { steps = 1_000_000, slices = Number.POSITIVE_INFINITY, countsCredit = false } = options;
    const placed: number[] = [];
    for (let i = 0; i < slices; i++) {
      this.releaseDelayed();
      if (!collect(this.state, this.cursor)) continue;
      if (this.cursor.ready.size === 0) break;
      const supply = new QueueSupply(this.state);
      const slice = plan(this.state, this.#overlay, this.policy, this.cursor, supply, steps);
      this.#overlay.clear();
      if (slice.decisions.length > 0) {
        const taken = this.placeAs(slice.decisions);
        this.dropped += slice.decisions.length - taken;
        returnDropped(this.state, this.cursor, slice.decisions);
        if (countsCredit) this.countCredit();
      }
      for (const { uid } of slice.decisions) placed.push(uid);
      if (slice.isDone) break;
    }
    return placed;
  }

  /** Tells what agents have not answered: their runs that are reserved. */
  countCredit(): void {
    for (const { entity, runs, session } of this.state.dataCenters.values()) {
      if (session === undefined) continue;
      const reserved = [...runs].filter(
        (run) => this.state.runs.stateOf(run) === RunState.RESERVED,
      );
      if (reserved.length === session.unacknowledged) continue;
      this.observe({ kind: 'unacknowledged', dataCenter: entity.id, count: reserved.length });
    }
  }

  /** Jobs that run, as `job data-center/node+node`, sorted. */
  running(): readonly string[] {
    const { state } = this;
    const found: string[] = [];
    for (const dataCenter of state.dataCenters.values()) {
      for (const run of dataCenter.runs) {
        const id = state.jobs.idOf(state.runs.job[run]!);
        found.push(`${id} ${dataCenter.entity.id}/${this.nodesOfRun(run).join('+')}`);
      }
    }
    return found.toSorted();
  }

  /** Data centers of the jobs that run, as `job data-center`, sorted. */
  sites(): readonly string[] {
    return this.running().map((text) => text.replace(/\/.*/, ''));
  }

  /** Codes of the verdicts by data center; `fits` where there is no reason. */
  why(id: string): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.verdictsOf(id).map(({ dataCenter, reason }) => [dataCenter, reason?.code ?? 'fits']),
    );
  }

  /** The verdict of a data center as a sentence, or `fits`. */
  sentence(id: string, dataCenter: string): string {
    const found = this.verdictsOf(id).find((verdict) => verdict.dataCenter === dataCenter);
    return found?.reason === undefined ? 'fits' : sentenceOf(found.reason);
  }

  verdictsOf(id: string): readonly Verdict[] {
    return verdicts(this.state, this.policy, this.classOf(id));
  }

  /** Why the job as a whole waits, as a sentence; empty: nothing holds it back. */
  blocked(id: string): string {
    const why = blockedBy(this.state, this.row(id));
    return why === undefined ? '' : `${why.code}: ${sentenceOf(why)}`;
  }

  classOf(id: string): JobClass {
    // Every job of a state has a class.
    return this.state.classes.get(this.state.jobs.classNumber[this.row(id)]!)!;
  }

  /** Where jobs that do not exist would go, as `job data-center`, sorted. */
  whatIf(jobs: readonly JobWords[]): readonly string[] {
    const classes = new Map<string, JobClass>();
    const asked = jobs.map((job, uid) => {
      const tenant = job.tenant ?? 't';
      const key = JSON.stringify([tenant, toShape(job)]);
      const jobClass = classes.get(key) ?? hypothetical(this.state, tenant, job);
      classes.set(key, jobClass);
      return { uid, jobClass };
    });
    const found = whatIf(this.state, this.policy, asked);
    return [...found]
      .map(([uid, { parts }]) => `${jobs[uid]?.id} ${parts[0]?.dataCenter}`)
      .toSorted();
  }
}

/** A class that is not in the state. */
export function hypothetical(state: State, tenant: string, job: JobWords): JobClass {
  const owner = state.tenants.get(tenant);
  if (owner === undefined) throw new Error(`there is no tenant ${tenant}`);
  return toClass(owner, { ...toShape(job), number: 0, tenant }, 0);
}

export function world(options: WorldOptions = {}): Scheduled {
  return new Scheduled(options);
}
