// How well and how fast a real grid's jobs are placed over its 170 sites on the virtual clock: node bench/replay.ts [FILE.swf.gz]
// The whole trace with a little more than its busiest hour needs, the same with every job at home, and with 0.85 of it, against one
// data center that has all CPUs and one queue before them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { replayRead } from '#simulation/replay/replay.ts';
import { readWorkload, type WorkloadOptions } from '#simulation/replay/workload.ts';
import { conditions, figure } from './figure.ts';

const SLOTS = 3369;
const SCARCE = 0.85;
const REPORT_DELAY_SECONDS = 30;

const BESIDE_THE_CHECKOUT = join(import.meta.dirname, '../../shared/traces/LCG.swf.gz');
const file = process.argv[2] ?? process.env['ISOBAR_BENCH_TRACE'] ?? BESIDE_THE_CHECKOUT;
const print = (line: string): void => console.log(`# ${line}`);

interface Case extends WorkloadOptions {
  readonly reportDelaySeconds?: number;
}

async function measure(options: Case) {
  const begin = performance.now();
  const before = process.cpuUsage();
  const workload = await readWorkload(options, print);
  const { queueWaitSeconds, ...result } = replayRead(workload, options, print);
  const used = process.cpuUsage(before);
  const seconds = (performance.now() - begin) / 1000;
  return { ...result, queueWaitSeconds, seconds, cpuSeconds: (used.user + used.system) / 1e6 };
}

if (existsSync(file)) {
  conditions(console.log, `${file}, ${SLOTS} CPUs; scarce: ${SCARCE} of them`);
  const best = await measure({ file, slots: SLOTS });
  figure(console.log, 'replay', best.seconds, 's', { value: 10, better: 'lower' });
  figure(console.log, 'replay_cpu', best.cpuSeconds, 's');
  figure(console.log, 'replay_mean_wait', best.meanWaitSeconds, 's', { value: 1, better: 'lower' });
  figure(console.log, 'replay_moved', best.movedShare * 100, '%', { value: 20, better: 'lower' });
  const home = await measure({ file, slots: SLOTS, homeOnly: true });
  figure(console.log, 'replay_home_only_mean_wait', home.meanWaitSeconds, 's');
  const scarce = await measure({
    file,
    slots: Math.round(SLOTS * SCARCE),
    reportDelaySeconds: REPORT_DELAY_SECONDS,
  });
  figure(console.log, 'replay_scarce_mean_wait', scarce.meanWaitSeconds, 's');
  figure(console.log, 'replay_scarce_queue_mean_wait', scarce.queueWaitSeconds, 's');
  if (scarce.pooledWaitSeconds !== undefined) {
    const ratio = scarce.meanWaitSeconds / scarce.pooledWaitSeconds;
    const target = { value: 1.1, better: 'lower' } as const;
    figure(console.log, 'replay_scarce_wait_over_pooled', ratio, 'ratio', target);
  }
} else {
  console.log(
    `# skipped: there is no trace at ${file}; name one: npm run bench replay -- FILE.swf.gz, or in ISOBAR_BENCH_TRACE`,
  );
}
