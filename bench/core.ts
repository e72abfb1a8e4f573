// What the core and the scheduler cost without log, loop and network: `node bench/core.ts [PART…]`. Each part has a process of its
// own, so that its memory is its own. Times are of the CPU, so that they can be compared on a busy machine.
import { spawnSync } from 'node:child_process';
import { classKeyOf } from '#core/class-key.ts';
import type { SubmitItem } from '#core/command.ts';
import { decide } from '#core/decide.ts';
import { foldRecord } from '#core/fold.ts';
import { observe } from '#core/observe.ts';
import { Overlay } from '#core/overlay.ts';
import { emptyState, type State } from '#core/state.ts';
import { toDataCenter, toNodes, toShape, toTenant, type JobWords } from '#core/testing-words.ts';
import type { Command } from '#core/command.ts';
import { Pace } from '#loop/pace.ts';
import { collect, Cursor, plan, QueueSupply } from '#scheduler/plan.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { conditions, figure, type Target } from './figure.ts';

const PARTS = { queue, nodes, place, refit, mixed, mixedMore } as const;
const BATCH = 1000;
const MIB = 2 ** 20;
const pace = new Pace();

/** A million queued jobs of ten thousand classes. */
function queue(): void {
  const jobs = 1_000_000;
  const classes = 10_000;
  conditions(console.log, `${jobs} jobs of ${classes} classes, in batches of ${BATCH}`);
  const state = federation(0, 0);
  const before = memory();
  let tookMs = 0;
  for (let at = 0; at < jobs; at += BATCH) {
    const items = Array.from({ length: BATCH }, (_, i) => {
      return item(`job-${at + i}`, { cpu: 100 + ((at + i) % classes) });
    });
    tookMs += timeOf(() => run(state, submission(items)));
  }
  const after = memory();
  figure(console.log, 'core_submit', (tookMs / jobs) * 1000, 'µs/job', {
    value: 5,
    better: 'lower',
  });
  figure(console.log, 'core_job_memory', (after.live - before.live) / jobs, 'bytes/job', {
    value: 350,
    better: 'lower',
  });
  figure(console.log, 'core_queue_rss', after.rss / MIB, 'MiB', { value: 1024, better: 'lower' });
  let at = 0;
  const restMs = timeOf(() => {
    for (const jobClass of state.classes.values()) at += jobClass.length;
  });
  if (at !== jobs || restMs < 0) throw new Error('jobs are missing');
}

/** Half a million nodes in a hundred data centers. */
function nodes(): void {
  conditions(console.log, '100 data centers of 5000 nodes, four labels each');
  const before = memory();
  const begin = cpuMs();
  const state = federation(100, 5000);
  const tookMs = cpuMs() - begin;
  const after = memory();
  figure(console.log, 'core_join_node', (tookMs / state.nodes.live) * 1000, 'µs/node');
  figure(console.log, 'core_nodes_in_use', (after.live - before.live) / MIB, 'MiB');
  figure(console.log, 'core_nodes_rss', (after.rss - before.rss) / MIB, 'MiB', {
    value: 250,
    better: 'lower',
  });
}

/** Jobs that fit, from the queue to their nodes. */
function place(): void {
  const jobs = 200_000;
  conditions(console.log, `${jobs} jobs of 100 classes, 100 data centers of 5000 nodes`);
  const state = federation(100, 5000);
  for (let at = 0; at < jobs; at += BATCH) {
    const items = Array.from({ length: BATCH }, (_, i) => {
      return item(`job-${at + i}`, { cpu: 1 + ((at + i) % 100) / 100 });
    });
    run(state, submission(items));
  }
  const cursor = new Cursor(state);
  const overlay = new Overlay(state);
  const slices: number[] = [];
  let placed = 0;
  const begin = cpuMs();
  for (let isDone = false; !isDone;) {
    const from = cpuMs();
    const pass = slice(state, cursor, overlay);
    slices.push(cpuMs() - from);
    placed += pass.placed;
    isDone = pass.isDone;
  }
  const tookMs = cpuMs() - begin;
  const longest = slices.toSorted((a, b) => a - b).at(-Math.ceil(slices.length / 1000)) ?? 0;
  if (placed !== jobs) throw new Error(`${placed} of ${jobs} were placed`);
  figure(console.log, 'core_place', (tookMs / placed) * 1000, 'µs/job', {
    value: 25,
    better: 'lower',
  });
  figure(console.log, 'core_place_slice_p999', longest, 'ms', { value: 20, better: 'lower' });
}

