// A million queued jobs: what they take in memory, and how long a restart takes. `node bench/restart.ts [JOBS]`. The restart is
// measured in a process of its own, as it happens.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteLog } from '#log/sqlite.ts';
import { Loop } from '#loop/loop.ts';
import { recover } from '#loop/recover.ts';
import { SystemClock } from '#main/system.ts';
import { SILENT } from '#ports/telemetry.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { conditions, figure } from './figure.ts';
import { foundBench, shapeOf, submitAll } from './jobs.ts';

const [argument = '1000000', directory] = process.argv.slice(2);
const CLASSES = 1000;

if (directory === undefined) fill(Number(argument));
else await restart(directory);

function fill(jobs: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-bench-restart-'));
  try {
    conditions(
      console.log,
      `${jobs} queued jobs of ${CLASSES} classes, log on ${tmpdir()} (file system ${statfsSync(folder).type.toString(16)})`,
    );
    for (const role of ['fill', 'read']) {
      const { status } = spawnSync(
        process.execPath,
        [
          '--disable-warning=ExperimentalWarning',
          '--expose-gc',
          import.meta.filename,
          role === 'fill' ? String(jobs) : '0',
          folder,
        ],
        { stdio: 'inherit' },
      );
      if (status !== 0) process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function restart(folder: string): Promise<void> {
  const jobs = Number(argument);
  const began = performance.now();
  const log = await SqliteLog.open(folder);
  const state = await recover(log);
  if (jobs > 0) {
    await fillLog(log, state, jobs);
  } else {
    const seconds = (performance.now() - began) / 1000;
    figure(console.log, 'restart', seconds, 's', { value: 10, better: 'lower' });
    figure(console.log, 'restart_jobs', state.jobs.live, 'jobs');
    figure(
      console.log,
      'restart_folded_records',
      state.revision - log.head.checkpointRevision,
      'records',
    );
    await memory('restart');
  }
  await log.close();
}

async function fillLog(
  log: SqliteLog,
  state: Awaited<ReturnType<typeof recover>>,
  jobs: number,
): Promise<void> {
  const loop = new Loop({
    state,
    log,
    clock: new SystemClock(),
    telemetry: SILENT,
    policy: DEFAULT_POLICY,
    onFatal: (error) => {
      throw error;
    },
  });
  await foundBench(loop);
  const began = performance.now();
  for (let shape = 0; shape < CLASSES; shape++) {
    await submitAll(loop, `c${shape}`, jobs / CLASSES, shapeOf(1000 + shape));
  }
  figure(console.log, 'fill', (jobs / (performance.now() - began)) * 1000, 'jobs/s');
  await new Promise<void>((resolve) => loop.stop(resolve));
  await memory('fill');
}

async function memory(name: string): Promise<void> {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 200));
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  figure(console.log, `${name}_rss`, rss / 2 ** 20, 'MiB', { value: 1024, better: 'lower' });
  figure(console.log, `${name}_heap`, heapUsed / 2 ** 20, 'MiB');
  figure(console.log, `${name}_array_buffers`, arrayBuffers / 2 ** 20, 'MiB');
}
