// Metrics over lives of jobs: the real loop over a log in memory, sessions and leases, and what scrapes show of them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Command } from '#core/command.ts';
import { emptyState } from '#core/state.ts';
import { toDataCenter, toItem, toTenant, type JobWords } from '#core/testing-words.ts';
import { RunState } from '#domain/states.ts';
import { Hello, NodeReport, RunReport, type RunRef } from '#gen/isobar/v1/agent.ts';
import { MemoryLog } from '#log/memory.ts';
import { ask } from '#loop/ask.ts';
import { Leases } from '#loop/leases.ts';
import { Loop } from '#loop/loop.ts';
import { MetricsSource } from '#loop/metrics-source.ts';
import { Sessions, type SessionHandle } from '#loop/sessions.ts';
import { METRICS, type MetricName } from '#metrics/catalog.ts';
import { Exporter } from '#metrics/exporter.ts';
import { differencesFromCatalog, parseScrape, type Scrape } from '#metrics/text.contract.ts';
import type { Clock } from '#ports/clock.ts';
import { SILENT } from '#ports/telemetry.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';

const BEGIN_MS = 1_800_000_000_000;
const WHO = { actor: 'ada', method: 'test', requestId: 'r' };

/** Time goes on when it is told to. */
class HandClock implements Clock {
  nowMs = BEGIN_MS;
  #timers: { readonly atMs: number; readonly call: () => void }[] = [];

  wallMs(): number {
    return this.nowMs;
  }

  bootMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(call: () => void): void {
    setImmediate(call);
  }

