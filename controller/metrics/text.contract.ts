// What every scrape must be: the text format, read strictly, and nothing but the catalog in it. For tests and benchmarks.
// https://prometheus.io/docs/instrumenting/exposition_formats/
import { METRICS, type MetricName } from './catalog.ts';

interface ParsedSample {
  /** With `_bucket`, `_sum` or `_count` for histograms. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: ParsedSample[];
}

export class Scrape {
  readonly families = new Map<string, Family>();

  get series(): number {
    let count = 0;
    for (const { samples } of this.families.values()) count += samples.length;
    return count;
  }

  /** Value of the one sample with these labels; undefined: there is none. */
  value(
    family: MetricName,
    labels: Readonly<Record<string, string>> = {},
    suffix = '',
  ): number | undefined {
    const wanted = keyOf(family + suffix, labels);
    const found = this.families
      .get(family)
      ?.samples.find((sample) => keyOf(sample.name, sample.labels) === wanted);
    return found?.value;
  }
}

/** Throws with the line that is wrong. Each family must have HELP, TYPE and then all of its samples, once. */
export function parseScrape(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const scrape = new Scrape();
  const seen = new Set<string>();
  let family: Family | undefined;
  let help: { readonly name: string; readonly text: string } | undefined;
  for (const [i, line] of text.slice(0, -1).split('\n').entries()) {
    const fail = (why: string): never => {
      throw new Error(`line ${i + 1}: ${why}: ${line}`);
    };
    if (line === '') continue;
    const head = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (head !== null) {
      const [, kind, name = '', rest = ''] = head;
      if (kind === 'HELP') {
        if (scrape.families.has(name)) fail('a second family of this name');
        help = { name, text: rest };
        continue;
      }
      if (help?.name !== name) fail('TYPE without HELP before it');
      if (!['gauge', 'counter', 'histogram'].includes(rest)) fail('an unknown type');
      family = { name, help: help?.text ?? '', type: rest, samples: [] };
      help = undefined;
      scrape.families.set(name, family);
      continue;
    }
    if (line.startsWith('#')) fail('a comment');
    const sample = parseSample(line) ?? fail('no sample');
    if (family === undefined || help !== undefined) return fail('a sample outside of a family');
    const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    if (!suffixes.some((suffix) => sample.name === family?.name + suffix)) fail('another family');
    const key = keyOf(sample.name, sample.labels);
    if (seen.has(key)) fail('a second sample of the same series');
    seen.add(key);
    family.samples.push(sample);
  }
  for (const parsed of scrape.families.values()) checkFamily(parsed);
  return scrape;
}

const SAMPLE = /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/;
const NUMBER = /^(?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;

function parseSample(line: string): ParsedSample | undefined {
  const [, name, pairs = '', value = ''] = SAMPLE.exec(line) ?? [];
  if (name === undefined || !NUMBER.test(value) || pairs.endsWith(',')) return undefined;
  const labels: Record<string, string> = {};
  for (const [, label = '', escaped = ''] of pairs.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
    if (Object.hasOwn(labels, label)) return undefined;
    labels[label] = escaped.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  }
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}

function checkFamily({ name, type, samples }: Family): void {
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0 && value < Infinity))) {
    throw new Error(`${name}: a counter that is no finite number from 0`);
  }
  if (type !== 'histogram') return;
  const groups = Map.groupBy(samples, ({ labels }) => keyOf('', { ...labels, le: '' }));
  for (const group of groups.values()) {
    const buckets = group.filter((sample) => sample.name.endsWith('_bucket'));
    const bounds = buckets.map(({ labels }) =>
      Number((labels['le'] ?? '').replace('Inf', 'Infinity')),
    );
    const counts = buckets.map(({ value }) => value);
    const rises = (numbers: readonly number[]): boolean =>
      numbers.every((number, i) => i === 0 || number >= numbers[i - 1]!);
    const count = group.find((sample) => sample.name.endsWith('_count'))?.value;
    if (!rises(bounds) || !rises(counts) || bounds.at(-1) !== Infinity || counts.at(-1) !== count) {
      throw new Error(`${name}: buckets that do not add up`);
    }
  }
}

/** What is wrong between a scrape and the catalog: families that one has and the other has not, and labels that are not as said. */
export function differencesFromCatalog(scrape: Scrape): readonly string[] {
  const findings: string[] = [];
  for (const [name, { help, type, labels }] of Object.entries(METRICS)) {
    const family = scrape.families.get(name);
    if (family?.help !== help || family.type !== type) findings.push(`${name}: not as described`);
    for (const sample of family?.samples ?? []) {
      const { le: _, ...given } = sample.labels;
      if (Object.keys(given).join() !== labels.map((label) => label.name).join()) {
        findings.push(`${sample.name}: labels ${Object.keys(given).join()}`);
      }
      for (const label of labels) {
        const value = given[label.name] ?? '';
        if ('values' in label && !(label.values as readonly string[]).includes(value)) {
          findings.push(`${sample.name}: ${label.name}="${value}"`);
        }
      }
    }
  }
  for (const name of scrape.families.keys()) {
    if (!Object.hasOwn(METRICS, name)) findings.push(`${name}: not in the catalog`);
  }
  return findings;
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, pairs]);
}
