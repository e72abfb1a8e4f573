// What a scrape costs: `node bench/scrape.ts [JOBS] [CLASSES]`. The real loop with a nation in it, nothing else to do, scraped over HTTP
// with gzip as Prometheus does it. What it takes from the event loop is the time to render: sockets and gzip are elsewhere.
import { request } from 'node:http';
import type { SubmitItem } from '#core/command.ts';
import { emptyState } from '#core/state.ts';
import { toDataCenter, toItem, toTenant } from '#core/testing-words.ts';
import { Hello, NodeReport } from '#gen/isobar/v1/agent.ts';
import { ask } from '#loop/ask.ts';
import { Leases } from '#loop/leases.ts';
import { Loop } from '#loop/loop.ts';
import { MetricsSource } from '#loop/metrics-source.ts';
import { Sessions } from '#loop/sessions.ts';
import { SystemClock } from '#main/system.ts';
import { Exporter } from '#metrics/exporter.ts';
import { listenMetrics } from '#metrics/http.ts';
import { parseScrape } from '#metrics/text.contract.ts';
import type { Done, Log } from '#ports/log.ts';
import { SILENT } from '#ports/telemetry.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { conditions, figure } from './figure.ts';

const JOBS = Number(process.argv[2] ?? 1_000_000);
const BATCH = 10_000;
const DATA_CENTERS = 170;
const NODES = 100;
const TENANTS = 50;
/** Of each tenant. */
const CLASSES = Number(process.argv[3] ?? 200);
const METHODS = 80;
/** Of 14: hardly a method is ever answered with more. */
const CODES = 5;
const SCRAPES = 200;
const WHO = { actor: 'bench', method: 'bench', requestId: '' };

async function main(): Promise<void> {
  conditions(
    console.log,
    `${DATA_CENTERS} data centers of ${NODES} nodes, ${TENANTS} tenants, ${JOBS} queued jobs of ${TENANTS * CLASSES} classes, ${METHODS} methods with ${CODES} codes each, ${SCRAPES} scrapes`,
  );
  const clock = new SystemClock();
  const loop = new Loop({
    state: emptyState(),
    log: forgetfulLog(),
    clock,
    telemetry: SILENT,
    policy: DEFAULT_POLICY,
    onFatal: (error) => {
      throw error;
    },
  });
  const leases = new Leases({ loop, clock, telemetry: SILENT, onSilent: () => {} });
  const sessions = new Sessions({ loop, leases, clock, telemetry: SILENT });
  const source = new MetricsSource({ loop, leases, sessions, log: forgetfulLog() });
  const exporter = new Exporter({ source, openStreams: () => DATA_CENTERS, version: 'bench' });
  await fill(loop, sessions);
  callEverything(exporter);
  const listener = await listenMetrics({
    address: '127.0.0.1:0',
    render: () => exporter.render(),
    notReady: () => [],
    telemetry: SILENT,
  });
  try {
    await measure(exporter, listener.address);
  } finally {
    await listener.close();
    exporter.close();
    leases.close();
    sessions.close();
    await new Promise<void>((resolve) => loop.stop(resolve));
  }
}

async function measure(exporter: Exporter, address: string): Promise<void> {
  const text = await exporter.render();
  const series = parseScrape(text).series;
  figure(console.log, 'scrape_series', series, 'series', { value: 25_000, better: 'lower' });
  figure(console.log, 'scrape_text', Buffer.byteLength(text) / 1024, 'KiB');
  const renderMs: number[] = [];
  const cpuMs: number[] = [];
  for (let i = 0; i < SCRAPES; i++) {
    await turn();
    const cpuBegan = process.threadCpuUsage();
    const began = performance.now();
    await exporter.render();
    renderMs.push(performance.now() - began);
    const { user, system } = process.threadCpuUsage(cpuBegan);
    cpuMs.push((user + system) / 1000);
  }
  // Beside others on the machine, this is what it would take alone.
  figure(console.log, 'scrape_cpu_p50', percentile(cpuMs, 0.5), 'ms');
  figure(console.log, 'scrape_cpu_p99', percentile(cpuMs, 0.99), 'ms');
  figure(console.log, 'scrape_event_loop_p50', percentile(renderMs, 0.5), 'ms');
  const p99 = percentile(renderMs, 0.99);
  figure(console.log, 'scrape_event_loop_p99', p99, 'ms', { value: 10, better: 'lower' });
  const scrapeMs: number[] = [];
  for (let i = 0; i < SCRAPES; i++) scrapeMs.push(await scrape(address));
  figure(console.log, 'scrape_http_p50', percentile(scrapeMs, 0.5), 'ms');
  const slow = percentile(scrapeMs, 0.99);
  figure(console.log, 'scrape_http_p99', slow, 'ms', { value: 50, better: 'lower' });
}

