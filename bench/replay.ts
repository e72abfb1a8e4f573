// node bench/replay.ts FILE [--factor 1.02] [--slots N] [--home-only] [--report-delay 30] [--jobs N]
// Replays a trace in the Standard Workload Format, plain or compressed, and prints how well its jobs were placed and how long the
// replay itself took.
import { parseArgs } from 'node:util';
import { replay } from '#simulation/replay/replay.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    factor: { type: 'string' },
    slots: { type: 'string' },
    'home-only': { type: 'boolean', default: false },
    'report-delay': { type: 'string' },
    jobs: { type: 'string' },
  },
});

const [file] = positionals;
if (file === undefined) {
  console.error('Name a trace: node bench/replay.ts FILE.swf.gz');
  process.exit(64);
}
const begin = performance.now();
const cpu = process.cpuUsage();
await replay(
  {
    file,
    homeOnly: values['home-only'],
    ...(values.factor === undefined ? {} : { factor: Number(values.factor) }),
    ...(values.slots === undefined ? {} : { slots: Number(values.slots) }),
    ...(values['report-delay'] === undefined
      ? {}
      : { reportDelaySeconds: Number(values['report-delay']) }),
    ...(values.jobs === undefined ? {} : { jobs: Number(values.jobs) }),
  },
  (line) => console.log(line),
);
const used = process.cpuUsage(cpu);
const seconds = (performance.now() - begin) / 1000;
console.log(
  `took ${seconds.toFixed(1)} s, ${((used.user + used.system) / 1e6).toFixed(1)} s of a CPU`,
);
