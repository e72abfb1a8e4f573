// node controller/simulation/main.ts --seeds 300            runs seeds 1 to 300 and prints what happened how often
// node controller/simulation/main.ts --seed 17 --trace      runs one seed and prints every event
import { parseArgs } from 'node:util';
import { Counts } from './faults.ts';
import { runSeed } from './run.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const counts = new Counts();
const failed = new Map<string, number[]>();
const begin = performance.now();
const beginCpu = process.cpuUsage();
let steps = 0;
for (let seed = first; seed < first + count; seed++) {
  const verdict = await runSeed(seed, values.trace ? { print: (line) => console.log(line) } : {});
  counts.merge(verdict.counts);
  steps += verdict.steps;
  if (verdict.failure === undefined) continue;
  const { invariant, report } = verdict.failure;
  const seeds = failed.get(invariant) ?? [];
  failed.set(invariant, [...seeds, seed]);
  if (seeds.length === 0 || values.all) console.log(`${report}\n`);
}
const seconds = (performance.now() - begin) / 1000;
const cpu = process.cpuUsage(beginCpu);
const cpuSeconds = (cpu.user + cpu.system) / 1_000_000;
console.log(counts.table());
console.log(
  `${count} seeds, ${steps} events in ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of a CPU`,
);
for (const [invariant, seeds] of failed)
  console.log(`FAILED ${invariant}: seeds ${seeds.slice(0, 20).join(' ')} (${seeds.length})`);
if (failed.size > 0) process.exitCode = 1;