/** From the request to the last byte. */
function scrape(address: string): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(`http://${address}/metrics`, { headers: { 'accept-encoding': 'gzip' } });
    asked.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(performance.now() - began));
    });
    asked.on('error', reject);
    asked.end();
  });
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Jobs that fit nowhere, in as many classes with as many kinds of limits as a nation may have; every node is half full. */
async function fill(loop: Loop, sessions: Sessions): Promise<void> {
  await ask(loop, { kind: 'foundFederation', federation: 'bench', incarnation: 1 }, WHO);
  for (let i = 0; i < TENANTS; i++) {
    const quota = {
      cpuMillis: 1e12,
      memoryMib: 1e12,
      storageMib: 1e12,
      deviceThousandths: 1e12,
      extra: {},
    };
    const entity = toTenant(`tenant-${i}`, { quota, homeRegion: `region-${i % 34}` });
    await ask(loop, { kind: 'putTenant', mode: 'create', entity, etag: undefined }, WHO);
  }
  for (let i = 0; i < DATA_CENTERS; i++) await join(loop, sessions, `data-center-${i}`, i);
  await submit(
    loop,
    DATA_CENTERS * NODES,
    () => toItem('', { id: '', cpu: 16, memoryMib: 1024 }),
    'runs',
  );
  const templates = Array.from({ length: CLASSES }, (_, i) =>
    toItem('', {
      id: '',
      cpu: 1000 + i,
      wants: i % 4 === 0 ? { regions: [`region-${i % 34}`] } : {},
    }),
  );
  await submit(loop, JOBS, (i) => templates[i % CLASSES]!, 'waits');
  // Until the scheduler has judged them all.
  for (let quiet = 0, seen = -1; quiet < 100; quiet++) {
    await turn();
    if (loop.stats.slice.sum !== seen) quiet = 0;
    seen = loop.stats.slice.sum;
  }
}

async function submit(
  loop: Loop,
  jobs: number,
  itemOf: (i: number) => SubmitItem,
  prefix: string,
): Promise<void> {
  for (let at = 0, batch = 0; at < jobs; at += BATCH, batch++) {
    const items = Array.from({ length: Math.min(BATCH, jobs - at) }, (_, i) => ({
      ...itemOf(at + i),
      id: `${prefix}-${at + i}`,
    }));
    const tenant = `tenant-${batch % TENANTS}`;
    await ask(loop, { kind: 'submitJobs', tenant, user: 'u', items, allOrNothing: false }, WHO);
  }
}

async function join(loop: Loop, sessions: Sessions, id: string, i: number): Promise<void> {
  const entity = toDataCenter(id, { region: `region-${i % 34}`, latitude: -6.2, longitude: 106.8 });
  await ask(loop, { kind: 'putDataCenter', mode: 'create', entity, etag: undefined }, WHO);
  const nodes = Array.from({ length: NODES }, (_, node) =>
    NodeReport.fromPartial({
      node: `node-${node}`,
      role: 'gpu',
      allocatable: { cpuMillis: 32_000, memoryMib: 262_144, storageMib: 1_000_000 },
      devices: [{ model: 'a', memoryMib: 40_960 }],
      foreign: { cpuMillis: 500, memoryMib: 512 },
    }),
  );
  const hello = Hello.fromPartial({ protocol: 1, executor: 'simulated', placement: 1, nodes });
  sessions.connect(id, hello, { send: () => true, close: () => {} });
}

function callEverything(exporter: Exporter): void {
  for (let method = 0; method < METHODS; method++) {
    for (let code = 0; code < CODES; code++) {
      exporter.observeCall(`/isobar.v1.JobService/Method${method}`, `CODE_${code}`, 0.01);
    }
  }
}

/** The disk is not what is measured. */
function forgetfulLog(): Log {
  const head = { lastRevision: 0, oldestRevision: 1, checkpointRevision: 0 };
  const append = (_: unknown, done: Done): void => void setImmediate(() => done(undefined));
  // Nothing else is asked of it here: nobody reads, and nothing is recovered.
  return { head, append, readSpecs: () => {} } as Partial<Log> as Log;
}

await main();
