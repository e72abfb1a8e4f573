// When and where each job began to run, as a watch of the controller's events tells it.
import type { Isobar } from '#client/isobar.ts';
import type { Event } from '#client/types.ts';
import { numberOf, siteOf } from '#simulation/replay/names.ts';
import type { Workload } from '#simulation/replay/workload.ts';
import { realMs } from './pace.ts';

const CATCH_UP_MS = 10_000;

export class Starts {
  /** By number of the job; -1: it has not started. By the clock of the machine. */
  readonly wallMs: Float64Array;
  readonly sites: Int32Array;
  started = 0;
  ended = 0;
  /** Otherwise than well. */
  failed = 0;
  readonly #client: Isobar;
  readonly #workload: Workload;
  readonly #speed: number;
  #revision = 0;

  constructor(client: Isobar, workload: Workload, speed: number) {
    this.#client = client;
    this.#workload = workload;
    this.#speed = speed;
    this.wallMs = new Float64Array(workload.jobs.length).fill(-1);
    this.sites = new Int32Array(workload.jobs.length);
  }

  /** Notes what happens after a revision until the signal. A watch that was cut is resumed without a gap. */
  async follow(fromRevision: number, signal: AbortSignal): Promise<void> {
    this.#revision = fromRevision;
    try {
      await this.#note({ signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Notes what happened up to now, when `follow` has ended. */
  async catchUp(): Promise<void> {
    await this.#note({ untilCurrent: true, signal: AbortSignal.timeout(CATCH_UP_MS) });
  }

  async #note(how: {
    readonly untilCurrent?: boolean;
    readonly signal: AbortSignal;
  }): Promise<void> {
    const options = { ...how, tenant: '-', fromRevision: this.#revision };
    for await (const { events, revision } of this.#client.events.watchResponses(options)) {
      for (const event of events) this.#noteOne(event);
      this.#revision = revision;
    }
  }

  #noteOne({ kind, state, resource, dataCenter, time }: Event): void {
    const [, , , job = ''] = resource.split('/');
    if (kind === 'JOB_CHANGED') {
      if (!ENDED.includes(state)) return;
      this.ended++;
      if (state !== 'SUCCEEDED') this.failed++;
      return;
    }
    const number = kind === 'RUN_CHANGED' ? numberOf(job) : -1;
    if (this.wallMs[number] !== -1 || !BEGUN.includes(state) || time === undefined) return;
    // A run that was over before the agent told of it.
    const ranSeconds = state === 'RUNNING' ? 0 : this.#workload.jobs[number]!.runSeconds; // it has a place in wallMs
    this.wallMs[number] = time.getTime() - realMs(this.#speed, ranSeconds);
    this.sites[number] = siteOf(dataCenter);
    this.started++;
  }
}

const ENDED: readonly string[] = ['SUCCEEDED', 'FAILED', 'CANCELLED'];
const BEGUN: readonly string[] = ['RUNNING', 'SUCCEEDED'];
