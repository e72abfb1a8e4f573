// The path of a job through the controller, in one process and without gRPC: `node bench/loop.ts [JOBS]`. Submitted in batches of
// 1,000 to the loop over SQLite, placed on 100 data centers of simulated nodes, sent to agents that answer at once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunState } from '#domain/states.ts';
import type { ConnectResponse, NodeReport, RunReport } from '#gen/isobar/v1/agent.ts';
import { SqliteLog } from '#log/sqlite.ts';
import { ask } from '#loop/ask.ts';
import { Leases } from '#loop/leases.ts';
import { Loop } from '#loop/loop.ts';
import { recover } from '#loop/recover.ts';
import { Sessions, type SessionHandle } from '#loop/sessions.ts';
import { SystemClock } from '#main/system.ts';
import { SILENT } from '#ports/telemetry.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { conditions, figure } from './figure.ts';
import { foundBench, shapeOf, submitAll, WHO } from './jobs.ts';

const JOBS = Number(process.argv[2] ?? 100_000);
const BATCH = 1000;
const DATA_CENTERS = 100;
const NODES = 50;
const SMALL = shapeOf(100);
const HUGE = shapeOf(1_000_000_000);

async function main(): Promise<void> {
  conditions(
    console.log,
    `${JOBS} jobs of one class in batches of ${BATCH}, ${DATA_CENTERS} data centers of ${NODES} nodes, log on ${tmpdir()}`,
  );
  const directory = mkdtempSync(join(tmpdir(), 'isobar-bench-loop-'));
  const log = await SqliteLog.open(directory);
  const clock = new SystemClock();
  const state = await recover(log);
  const loop = new Loop({
    state,
    log,
    clock,
    telemetry: SILENT,
    policy: DEFAULT_POLICY,
    onFatal: (error) => {
      throw error;
    },
  });
  const leases = new Leases({ loop, clock, telemetry: SILENT, onSilent: () => {} });
  const sessions = new Sessions({ loop, leases, clock, telemetry: SILENT });
  try {
    await foundBench(loop);
    const running = new Running(JOBS);
    for (let i = 0; i < DATA_CENTERS; i++) await joinDataCenter(loop, sessions, `dc${i}`, running);
    // 1. Submissions alone: these fit nowhere.
    const submitMs = await submitAll(loop, 'queued', JOBS, HUGE);
    figure(console.log, 'loop_submit_durable', (JOBS / submitMs) * 1000, 'jobs/s', {
      value: 50_000,
      better: 'higher',
    });
    // 2. Beside that queue, jobs that fit are submitted, placed, sent and reported running, each step durable.
    const began = performance.now();
    void submitAll(loop, 'runs', JOBS, SMALL);
    await running.done;
    const tookMs = performance.now() - began;
    figure(console.log, 'loop_submit_to_running', (JOBS / tookMs) * 1000, 'jobs/s', {
      value: 20_000,
      better: 'higher',
    });
    const { rss, heapUsed } = process.memoryUsage();
    figure(console.log, 'rss', rss / 2 ** 20, 'MiB');
    figure(console.log, 'heap_used', heapUsed / 2 ** 20, 'MiB');
  } finally {
    leases.close();
    sessions.close();
    await new Promise<void>((resolve) => loop.stop(resolve));
    await log.close();
    rmSync(directory, { recursive: true });
  }
}

class Running {
  readonly done: Promise<void>;
  #left: number;
  #resolve: () => void = () => {};

  constructor(jobs: number) {
    this.#left = jobs;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  count(runs: number): void {
    this.#left -= runs;
    if (this.#left === 0) this.#resolve();
  }
}

async function joinDataCenter(
  loop: Loop,
  sessions: Sessions,
  id: string,
  running: Running,
): Promise<void> {
  const entity = {
    id,
    displayName: '',
    class: 2,
    region: 'r',
    latitude: 0,
    longitude: 0,
    owner: '',
    labels: {},
    clearance: 4,
    accepts: [],
    offers: [],
    leaseMs: 600_000,
    priceMicrosPerCpuHour: 0,
    createMs: 0,
  };
  await ask(loop, { kind: 'putDataCenter', mode: 'create', etag: undefined, entity }, WHO);
  const cpu = Math.ceil((JOBS / DATA_CENTERS / NODES) * 100 * 1.1);
  const nodes = Array.from({ length: NODES }, (_, i): NodeReport => ({
    node: `n${i}`,
    role: 'general',
    labels: {},
    allocatable: {
      cpuMillis: cpu,
      memoryMib: 1_000_000,
      storageMib: 0,
      extra: {},
      deviceThousandths: 0,
      devices: [],
    },
    devices: [],
    foreign: undefined,
    removed: false,
  }));
  let handle: SessionHandle | undefined;
  let sequence = 0;
  handle = sessions.connect(
    id,
    {
      protocol: 1,
      version: '',
      executor: 'simulated',
      placement: 1,
      offers: [],
      federation: '',
      incarnation: 0,
      instance: 'x',
      runs: [],
      nodes,
    },
    {
      send(message: ConnectResponse) {
        if (message.message?.$case !== 'assignments') return true;
        const runs = message.message.value.runs.map((assignment): RunReport => ({
          jobUid: assignment.run?.jobUid ?? 0,
          index: 0,
          epoch: assignment.run?.epoch ?? 0,
          phase: RunState.RUNNING,
          ageMillis: 0,
          exitCode: 0,
          reason: undefined,
          lastLines: [],
          runMillis: 0,
        }));
        setImmediate(() => {
          handle?.receive({ message: { $case: 'reports', value: { sequence: ++sequence, runs } } });
          loop.query(
            () => undefined,
            () => running.count(runs.length),
          );
        });
        return true;
      },
      close() {},
    },
  );
}

await main();
