// Counts the interesting paths, from what goes over the wire and into the log.
import type { ConnectRequest, ConnectResponse } from '#gen/isobar/v1/agent.ts';
import type { JobChanged, RunChanged } from '#gen/isobar/log/v1/event.ts';
import type { Record as LogRecord } from '#gen/isobar/log/v1/record.ts';
import { DataCenterState, JobState, isRunFinal, nameOf, RunState } from '#domain/states.ts';
import { keyOf } from '#ports/executor.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { textOf } from './executions.ts';
import type { ModelEvents, ModelJob, ModelRun } from './model.ts';
import type { LineWatch } from './network.ts';
import { check } from './violation.ts';
import type { World } from './world.ts';

export class Counting implements LineWatch, ModelEvents, Telemetry {
  readonly #world: World;
  /** Per data center: the agent that was last adopted from, and by which controller. */
  readonly #instances = new Map<string, string>();
  readonly #hello = new Map<string, { readonly instance: string; readonly atMs: number }>();
  readonly #controllers = new Map<string, number>();
  readonly #sent = new Set<string>();
  /** By data center and run. */
  readonly #stopped = new Set<string>();
  /** True time at which the decision for a run became durable. */
  readonly #reservedMs = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  up(dataCenter: string, { message }: ConnectRequest): void {
    const { model, counts, timeline } = this.#world;
    if (message?.$case === 'hello') {
      this.#hello.set(dataCenter, { instance: message.value.instance, atMs: timeline.nowMs });
    }
    if (message?.$case !== 'hello' && message?.$case !== 'reports') return;
    for (const report of message.value.runs) {
      const job = model.jobs.get(report.jobUid);
      if (job?.run?.epoch !== report.epoch) counts.add('stale report answered and ignored');
    }
  }

  down(dataCenter: string, { message }: ConnectResponse): void {
    const { counts, sites, model, controllers } = this.#world;
    const site = sites.get(dataCenter)!;
    switch (message?.$case) {
      case 'welcome': {
        const { instance = '' } = this.#hello.get(dataCenter) ?? {};
        if (message.value.adopt.length > 0) {
          const before = this.#instances.get(dataCenter);
          if (before !== undefined && before !== instance) counts.add('run adopted by a new agent');
          const controller = this.#controllers.get(dataCenter);
          if (controller !== undefined && controller < controllers)
            counts.add('run adopted by a controller that restarted');
        }
        if (model.dataCenters.get(dataCenter)?.state === DataCenterState.LEFT)
          counts.add('agent joined where its data center had left');
        this.#instances.set(dataCenter, instance);
        this.#controllers.set(dataCenter, controllers);
        if (message.value.stop.some((run) => model.jobs.get(run.jobUid)?.epoch !== run.epoch)) {
          counts.add('fenced run stopped on joining');
        }
        return;
      }
      case 'assignments':
        for (const { run } of message.value.runs) {
          if (run === undefined) continue;
          if (this.#sent.has(keyOf(run))) counts.add('run sent again');
          this.#sent.add(keyOf(run));
          if (site.executor.runs.has(keyOf(run))) continue;
          const isLate = site.options.machine.bootMs() >= site.executor.fenceMs;
          if (isLate) counts.add('late assignment refused by the agent');
          const helloMs = this.#hello.get(dataCenter)?.atMs ?? 0;
          const isOlder = (this.#reservedMs.get(keyOf(run)) ?? Infinity) < helloMs;
          if (isOlder) counts.add('run of a lost assignment sent on joining');
        }
        return;
      case 'stops':
        for (const run of message.value.runs) {
          if (!site.executor.runs.has(keyOf(run))) counts.add('stop before start');
          const isLive = model.jobs.get(run.jobUid)?.run?.epoch === run.epoch;
          const name = `${dataCenter} ${keyOf(run)}`;
          if (this.#stopped.has(name) && !isLive)
            counts.add('stop of a run that was given up sent again');
          this.#stopped.add(name);
        }
        return;
      case 'leaseRenewed':
      case 'acknowledged':
      case 'notLeader':
      case undefined:
        return;
      default:
        message satisfies never;
    }
  }

  closed(dataCenter: string, why: string): void {
    this.#world.note(`the controller closes the session of ${dataCenter}: ${why}`);
    if (why === 'SESSION_REPLACED') this.#world.counts.add('session replaced by a newer one');
    if (why === 'AGENT_SILENT') this.#world.counts.add('session dropped for silence');
  }

  jobChanged(job: ModelJob, before: JobState, event: JobChanged): void {
    const { counts } = this.#world;
    const code = event.reason?.code ?? '';
    this.#world.note(`job ${job.id} ${before} to ${event.state} ${code}`);
    if (before === JobState.HELD && event.state === JobState.QUEUED)
      counts.add('job held and released');
    if (event.state === JobState.CANCELLED) {
      if (code === 'DEPENDENCY_FAILED') counts.add('job cancelled with the one it waited for');
      else
        counts.add(
          before === JobState.STOPPING
            ? 'job cancelled while it ran'
            : 'job cancelled while it waited',
        );
    }
    if (code === 'BACKING_OFF') counts.add('run failed and was retried');
    if (code === 'REQUEUED' && event.state === JobState.QUEUED)
      counts.add('job requeued by its user');
    if (code === 'NODE_DRAINED' && event.state === JobState.QUEUED)
      counts.add('run moved from a drained node');
    if (code === 'NODE_DRAINED' && event.state === JobState.STOPPING && isGang(job))
      counts.add('gang moved with one of its nodes');
    if (code === 'DRAINED' && event.state === JobState.QUEUED)
      counts.add('run moved from a drained data center');
    if (event.state === JobState.FAILED) {
      counts.add(code === 'LEASE_EXPIRED' ? 'lease expired: job failed' : 'run failed for good');
    }
    if (event.state === JobState.QUEUED && code === 'LEASE_EXPIRED')
      counts.add('lease expired: run replaced');
  }

  runReserved(job: ModelJob, run: ModelRun): void {
    const { holdings, model, timeline } = this.#world;
    this.#reservedMs.set(`${job.uid}-${run.index}-${run.epoch}`, timeline.nowMs);
    this.#world.note(`placed ${job.uid}-${run.index}-${run.epoch} at ${run.dataCenter}`);
    holdings.placed(model, job, run);
  }

  runChanged(
    job: ModelJob,
    run: ModelRun,
    before: RunState,
    event: RunChanged,
    actor: string,
  ): void {
    const { counts, holdings, executions, sites, plan } = this.#world;
    const runKey = { jobUid: job.uid, index: run.index, epoch: run.epoch };
    const key = textOf(runKey);
    const code = event.reason?.code ?? '';
    this.#world.note(`run ${key} ${before} to ${event.state} ${code} by ${actor}`);
    if (run.state === RunState.UNKNOWN) counts.add('lease expired: run kept, unknown');
    if (before === RunState.UNKNOWN && !isRunFinal(run.state)) counts.add('unknown run came back');
    if (run.state === RunState.SUCCEEDED) counts.add('run succeeded');
    if (code === 'FORGOTTEN') {
      counts.add('run forgotten by an operator');
      executions.vouched.add(key);
      if (before === RunState.RESERVED) executions.checkNotUnderWay(key, run.dataCenter);
    }
    if (code === 'LEASE_EXPIRED' && isRunFinal(run.state)) executions.expired.add(key);
    if (!isRunFinal(run.state)) return;
    holdings.ended(job);
    const isUnasked = run.state === RunState.FENCED || code === 'LOST';
    check(
      plan.profile !== 'outages' || !isUnasked,
      '11-outage',
      () => `${key} ended (${code}) though only the controller was away`,
    );
    const real = sites.get(run.dataCenter)?.executor.runs.get(key);
    if (run.state === RunState.SUCCEEDED || run.state === RunState.FAILED) {
      const isTrue = real?.phase === run.state && real.exitCode === event.exitCode;
      check(
        isTrue,
        '3-effects',
        () =>
          `the log took ${run.state} with ${event.exitCode} of ${key}, which really is ${real?.phase ?? 'not there'}`,
      );
    }
    const isMoreTrue = run.state === RunState.STOPPED && real?.phase === RunState.SUCCEEDED;
    check(
      !isMoreTrue,
      '3-effects',
      () => `the log took ${key} for stopped (${code}), which has succeeded`,
    );
    const isDead = real === undefined || real.endMs !== undefined;
    check(
      isDead || executions.mayOutlive(runKey),
      '3-one-run-alive',
      () => `the log gave up ${key} (${code}), which runs at ${run.dataCenter}`,
    );
  }

  dataCenterMoved(dataCenter: string, before: DataCenterState, to: DataCenterState): void {
    const { counts } = this.#world;
    if (before === to) return;
    const [from, now] = [before, to].map((state) => nameOf(DataCenterState, state));
    this.#world.note(`data center ${dataCenter} from ${from} to ${now}`);
    if (to === DataCenterState.LEFT) counts.add('data center left');
    if (before === DataCenterState.LEFT) counts.add('data center came back after it had left');
  }

  record(record: LogRecord): void {
    if (record.method === 'leases/expire') this.#world.counts.add('lease expired');
    for (const { kind } of record.events) {
      if (kind?.$case === 'jobReclassed') this.#world.counts.add('job reprioritized');
      if (kind?.$case === 'jobForgotten')
        this.#world.counts.add('ended job forgotten', kind.value.uids.length);
      if (kind?.$case === 'jobSubmitted' && kind.value.after.length > 0)
        this.#world.counts.add('job waited for another');
    }
    this.#world.eventCounts.push(record.events.length);
  }

  info(): void {}

  warn(message: string): void {
    const { counts } = this.#world;
    this.#world.note(`controller: ${message}`);
    if (message.startsWith('more than half')) counts.add('controller isolated');
    if (message.startsWith('the controller was stalled'))
      counts.add('controller counted leases anew after a stall');
  }

  error(message: string, fields: Parameters<Telemetry['error']>[1] = {}): void {
    this.#world.note(`controller: ${message} ${JSON.stringify(fields)}`);
    check(
      message !== 'a command could not be decided',
      'fatal',
      () => `${message}: ${JSON.stringify(fields)}`,
    );
  }
}

/** Its live run is on several nodes. */
function isGang({ run }: ModelJob): boolean {
  const nodes = run?.parts.flatMap((part) => part.allocations.map(({ node }) => node)) ?? [];
  return new Set(nodes).size > 1;
}
