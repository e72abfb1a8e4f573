// The demo's work, run by its jobs: the records of a census, made up from a seed and really counted.
//
//   node census.ts count SHARD RECORDS   makes the records of a shard and counts them by province, sex and age
//   node census.ts total SHARDS          adds up what the shards counted
//
// Results go to the directory CENSUS_DIR, which stands in for a shared store: all data centers of the demo are on one machine.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Provinces and centrally run cities with their population in thousands, about that of mid-2024 within the borders of July 2025. */
const PROVINCES: readonly (readonly [string, number])[] = [
  ['Ha Noi', 8807],
  ['Ho Chi Minh City', 14002],
  ['Hai Phong', 4664],
  ['Da Nang', 3065],
  ['Hue', 1432],
  ['Can Tho', 4199],
  ['An Giang', 4952],
  ['Bac Ninh', 3619],
  ['Ca Mau', 2606],
  ['Cao Bang', 573],
  ['Dak Lak', 3346],
  ['Dien Bien', 673],
  ['Dong Nai', 4491],
  ['Dong Thap', 4370],
  ['Gia Lai', 3583],
  ['Ha Tinh', 1622],
  ['Hung Yen', 3567],
  ['Khanh Hoa', 2243],
  ['Lai Chau', 512],
  ['Lam Dong', 3872],
  ['Lang Son', 881],
  ['Lao Cai', 1778],
  ['Nghe An', 3831],
  ['Ninh Binh', 4412],
  ['Phu Tho', 4022],
  ['Quang Ngai', 2161],
  ['Quang Ninh', 1497],
  ['Quang Tri', 1870],
  ['Son La', 1404],
  ['Tay Ninh', 3254],
  ['Thai Nguyen', 1799],
  ['Thanh Hoa', 4324],
  ['Tuyen Quang', 1865],
  ['Vinh Long', 4257],
];
const AGE_GROUPS = 10;

interface Count {
  readonly records: number;
  /** Persons by province, in the order of PROVINCES. */
  readonly provinces: number[];
  readonly women: number;
  /** Persons by decade of age; the last one is 90 and older. */
  readonly ages: number[];
}

const [action = '', ...args] = process.argv.slice(2);
const directory = process.env['CENSUS_DIR'] ?? '.';
mkdirSync(directory, { recursive: true });
if (action === 'count') countShard(Number(args[0]), Number(args[1]));
else if (action === 'total') addUp(Number(args[0]));
else {
  process.stderr.write(`census: unknown action '${action}'; use count or total\n`);
  process.exitCode = 64;
}

function countShard(shard: number, records: number): void {
  const next = seeded(shard);
  const upTo = cumulative(PROVINCES.map(([, thousands]) => thousands));
  const count: Count = {
    records,
    provinces: PROVINCES.map(() => 0),
    women: 0,
    ages: Array<number>(AGE_GROUPS).fill(0),
  };
  let women = 0;
  for (let i = 0; i < records; i++) {
    count.provinces[pick(upTo, next())]!++;
    if (next() < 0.501) women++;
    // Fewer of the old: the square root of chance leans a flat pyramid.
    const age = Math.floor(100 * (1 - Math.sqrt(1 - 0.96 * next())));
    count.ages[Math.min(AGE_GROUPS - 1, Math.floor(age / 10))]!++;
  }
  write(`shard-${shard}.json`, { ...count, women });
  process.stdout.write(`shard ${shard}: ${records} records, ${women} women\n`);
}

function addUp(shards: number): void {
  const total = {
    records: 0,
    provinces: PROVINCES.map(() => 0),
    women: 0,
    ages: Array<number>(AGE_GROUPS).fill(0),
  };
  for (let shard = 1; shard <= shards; shard++) {
    // Written whole by countShard, and there, because this job waits for those.
    const count = JSON.parse(readFileSync(join(directory, `shard-${shard}.json`), 'utf8')) as Count;
    total.records += count.records;
    total.women += count.women;
    for (const [i, persons] of count.provinces.entries()) total.provinces[i]! += persons;
    for (const [i, persons] of count.ages.entries()) total.ages[i]! += persons;
  }
  const counted = total.provinces.reduce((sum, persons) => sum + persons, 0);
  if (counted !== total.records)
    throw new Error(`${total.records} records, but ${counted} persons in the provinces`);
  write('total.json', total);
  const ranked = PROVINCES.map(([name], i) => ({ name, persons: total.provinces[i]! }));
  ranked.sort((a, b) => b.persons - a.persons);
  process.stdout.write(
    `${total.records} records, ${((100 * total.women) / total.records).toFixed(1)} % women\n`,
  );
  for (const { name, persons } of ranked)
    process.stdout.write(`${name.padEnd(18)} ${String(persons).padStart(9)}\n`);
}

function write(name: string, value: unknown): void {
  const draft = join(directory, `${name}.${process.pid}`);
  writeFileSync(draft, JSON.stringify(value));
  renameSync(draft, join(directory, name));
}

function cumulative(weights: readonly number[]): number[] {
  let sum = 0;
  const sums = weights.map((weight) => (sum += weight));
  return sums.map((upTo) => upTo / sum);
}

/** The first position whose cumulative share is above the draw. */
function pick(upTo: readonly number[], draw: number): number {
  let low = 0;
  let high = upTo.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (upTo[middle]! > draw) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** mulberry32 (T. Ettinger, public domain): the same shard has the same people every time. */
function seeded(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
