// README.md of this folder, from the catalog: `node controller/metrics/document.ts` writes it, and a test holds it to the catalog.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS, type MetricName } from './catalog.ts';

export const README = join(import.meta.dirname, 'README.md');

export function toMarkdown(): string {
  const rows = (Object.keys(METRICS) as MetricName[]).map(rowOf);
  return [
    '# Metrics of the controller',
    '',
    'Written by `node controller/metrics/document.ts` from `catalog.ts`; change that.',
    '',
    'Counters begin anew when the controller does, except `isobar_audit_records_total`. A `ratio` is 1 when full, a `condition` is',
    '1 or 0, an `info` is always 1, and an `amount` is in the unit that ends its label `resource`.',
    '',
    '| metric | type | unit | labels | what it says |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function rowOf(name: MetricName): string {
  const { type, unit, labels, help } = METRICS[name];
  const described = labels.map((label) => {
    const from = 'values' in label ? label.values.join(', ') : label.source;
    return `\`${label.name}\`: ${from}`;
  });
  return `| \`${name}\` | ${type} | ${unit} | ${described.join('; ')} | ${help} |`;
}

if (import.meta.main) writeFileSync(README, toMarkdown());
