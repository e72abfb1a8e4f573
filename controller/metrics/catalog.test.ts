import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { REASONS } from '#domain/reasons.ts';
import { DIMENSIONS } from '#domain/resources.ts';
import { DataCenterState, isJobFinal, isRunFinal, JobState, RunState } from '#domain/states.ts';
import {
  DATA_CENTER_STATES,
  JOB_REASONS,
  JOB_RESULTS,
  JOB_STATES,
  METRICS,
  RESOURCES,
  RUN_RESULTS,
  RUN_STATES,
  type MetricName,
} from './catalog.ts';
import { README, toMarkdown } from './document.ts';

const metrics = Object.entries(METRICS) as [MetricName, (typeof METRICS)[MetricName]][];

describe('a name', () => {
  test.each(metrics)('%s says its unit', (name, { type, unit }) => {
    expect(name).toMatch(/^isobar_[a-z_]+$/);
    expect(name.endsWith(type === 'counter' ? `_${unit}_total` : `_${unit}`)).toBe(true);
  });
});

describe('labels', () => {
  test.each(metrics)(
    '%s crosses no more than two, and no data center with a tenant',
    (_, metric) => {
      const names = metric.labels.map((label) => label.name as string);
      expect(new Set(names).size).toBe(names.length);
      expect(names.includes('data_center') && names.includes('tenant')).toBe(false);
      for (const never of ['job', 'run', 'user', 'uid', 'le', 'quantile']) {
        expect(names).not.toContain(never);
      }
      expect(metric.unit === 'info' ? 0 : names.length).toBeLessThanOrEqual(2);
    },
  );

  test('have the names that the domain gives states and reasons', () => {
    expect(DATA_CENTER_STATES).toEqual(Object.keys(DataCenterState));
    const jobs = Object.entries(JobState);
    expect(JOB_STATES).toEqual(jobs.filter(([, s]) => !isJobFinal(s)).map(([name]) => name));
    expect(JOB_RESULTS).toEqual(jobs.filter(([, s]) => isJobFinal(s)).map(([name]) => name));
    // What was sent is observed and never a state of a run in the log.
    const runs = Object.entries(RunState).filter(([name]) => name !== 'SENT');
    expect(RUN_STATES).toEqual(runs.filter(([, s]) => !isRunFinal(s)).map(([name]) => name));
    expect(RUN_RESULTS).toEqual(runs.filter(([, s]) => isRunFinal(s)).map(([name]) => name));
    expect(Object.keys(REASONS)).toEqual(expect.arrayContaining([...JOB_REASONS]));
    expect(RESOURCES).toHaveLength(DIMENSIONS.length);
  });
});

test.each(metrics)('%s has a help that is a sentence, and buckets that rise', (_, metric) => {
  expect(metric.help).toMatch(/^[A-Z][^\\\n]*\.$/);
  if (metric.type !== 'histogram') return;
  const { buckets } = metric;
  expect(buckets).toEqual([...new Set(buckets)].toSorted((a, b) => a - b));
});

test('README.md is what the catalog gives: `node controller/metrics/document.ts` writes it', () => {
  expect(readFileSync(README, 'utf8')).toBe(toMarkdown());
});