  /** Everything that is due runs at its time. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.call();
    }
    this.nowMs = untilMs;
  }
}

class Controller {
  readonly clock = new HandClock();
  readonly log = new MemoryLog();
  readonly loop: Loop;
  readonly leases: Leases;
  readonly sessions: Sessions;
  readonly exporter: Exporter;
  #fatal: Error | undefined;
  #before: Scrape | undefined;

  constructor() {
    const { clock, log } = this;
    this.loop = new Loop({
      state: emptyState(),
      log,
      clock,
      telemetry: SILENT,
      policy: DEFAULT_POLICY,
      onFatal: (error) => {
        this.#fatal = error;
      },
    });
    const { loop } = this;
    const onSilent = (dataCenter: string): void =>
      this.sessions.drop(dataCenter, {
        kind: 'refusal',
        code: 'UNAVAILABLE',
        reason: 'X',
        message: '',
      });
    this.leases = new Leases({ loop, clock, telemetry: SILENT, onSilent });
    const { leases } = this;
    this.sessions = new Sessions({ loop, leases, clock, telemetry: SILENT });
    const { sessions } = this;
    const source = new MetricsSource({ loop, leases, sessions, log, logBytes: () => 1 });
    this.exporter = new Exporter({ source, openStreams: () => 0, version: 'test' });
  }

  /** Until nothing is left to decide and all is durable. */
  async settle(): Promise<void> {
    for (let quiet = 0, turns = 0; quiet < 5; turns++) {
      if (this.#fatal !== undefined) throw this.#fatal;
      if (turns > 10_000) throw new Error('the loop does not come to rest');
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      const { gate, state, waitingCommands } = this.loop;
      quiet = gate.durable === state.revision && waitingCommands === 0 ? quiet + 1 : 0;
    }
  }

  async must(command: Command): Promise<void> {
    const answered = await ask(this.loop, command, WHO);
    if (answered.kind === 'refusal') throw new Error(answered.message);
    await this.settle();
  }

  async submit(...jobs: readonly JobWords[]): Promise<void> {
    const items = jobs.map((job) => toItem('t', job));
    await this.must({ kind: 'submitJobs', tenant: 't', user: 'ada', items, allOrNothing: true });
  }

  /** As the catalog says, and no counter below what it was; else it throws. */
  async scrape(): Promise<Scrape> {
    const scrape = parseScrape(await this.exporter.render());
    const findings = [...differencesFromCatalog(scrape), ...decreases(this.#before, scrape)];
    if (findings.length > 0) throw new Error(findings.join('\n'));
    this.#before = scrape;
    return scrape;
  }

  async stop(): Promise<void> {
    this.exporter.close();
    this.leases.close();
    this.sessions.close();
    await new Promise<void>((resolve) => this.loop.stop(resolve));
  }
}

function decreases(before: Scrape | undefined, after: Scrape): readonly string[] {
  const findings: string[] = [];
  for (const [name, { type, samples }] of before?.families ?? []) {
    if (type === 'gauge') continue;
    for (const sample of samples) {
      const suffix = sample.name.slice(name.length);
      // Every family of a scrape that was taken is in the catalog.
      const now = after.value(name as MetricName, sample.labels, suffix) ?? Number.NaN;
      if (!(now >= sample.value))
        findings.push(`${sample.name} went from ${sample.value} to ${now}`);
    }
  }
  return findings;
}

/** An agent that does what it is told to when the test says so. */
class Agent {
  readonly #handle: SessionHandle;
  readonly assigned: RunRef[] = [];
  #sequence = 0;

  constructor({ sessions }: Controller, dataCenter: string, cpu: number) {
    const allocatable = { cpuMillis: cpu * 1000, memoryMib: 1024 };
    const foreign = { cpuMillis: 1000 };
    const node = NodeReport.fromPartial({ node: 'n1', role: 'general', allocatable, foreign });
    const hello = Hello.fromPartial({
      protocol: 1,
      executor: 'simulated',
      placement: 1,
      nodes: [node],
    });
    this.#handle = sessions.connect(dataCenter, hello, {
      send: ({ message }) => {
        if (message?.$case === 'assignments') {
          for (const { run } of message.value.runs) if (run !== undefined) this.assigned.push(run);
        }
        return true;
      },
      close: () => {},
    });
  }

  report(run: RunRef | undefined, phase: RunState, fields: Partial<RunReport> = {}): void {
    if (run === undefined) throw new Error('no such run was assigned');
    const report = RunReport.fromPartial({ ...run, phase, ...fields });
    this.#handle.receive({
      message: { $case: 'reports', value: { sequence: ++this.#sequence, runs: [report] } },
    });
  }
}

function joined(controller: Controller, dataCenter: string, cpu: number): Agent {
  return new Agent(controller, dataCenter, cpu);
}

let controller: Controller;
beforeEach(async () => {
  controller = new Controller();
  await controller.must({ kind: 'foundFederation', federation: 'f', incarnation: 1 });
  const tenant = toTenant('t', { homeRegion: 'r1', maxQueuedJobs: 100 });
  await controller.must({ kind: 'putTenant', mode: 'create', entity: tenant, etag: undefined });
  for (const id of ['a', 'b']) {
    const entity = toDataCenter(id, { leaseMs: 60_000 });
    await controller.must({ kind: 'putDataCenter', mode: 'create', entity, etag: undefined });
  }
});
afterEach(() => controller.stop());

describe('the life of jobs', () => {
  test('shows in gauges while it lasts and stays in counters', async () => {
    const { clock } = controller;
    const empty = await controller.scrape();
    expect(
      empty.value('isobar_federation_data_centers', { state: 'REGISTERED', reachable: 'false' }),
    ).toBe(2);
    expect(empty.value('isobar_audit_records_total')).toBe(4);

    // 1. A data center joins with 5 CPUs, one of them used by others; 2 jobs of 2 CPUs fit, a third waits, others cannot run.
    const agent = joined(controller, 'a', 5);
    await controller.settle();
    await controller.submit(
      { id: 'j1', cpu: 2 },
      { id: 'j2', cpu: 2 },
      { id: 'j3', cpu: 2 },
      { id: 'held', held: true },
      { id: 'later', after: ['j3'] },
    );
    const placed = await controller.scrape();
    expect(
      placed.value('isobar_federation_data_centers', { state: 'ACTIVE', reachable: 'true' }),
    ).toBe(1);
    expect(placed.value('isobar_agent_sessions')).toBe(1);
    expect(jobsByState(placed)).toEqual({ QUEUED: 2, HELD: 1, RUNNING: 2, STOPPING: 0 });
    expect(waiting(placed)).toEqual({
      QUOTA_EXCEEDED: 0,
      NO_DATA_CENTER: 1,
      NOT_YET_CONSIDERED: 0,
      HELD: 1,
      WAITS_FOR_JOBS: 1,
      BACKING_OFF: 0,
    });
    expect(placed.value('isobar_waiting_classes', { reason: 'NO_DATA_CENTER' })).toBe(1);
    expect(placed.value('isobar_federation_runs', { state: 'RESERVED' })).toBe(2);
    expect(ofSite(placed, 'capacity')).toBe(5);
    expect(ofSite(placed, 'foreign')).toBe(1);
    expect(ofSite(placed, 'allocated')).toBe(4);
    expect(ofSite(placed, 'pending')).toBe(2);
    expect(
      placed.value('isobar_data_center_pressure_ratio', {
        data_center: 'a',
        resource: 'cpu_cores',
      }),
    ).toBe(1.2);
    expect(
      placed.value('isobar_tenant_allocated_amount', { tenant: 't', resource: 'cpu_cores' }),
    ).toBe(4);
    expect(
      placed.value('isobar_tenant_pending_amount', { tenant: 't', resource: 'cpu_cores' }),
    ).toBe(2);
    expect(placed.value('isobar_job_submissions_total')).toBe(5);
    expect(placed.value('isobar_scheduler_decisions_total', { outcome: 'placed' })).toBe(2);
    expect(placed.value('isobar_job_reservation_wait_seconds', {}, '_count')).toBe(2);
    expect(placed.value('isobar_log_lag_records')).toBe(0);

    // 2. The first starts after 3 s; the second one's start is told only with its end, which makes room for the third.
    const [first, second] = agent.assigned;
    clock.pass(3000);
    agent.report(first, RunState.RUNNING);
    agent.report(first, RunState.RUNNING);
    clock.pass(4000);
    agent.report(second, RunState.FAILED, { exitCode: 1, runMillis: 2000 });
    await controller.settle();
    const started = await controller.scrape();
    expect(started.value('isobar_tenant_oldest_wait_seconds', { tenant: 't' })).toBe(0);
    expect(jobsByState(started)).toEqual({ QUEUED: 1, HELD: 1, RUNNING: 2, STOPPING: 0 });
    expect(started.value('isobar_job_start_wait_seconds', {}, '_count')).toBe(2);
    expect(started.value('isobar_job_start_wait_seconds', {}, '_sum')).toBe(3 + 5);
    expect(started.value('isobar_job_reservation_wait_seconds', {}, '_sum')).toBe(7);
    expect(started.value('isobar_job_ends_total', { result: 'FAILED' })).toBe(1);
    expect(started.value('isobar_run_ends_total', { result: 'FAILED' })).toBe(1);

    // 3. One succeeds, one is cancelled before it starts, and with it what waited for it.
    agent.report(first, RunState.SUCCEEDED, { runMillis: 9000 });
    const selector = { tenant: 't', ids: ['j3', 'held'], jobSet: '' };
    await controller.must({ kind: 'changeJobs', verb: 'cancel', selector, priority: 0 });
    const stopping = await controller.scrape();
    expect(jobsByState(stopping)).toEqual({ QUEUED: 1, HELD: 0, RUNNING: 0, STOPPING: 1 });
    agent.report(agent.assigned[2], RunState.STOPPED);
    await controller.settle();
    const ended = await controller.scrape();
    expect(jobsByState(ended)).toEqual({ QUEUED: 0, HELD: 0, RUNNING: 0, STOPPING: 0 });
    expect(ended.value('isobar_job_ends_total', { result: 'SUCCEEDED' })).toBe(1);
    expect(ended.value('isobar_job_ends_total', { result: 'CANCELLED' })).toBe(3);
    expect(ended.value('isobar_run_ends_total', { result: 'STOPPED' })).toBe(1);
    expect(ended.value('isobar_job_start_wait_seconds', {}, '_count')).toBe(2);
    expect(ofSite(ended, 'allocated')).toBe(0);
    expect(ofSite(ended, 'pending')).toBe(0);
    const { durable } = controller.loop.gate;
    expect(ended.value('isobar_audit_records_total')).toBe(durable);
    expect(ended.value('isobar_log_records_total')).toBe(durable);
    expect(ended.value('isobar_log_group_records', {}, '_sum')).toBe(durable);
  });

  test('tells how long an agent has been silent, and that its lease ran out', async () => {
    const { clock } = controller;
    const agent = joined(controller, 'a', 5);
    await controller.settle();
    await controller.submit({ id: 'j1' });
    agent.report(agent.assigned[0], RunState.RUNNING);
    await controller.settle();
    clock.pass(10_000);
    const silent = await controller.scrape();
    expect(silent.value('isobar_data_center_silence_seconds', { data_center: 'a' })).toBe(10);
    expect(silent.value('isobar_data_center_lease_seconds', { data_center: 'a' })).toBe(60);
    expect(silent.value('isobar_data_center_reachable_condition', { data_center: 'a' })).toBe(1);
    expect(silent.value('isobar_controller_isolated_condition')).toBe(0);

    clock.pass(60_000);
    await controller.settle();
    const expired = await controller.scrape();
    expect(expired.value('isobar_data_center_reachable_condition', { data_center: 'a' })).toBe(0);
    expect(expired.value('isobar_lease_expirations_total')).toBe(1);
    expect(expired.value('isobar_run_ends_total', { result: 'FENCED' })).toBe(1);
    expect(
      expired.value('isobar_federation_data_centers', { state: 'ACTIVE', reachable: 'false' }),
    ).toBe(1);
    // It is asked for again, where it could run.
    expect(ofSite(expired, 'pending')).toBe(1);
    clock.pass(5000);
    const later = await controller.scrape();
    expect(later.value('isobar_tenant_oldest_wait_seconds', { tenant: 't' })).toBe(75);

    // A second run, when there is room again, is not a second wait.
    const other = joined(controller, 'b', 5);
    await controller.settle();
    other.report(other.assigned[0], RunState.RUNNING);
    await controller.settle();
    const replaced = await controller.scrape();
    expect(jobsByState(replaced)['RUNNING']).toBe(1);
    expect(replaced.value('isobar_scheduler_decisions_total', { outcome: 'placed' })).toBe(2);
    expect(replaced.value('isobar_job_reservation_wait_seconds', {}, '_count')).toBe(1);
    expect(replaced.value('isobar_job_start_wait_seconds', {}, '_count')).toBe(1);
  });

  test('spreads what is asked for by capacity, over the places that may take it', async () => {
    joined(controller, 'a', 3);
    joined(controller, 'b', 9);
    await controller.settle();
    await controller.submit({ id: 'anywhere', cpu: 100 });
    const scrape = await controller.scrape();
    expect(ofSite(scrape, 'pending', 'a')).toBe(25);
    expect(ofSite(scrape, 'pending', 'b')).toBe(75);

    await controller.submit(
      { id: 'only-b', cpu: 50, wants: { dataCenters: ['b'] } },
      { id: 'nowhere', cpu: 7, wants: { regions: ['r9'] } },
      { id: 'no-devices', cpu: 5, devices: [{}] },
    );
    const limited = await controller.scrape();
    expect(ofSite(limited, 'pending', 'a')).toBe(25);
    expect(ofSite(limited, 'pending', 'b')).toBe(125);
    expect(
      limited.value('isobar_tenant_pending_amount', { tenant: 't', resource: 'cpu_cores' }),
    ).toBe(162);

    // A cordoned data center takes nothing, so nothing presses on it.
    await controller.must({ kind: 'moveDataCenter', id: 'a', verb: 'cordon' });
    const cordoned = await controller.scrape();
    expect(ofSite(cordoned, 'pending', 'a')).toBe(0);
    expect(ofSite(cordoned, 'pending', 'b')).toBe(150);
  });
});

test('a scrape does not wait for a disk that hangs, and tells of it', async () => {
  const log = new MemoryLog({ schedule: () => {} });
  const { clock } = controller;
  const options = { state: emptyState(), log, clock, telemetry: SILENT, policy: DEFAULT_POLICY };
  const loop = new Loop({ ...options, onFatal: () => {} });
  loop.execute(
    'callers',
    { kind: 'foundFederation', federation: 'f', incarnation: 1 },
    WHO,
    () => {},
  );
  while (loop.waitingCommands > 0) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  const { leases, sessions } = controller;
  const exporter = new Exporter({
    source: new MetricsSource({ loop, leases, sessions, log }),
    openStreams: () => 0,
    version: 'test',
  });
  const scrape = parseScrape(await exporter.render());
  exporter.close();
  expect(scrape.value('isobar_log_lag_records')).toBe(1);
  expect(scrape.value('isobar_gate_waiting_outputs')).toBe(1);
  expect(scrape.value('isobar_audit_records_total')).toBe(0);
  expect(scrape.value('isobar_log_size_bytes')).toBeUndefined();
});

function jobsByState(scrape: Scrape): Record<string, number | undefined> {
  return countsOf(scrape, 'isobar_federation_jobs');
}

function waiting(scrape: Scrape): Record<string, number | undefined> {
  return countsOf(scrape, 'isobar_waiting_jobs');
}

function countsOf(
  scrape: Scrape,
  name: 'isobar_federation_jobs' | 'isobar_waiting_jobs',
): Record<string, number | undefined> {
  const [label] = METRICS[name].labels;
  return Object.fromEntries(
    label.values.map((value) => [value, scrape.value(name, { [label.name]: value })]),
  );
}

function ofSite(
  scrape: Scrape,
  what: 'capacity' | 'allocated' | 'foreign' | 'pending',
  dataCenter = 'a',
): number | undefined {
  const labels = { data_center: dataCenter, resource: 'cpu_cores' };
  return scrape.value(`isobar_data_center_${what}_amount`, labels);
}