/** Ten thousand classes that fit nowhere, judged for the first time and when one node has room again. */
function refit(): void {
  const classes = 10_000;
  conditions(console.log, `${classes} classes that fit nowhere, 100 data centers of 50 full nodes`);
  const state = federation(100, 50);
  run(state, submission(Array.from({ length: 5000 }, (_, i) => item(`full-${i}`, { cpu: 64 }))));
  const cursor = new Cursor(state);
  settle(state, cursor);
  for (let at = 0; at < classes; at += BATCH) {
    run(
      state,
      submission(
        Array.from({ length: BATCH }, (_, i) =>
          item(`wait-${at + i}`, { cpu: 10 + (at + i) / 1000 }),
        ),
      ),
    );
  }
  const firstMs = timeOf(() => settle(state, cursor));
  figure(console.log, 'core_judge_first', (firstMs / classes) * 1000, 'µs/class', {
    value: 100,
    better: 'lower',
  });
  observe(state, foreign(0));
  observe(state, foreign(1));
  observe(state, foreign(0));
  const againMs = timeOf(() => settle(state, cursor));
  figure(console.log, 'core_judge_again', (againMs / classes) * 1000, 'µs/class', {
    value: 10,
    better: 'lower',
  });
}

/** Hardly any two jobs are equal: each has a class of its own, so there is as much to order as there are jobs. */
function mixed(): void {
  slicesOf(100_000);
}

function mixedMore(): void {
  slicesOf(300_000);
}

function slicesOf(classes: number): void {
  conditions(console.log, `${classes} classes of one job, 10 data centers of 50 nodes`);
  const state = federation(10, 50);
  for (let at = 0; at < classes; at += BATCH) {
    const items = Array.from({ length: BATCH }, (_, i) =>
      item(`job-${at + i}`, { cpu: 1 + i / 1000, memoryMib: 1000 + at / BATCH }),
    );
    run(state, submission(items));
  }
  const cursor = new Cursor(state);
  // From the first look at all of them until those that fit have been placed, and then again because a node has room once more.
  for (const look of ['first', 'again']) {
    const slices = slicesUntilDone(state, cursor).toSorted((a, b) => a - b);
    const name = `core_mixed_${classes / 1000}k_${look}`;
    const totalMs = slices.reduce((sum, ms) => sum + ms, 0);
    figure(console.log, `${name}_slice_p50`, slices[slices.length >> 1] ?? 0, 'ms', target(5));
    const p99 = slices.at(-Math.ceil(slices.length / 100)) ?? 0;
    figure(console.log, `${name}_slice_p99`, p99, 'ms', target(5));
    figure(console.log, `${name}_slice_max`, slices.at(-1) ?? 0, 'ms', target(20));
    figure(console.log, `${name}_total`, totalMs / 1000, 's');
    observe(state, foreign(1));
    observe(state, foreign(0));
  }
}

function target(value: number): Target {
  return { value, better: 'lower' };
}

/** How long each took by the clock: CPU time is only counted by the tick, which is as long as a slice. */
function slicesUntilDone(state: State, cursor: Cursor): number[] {
  const overlay = new Overlay(state);
  const slices: number[] = [];
  for (let isDone = false; !isDone;) {
    const from = performance.now();
    ({ isDone } = slice(state, cursor, overlay));
    slices.push(performance.now() - from);
  }
  return slices;
}

function foreign(cpu: number) {
  const what = { cpuMillis: cpu, memoryMib: 0, storageMib: 0 };
  return { kind: 'foreignUse', dataCenter: 'dc0', node: 'n1', ...what } as const;
}

