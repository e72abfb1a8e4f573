import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { demandOf, slotsOf } from './capacity.ts';
import { pooledWait } from './pooled.ts';
import { replay } from './replay.ts';
import { readSwf, SwfParser } from './swf.ts';
import { readWorkload, ChoiceError, type WorkloadOptions } from './workload.ts';

const folder = mkdtempSync(join(tmpdir(), 'isobar-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A line of a trace: submitted, run time, processors, site. */
function line(submit: number, run: number, processors: number, site: number): string {
  const columns = [1, submit, -1, run, processors, -1, -1, -1, 100, -1, -1, 1, 1, -1, -1, site];
  return [...columns, -1, -1].join(' ');
}

function write(name: string, lines: readonly string[]): string {
  const file = join(folder, name);
  const text = lines.join('\n');
  writeFileSync(file, name.endsWith('.gz') ? gzipSync(text) : text);
  return file;
}

describe('a trace is read', () => {
  test.each(['plain.swf', 'compressed.swf.gz'])('from %s', async (name) => {
    const file = write(name, ['; Partition:  7 cern.ch', line(3, 60, 2, 7), '', line(4, -1, 1, 7)]);
    const trace = await readSwf(file);
    expect(trace.jobs).toEqual([{ submitSeconds: 3, runSeconds: 60, processors: 2, site: 7 }]);
    expect(trace.siteNames.get(7)).toBe('cern.ch');
    expect([...trace.dropped]).toEqual([['run time unknown', 1]]);
  });

  test.each([
    ['1 2 3', 'trace, line 2: has 3 columns, a job has 18'],
    [line(0, 1, 1, 1).replace('100', 'many'), 'trace, line 2: column 9 is no number'],
    [line(-5, 1, 1, 1), 'trace, line 2: column 2 is before the trace begins'],
  ])('and a wrong line is named: %s', (wrong, message) => {
    const parser = new SwfParser('trace');
    parser.line('; a comment');
    expect(() => parser.line(wrong)).toThrow(message);
  });

  test('and a file that is not there is an error, not a wait', async () => {
    await expect(readSwf(join(folder, 'nothing.swf.gz'))).rejects.toThrow('ENOENT');
  });
});

test.each([
  ['in proportion', { 1: 50, 2: 30, 3: 20 }, 10, { 1: 5, 2: 3, 3: 2 }],
  ['to the largest remainder', { 1: 41, 2: 33, 3: 26 }, 10, { 1: 4, 2: 3, 3: 3 }],
  ['at least one', { 1: 1000, 2: 1, 3: 1 }, 10, { 1: 8, 2: 1, 3: 1 }],
])('slots are given %s', (_, demand, total, slots) => {
  const bySite = new Map(Object.entries(demand).map(([site, of]) => [Number(site), of]));
  expect(Object.fromEntries(slotsOf(bySite, total))).toEqual(slots);
});

test('demand is spread over the hours that a job touches', () => {
  const { all } = demandOf([{ submitSeconds: 1800, runSeconds: 3600, processors: 4, site: 1 }]);
  expect([...all.hours]).toEqual([2, 2]);
  expect(all.peak).toBe(2);
});

test('one queue waits when all slots are taken', () => {
  const job = (submitSeconds: number) => ({
    submitSeconds,
    runSeconds: 10,
    processors: 1,
    site: 1,
  });
  const jobs = [job(0), job(0), job(4)];
  const pool = { jobs, warm: 0, total: 2, endSeconds: Infinity };
  expect(pooledWait(pool)).toBe(2);
  expect(pooledWait({ ...pool, warm: 2 })).toBe(6);
  expect(pooledWait({ ...pool, warm: 2, endSeconds: 7 })).toBe(3);
});

describe('a window of a trace', () => {
  // Until second 3600 one CPU is wanted, then three.
  const file = write('window.swf', [
    line(0, 4000, 1, 1),
    line(3600, 100, 1, 1),
    line(3700, 3600, 1, 2),
    line(3800, 3600, 1, 2),
    line(7300, 10, 1, 2),
  ]);
  const chosen = (options: Omit<WorkloadOptions, 'file'>) =>
    readWorkload({ file, slots: 4, ...options }, () => {});

  test('is the busiest, and begins with what is left of the jobs that run then', async () => {
    const { fromSeconds, jobs, warm, endSeconds } = await chosen({ forSeconds: 3600 });
    expect({ fromSeconds, warm, endSeconds }).toEqual({
      fromSeconds: 3600,
      warm: 1,
      endSeconds: 3600,
    });
    expect(jobs.map((job) => [job.submitSeconds, job.runSeconds])).toEqual([
      [0, 400],
      [0, 100],
      [100, 3600],
      [200, 3600],
    ]);
  });

  test('begins and ends where it is told to, and counts only what falls into it', async () => {
    const { jobs, warm, demand } = await chosen({ fromSeconds: 3650, forSeconds: 100 });
    expect({ jobs: jobs.length, warm }).toEqual({ jobs: 3, warm: 2 });
    // Both that run until then do so for half of it or all; the one that comes has its second half.
    expect(demand.all.mean).toBeCloseTo(1 + 0.5 + 0.5);
  });

  test('goes on to the end of the trace when it has only a beginning', async () => {
    const { jobs, endSeconds } = await chosen({ fromSeconds: 3800 });
    expect({ jobs: jobs.length, endSeconds }).toEqual({ jobs: 4, endSeconds: 3 * 3600 - 3800 });
  });

  test('has to begin before the last job', async () => {
    await expect(chosen({ fromSeconds: 7301 })).rejects.toThrow(ChoiceError);
  });

  test('needs a CPU for each site', async () => {
    await expect(chosen({ slots: 1 })).rejects.toThrow('1 CPUs are too few for 2 sites');
  });

  test('what still waits at its end has waited until then', async () => {
    const options = { file, slots: 2, forSeconds: 3600, homeOnly: true };
    const result = await replay(options, () => {});
    expect(result).toMatchObject({ started: 2, waiting: 1 });
    expect(result.meanWaitSeconds).toBeGreaterThan((3600 - 200) / 3);
  });
});

describe('a replay', () => {
  const trace = write('two-sites.swf', [
    ...Array.from({ length: 6 }, () => line(0, 100, 1, 1)),
    line(50, 100, 1, 2),
    line(60, 10, 9, 2),
  ]);

  test('moves what home has no room for, and says what was too large', async () => {
    const lines: string[] = [];
    const result = await replay({ file: trace, slots: 7 }, (text) => lines.push(text));
    expect(lines).toContain('1 jobs are left out: each needs more CPUs at once than any site has');
    expect(result.started).toBe(7);
    expect(result.movedShare).toBeGreaterThan(0);
    expect(result.meanWaitSeconds).toBeLessThan(1);
  });

  test('keeps everything at home when it is told to, and there it waits', async () => {
    const result = await replay({ file: trace, slots: 7, homeOnly: true }, () => {});
    expect(result.movedShare).toBe(0);
    expect(result.meanWaitSeconds).toBeGreaterThan(10);
  });

  test('says what one data center with all CPUs would wait, when anybody waits', async () => {
    const full = await replay({ file: trace, slots: 6 }, () => {});
    expect(full.meanWaitSeconds).toBeGreaterThan(1);
    // All have room but one, which comes after 50 s and waits as long for the first six to end.
    expect(full.pooledWaitSeconds).toBeCloseTo(50 / 7, 0);
    expect(full.meanWaitSeconds).toBeCloseTo(50 / 7, 0);
    const roomy = await replay({ file: trace, slots: 7 }, () => {});
    expect(roomy.pooledWaitSeconds).toBeUndefined();
  });

  test('sees room late when reports are late', async () => {
    const options = { file: trace, slots: 6 };
    const [at, late] = [
      await replay(options, () => {}),
      await replay({ ...options, reportDelaySeconds: 30 }, () => {}),
    ];
    expect(late.meanWaitSeconds).toBeGreaterThan(at.meanWaitSeconds);
  });
});

const LCG = join(import.meta.dirname, '../../../../shared/traces/LCG.swf.gz');
const isThere = existsSync(LCG);
if (!isThere) console.log(`the replay of a real trace is skipped: ${LCG} is not there`);

// A real trace is not part of the checkout.
test.skipIf(!isThere)(
  'a day of a real grid is placed without a wait',
  { timeout: 180_000 },
  async () => {
    const result = await replay({ file: LCG, jobs: 15_000, slots: 3369 }, () => {});
    expect(result.started).toBe(15_000);
    expect(result.meanWaitSeconds).toBeLessThan(1);
  },
);
