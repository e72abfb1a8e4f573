import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import type { Figures } from '#ports/figures.ts';
import { METRICS, type MetricName } from './catalog.ts';
import { Exporter } from './exporter.ts';
import { toFigures } from './figures.contract.ts';
import type { Page } from './text.ts';
import { differencesFromCatalog, parseScrape, type Scrape } from './text.contract.ts';

const exporters: Exporter[] = [];
afterEach(() => {
  for (const exporter of exporters.splice(0)) exporter.close();
});

function exporterOf(figures: Figures): Exporter {
  const source = { figures: () => figures };
  const exporter = new Exporter({ source, openStreams: () => 2, version: '1.2.3' });
  exporters.push(exporter);
  return exporter;
}

async function scrapeOf(figures: Figures): Promise<Scrape> {
  const exporter = exporterOf(figures);
  exporter.observeCall('/isobar.v1.JobService/SubmitJobs', 'OK', 0.02);
  return parseScrape(await exporter.render());
}

describe('a scrape', () => {
  test('holds every metric of the catalog with samples, and nothing else', async () => {
    const scrape = await scrapeOf(toFigures());
    expect(differencesFromCatalog(scrape)).toEqual([]);
    for (const [name, { samples }] of scrape.families)
      expect([name, samples.length > 0]).toEqual([name, true]);
  });

  test('names every metric when the federation is empty, too', async () => {
    const scrape = await scrapeOf({
      ...toFigures({ dataCenters: [], tenants: [] }),
      logBytes: undefined,
    });
    expect(differencesFromCatalog(scrape)).toEqual([]);
    expect(scrape.families.get('isobar_data_center_nodes')?.samples).toEqual([]);
    expect(scrape.families.get('isobar_log_size_bytes')?.samples).toEqual([]);
  });

  test('is in plain units', async () => {
    const scrape = await scrapeOf(toFigures());
    const capacity = (resource: string) =>
      scrape.value('isobar_data_center_capacity_amount', { data_center: 'dc-0', resource });
    expect(capacity('cpu_cores')).toBe(64);
    expect(capacity('memory_bytes')).toBe(2 ** 30);
    expect(capacity('storage_bytes')).toBe(2 ** 31);
    expect(capacity('devices')).toBe(8);
  });

  test('tells pressure where there is capacity', async () => {
    const dataCenters = [{}, { capacity: [0, 0, 0, 0] }];
    const scrape = await scrapeOf(toFigures({ dataCenters }));
    const pressure = (data_center: string, resource: string) =>
      scrape.value('isobar_data_center_pressure_ratio', { data_center, resource });
    expect(pressure('dc-0', 'cpu_cores')).toBe(1.25);
    expect(pressure('dc-0', 'memory_bytes')).toBe(0.25);
    expect(pressure('dc-1', 'cpu_cores')).toBeUndefined();
  });

  test('counts data centers by state and connection', async () => {
    const dataCenters = [
      {},
      {},
      { isReachable: false },
      { state: 'LEFT', isReachable: false },
    ] as const;
    const scrape = await scrapeOf(toFigures({ dataCenters }));
    const count = (state: string, reachable: string) =>
      scrape.value('isobar_federation_data_centers', { state, reachable });
    expect(count('ACTIVE', 'true')).toBe(2);
    expect(count('ACTIVE', 'false')).toBe(1);
    expect(count('LEFT', 'false')).toBe(1);
    expect(count('DRAINING', 'true')).toBe(0);
  });

  test('has no quota where there is none', async () => {
    const scrape = await scrapeOf(toFigures());
    const quota = (resource: string) =>
      scrape.value('isobar_tenant_quota_amount', { tenant: 't-0', resource });
    expect(quota('cpu_cores')).toBe(4);
    expect(quota('memory_bytes')).toBeUndefined();
  });

  test('gives back labels as they were, whatever is in them', async () => {
    const region = 'a "b" \\n c\\ \n d {e="f"} é';
    const scrape = await scrapeOf(toFigures({ dataCenters: [{ region }] }));
    const [sample] = scrape.families.get('isobar_data_center_info')?.samples ?? [];
    expect(sample?.labels['region']).toBe(region);
  });

  test('counts calls by method and code', async () => {
    const exporter = exporterOf(toFigures());
    const method = 'isobar.v1.JobService/SubmitJobs';
    exporter.observeCall(`/${method}`, 'OK', 0.02);
    exporter.observeCall(`/${method}`, 'OK', 60);
    exporter.observeCall(`/${method}`, 'NOT_FOUND', 0.001);
    const scrape = parseScrape(await exporter.render());
    expect(scrape.value('isobar_grpc_calls_total', { method, code: 'OK' })).toBe(2);
    expect(scrape.value('isobar_grpc_calls_total', { method, code: 'NOT_FOUND' })).toBe(1);
    const within = (le: string) =>
      scrape.value('isobar_grpc_call_seconds', { method, le }, '_bucket');
    expect([within('0.025'), within('30'), within('+Inf')]).toEqual([2, 2, 3]);
  });

  test('adds its buckets up', async () => {
    const scrape = await scrapeOf(toFigures());
    const { buckets } = METRICS.isobar_log_group_records;
    const name = 'isobar_log_group_records' satisfies MetricName;
    expect(scrape.value(name, { le: '4' }, '_bucket')).toBe(2);
    expect(scrape.value(name, {}, '_count')).toBe(buckets.length + 1);
    expect(scrape.value(name, {}, '_sum')).toBe(1.5);
  });

  test('of 170 data centers and 50 tenants has at most 25,000 series, every method and code called', async () => {
    const dataCenters = Array.from({ length: 170 }, () => ({}));
    const tenants = Array.from({ length: 50 }, () => ({ quota: [1, 1, 1, 1] }));
    const exporter = exporterOf(toFigures({ dataCenters, tenants }));
    for (let method = 0; method < 80; method++) {
      for (let code = 0; code < 14; code++) exporter.observeCall(`/m/${method}`, `C${code}`, 0.1);
    }
    expect(parseScrape(await exporter.render()).series).toBeLessThanOrEqual(25_000);
  });
});

