// The text format of Prometheus, version 0.0.4, for the metrics of the catalog.
// https://prometheus.io/docs/instrumenting/exposition_formats/
import type { Observed } from '#ports/figures.ts';
import { METRICS, type LabelValues, type MetricName } from './catalog.ts';

export type HistogramName = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends 'histogram' ? N : never;
}[MetricName];
export type SampleName = Exclude<MetricName, HistogramName>;

/** Writes one sample: the values of the labels in their order, then the number. */
export type Sample<N extends SampleName> = (
  ...labelsAndValue: [...labels: LabelValues<N>, value: number]
) => void;

/** One scrape: families one after another, each with its head and all of its samples. */
export class Page {
  #text = '';

  get text(): string {
    return this.#text;
  }

  samples<N extends SampleName>(name: N): Sample<N> {
    this.#head(name);
    // What stands before each value: without labels only the name, else `name{first="`, `",second="` and so on.
    const names = METRICS[name].labels.map((label) => label.name);
    const before = names.map((label, i) => (i === 0 ? `${name}{${label}="` : `",${label}="`));
    const end = names.length === 0 ? `${name} ` : '"} ';
    return (...labelsAndValue) => {
      let line = '';
      for (let i = 0; i < before.length; i++) {
        // A tuple of strings that ends with a number, as the type says.
        line += before[i]! + escaped(labelsAndValue[i] as string);
      }
      this.#text += `${line}${end}${numberOf(labelsAndValue[before.length] as number)}\n`;
    };
  }

  histogram(name: HistogramName, { counts, sum }: Observed): void {
    this.#head(name);
    const { buckets } = METRICS[name];
    let count = 0;
    for (const [i, bound] of buckets.entries()) {
      count += counts[i] ?? 0;
      this.#text += `${name}_bucket{le="${bound}"} ${count}\n`;
    }
    count += counts[buckets.length] ?? 0;
    this.#text += `${name}_bucket{le="+Inf"} ${count}\n`;
    this.#text += `${name}_sum ${numberOf(sum)}\n${name}_count ${count}\n`;
  }

  #head(name: MetricName): void {
    const { help, type } = METRICS[name];
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }
}

function escaped(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function numberOf(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