function settle(state: State, cursor: Cursor): void {
  const overlay = new Overlay(state);
  while (!slice(state, cursor, overlay).isDone);
}

function slice(
  state: State,
  cursor: Cursor,
  overlay: Overlay,
): { readonly placed: number; readonly isDone: boolean } {
  const begin = performance.now();
  if (!collect(state, cursor)) return { placed: 0, isDone: false };
  if (cursor.ready.size === 0) return { placed: 0, isDone: true };
  const result = plan(state, overlay, DEFAULT_POLICY, cursor, new QueueSupply(state), pace.steps);
  const { decisions, isDone } = result;
  overlay.clear();
  if (decisions.length > 0) run(state, { kind: 'place', placements: decisions });
  // As in the loop, by the clock.
  pace.took(result.steps, performance.now() - begin);
  return { placed: decisions.length, isDone };
}

function federation(dataCenters: number, nodesOfEach: number): State {
  const state = emptyState();
  run(state, { kind: 'foundFederation', federation: 'bench', incarnation: 1 });
  const words = { maxQueuedJobs: 10_000_000 };
  run(state, { kind: 'putTenant', mode: 'create', entity: toTenant('t', words), etag: undefined });
  for (let i = 0; i < dataCenters; i++) {
    const id = `dc${i}`;
    run(state, {
      kind: 'putDataCenter',
      mode: 'create',
      entity: toDataCenter(id),
      etag: undefined,
    });
    const labels = { zone: `z${i % 3}`, rack: `r${i % 10}`, os: 'linux', arch: 'amd64' };
    run(state, {
      kind: 'joinDataCenter',
      id,
      executor: 'simulated',
      placement: 1,
      offers: [],
      nodes: toNodes(nodesOfEach, { cpu: 64, labels }),
      runs: [],
    });
    observe(state, { kind: 'sessionOpened', dataCenter: id, number: 1, credit: 1_000_000 });
  }
  return state;
}

function run(state: State, command: Command): void {
  const nowMs = 1_800_000_000_000;
  const outcome = decide(state, command, { actor: 'bench', method: '', requestId: '', nowMs });
  if (outcome.kind === 'refusal') throw new Error(outcome.message);
  if (outcome.events.length > 0) foldRecord(state, state.revision + 1, nowMs, outcome.events);
}

function submission(items: readonly SubmitItem[]): Command {
  return { kind: 'submitJobs', tenant: 't', user: 'ada', items, allOrNothing: false };
}

let digests = 0;
function item(id: string, words: Omit<JobWords, 'id'>): SubmitItem {
  const jobClass = toShape({ id, ...words });
  const specDigest = new Uint8Array(16);
  new DataView(specDigest.buffer).setUint32(0, ++digests);
  return {
    id,
    jobSet: '',
    jobClass,
    classKey: classKeyOf(jobClass),
    specDigest,
    keyDigest: new Uint8Array(),
    expectedRunMs: 0,
    held: false,
    after: [],
    spec: new Uint8Array(),
    labels: '',
  };
}

/** CPU time of this thread: what else runs on the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function timeOf(work: () => void): number {
  const begin = cpuMs();
  work();
  return cpuMs() - begin;
}

/** Bytes after a collection: resident, and live in the heap and in columns. */
function memory(): { readonly rss: number; readonly live: number } {
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { rss, live: heapUsed + arrayBuffers };
}

const [part] = process.argv.slice(2);
if (part !== undefined && process.argv.length === 3 && Object.hasOwn(PARTS, part)) {
  // The name is a key, as was just seen.
  PARTS[part as keyof typeof PARTS]();
} else {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
  for (const name of wanted) {
    if (!Object.hasOwn(PARTS, name))
      throw new Error(`no part ${name}; there are ${Object.keys(PARTS).join(', ')}`);
    const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc'];
    const { status } = spawnSync(process.execPath, [...flags, import.meta.filename, name], {
      stdio: 'inherit',
    });
    if (status !== 0) process.exitCode = 1;
  }
}