/** Never called: that this compiles, with the errors that it expects, is the test. */
export function onlyTheCatalog(page: Page): void {
  const nodes = page.samples('isobar_data_center_nodes');
  nodes('a', 1);
  const state = page.samples('isobar_data_center_state_info');
  state('a', 'ACTIVE', 1);
  // @ts-expect-error -- there is no such metric
  page.samples('isobar_jobs_of_ada');
  // @ts-expect-error -- a histogram is not a sample
  page.samples('isobar_log_append_seconds');
  // @ts-expect-error -- the label is missing
  nodes(1);
  // @ts-expect-error -- there is no second label
  nodes('a', 'b', 1);
  // @ts-expect-error -- there is no such state
  state('a', 'SLEEPING', 1);
}

describe('promtool', () => {
  const isThere = spawnSync('promtool', ['--version']).error === undefined;
  if (!isThere)
    console.log('promtool is not on PATH: the scrape is checked by our own parser only');

  // Prometheus's own checker comes from the system and is not on every machine.
  test.skipIf(!isThere)('finds nothing to say about a scrape', async () => {
    const exporter = exporterOf(toFigures());
    exporter.observeCall('/isobar.v1.JobService/SubmitJobs', 'OK', 0.02);
    const input = await exporter.render();
    const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], { input });
    expect([status, String(stdout), String(stderr)]).toEqual([0, '', '']);
  });
});

describe('the parser', () => {
  const head = '# HELP isobar_x_jobs X.\n# TYPE isobar_x_jobs gauge\n';

  test.each([
    ['a last line that does not end', `${head}isobar_x_jobs 1`],
    ['a sample without a family', 'isobar_x_jobs 1\n'],
    ['a sample of another family', `${head}isobar_y_jobs 1\n`],
    ['the same series twice', `${head}isobar_x_jobs{a="b"} 1\nisobar_x_jobs{a="b"} 2\n`],
    ['the same family twice', `${head}isobar_x_jobs 1\n${head}`],
    ['no HELP', '# TYPE isobar_x_jobs gauge\n'],
    ['a bare quote', `${head}isobar_x_jobs{a="b"c"} 1\n`],
    ['an unknown escape', `${head}isobar_x_jobs{a="\\t"} 1\n`],
    ['a number that is none', `${head}isobar_x_jobs one\n`],
    ['a time', `${head}isobar_x_jobs 1 1700000000\n`],
    [
      'a negative counter',
      '# HELP isobar_x_total X.\n# TYPE isobar_x_total counter\nisobar_x_total -1\n',
    ],
  ])('refuses %s', (_, text) => {
    expect(() => parseScrape(text)).toThrow(/line|isobar_x/);
  });
});
