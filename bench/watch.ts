// A thousand watchers of ten jobs each and twenty of all, while ten thousand jobs come and go: what it costs to tell everybody
// everything, and that nobody misses, repeats or reorders an event: `node bench/watch.ts [JOBS]`.
//
// Three processes: the controller, the watchers, and here those who submit and the agents.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { conditions, figure } from './figure.ts';
import { startAgents } from './served/agents.ts';
import { openClient, submission, submitBatches, watch } from './served/calls.ts';
import { allEnded, messageOf, type ServedController, withController } from './served/controller.ts';
import { eventsInLog, firstGap, hear, type Heard, type Told } from './served/events.ts';
import { nowMs, percentile } from './served/measures.ts';

const JOBS = Number(process.argv[2] ?? 10_000);
const SMALL_WATCHERS = 1000;
const ALL_WATCHERS = 20;
const JOBS_A_SET = JOBS / SMALL_WATCHERS;
const BATCH = 100;
const DATA_CENTERS = 10;
const NODES = 50;
const RUN_MS = 5;
/** One identity may have 256 streams open. */
const STREAMS_A_PERSON = 120;

/** What the process of the watchers is told first; then the revision at which it is over. */
interface Order {
  readonly api: string;
  readonly watchers: readonly { readonly jobSet: string; readonly identityDir: string }[];
}

interface Watcher {
  readonly jobSet: string;
  /** Where it began. */
  readonly from: number;
  readonly heard: readonly Heard[];
}

/** What it answers at the end. */
interface Report {
  readonly watchers: readonly Watcher[];
  /** Of every revision in every response: which, with how many events, and when it came. */
  readonly arrivals: readonly (readonly [revision: number, events: number, ms: number])[];
  readonly rss: number;
}

async function main(): Promise<void> {
  conditions(
    console.log,
    `${JOBS} jobs in batches of ${BATCH} as fast as they are taken, ${DATA_CENTERS} data centers of ${NODES} nodes, runs of ${RUN_MS} ms; ${SMALL_WATCHERS} watchers of ${JOBS_A_SET} jobs and ${ALL_WATCHERS} of all, each on a connection of its own`,
  );
  console.log(
    '# processes: the controller, the watchers, the submitting client with the agents; mutual TLS between them, log on disk',
  );
  await withController('watch', measure);
}

async function measure(controller: ServedController): Promise<void> {
  const { api } = controller.doors;
  const people = Array.from(
    { length: Math.ceil((SMALL_WATCHERS + ALL_WATCHERS) / STREAMS_A_PERSON) },
    (_, i) => `person-${i}`,
  );
  const dataCenters = Array.from({ length: DATA_CENTERS }, (_, i) => `dc${i}`);
  const operator = await controller.found([...people, 'submitter'], dataCenters);
  const stopAgents = await startAgents(controller, dataCenters, { nodes: NODES, runMs: RUN_MS });
  const identities = await Promise.all(people.map((user) => controller.issuePerson(user)));
  const watchers = Array.from({ length: SMALL_WATCHERS + ALL_WATCHERS }, (_, i) => ({
    jobSet: i < SMALL_WATCHERS ? `set-${i}` : '',
    identityDir: identities[Math.floor(i / STREAMS_A_PERSON)]!,
  }));
  const child = fork(import.meta.filename, ['watchers'], { serialization: 'advanced' });
  try {
    const idle = await controller.ask('memory');
    child.send({ api, watchers } satisfies Order);
    await messageOf(child); // all watch
    const before = await controller.ask('memory');
    const cpuBefore = await controller.ask('cpuMs');
    await controller.ask('startDelay');

    // 1. Everything happens.
    const client = await openClient(api, await controller.issuePerson('submitter'));
    const began = nowMs();
    await submitBatches(client, batches());
    const over = await allEnded(operator);
    const cpuMs = (await controller.ask('cpuMs')) - cpuBefore;
    const delay = await controller.ask('delay');
    const peakRss = controller.rssBytes();
    const after = await controller.ask('memory');

    // 2. Everybody has heard of it.
    child.send(over);
    const report = (await messageOf(child)) as Report; // what beWatchers sends
    const durable = await controller.ask('durable');
    client.close();
    stopAgents();
    await controller.stop();

    // 3. And of nothing else.
    const events = await eventsInLog(controller.logDirectory);
    const delivered = report.arrivals.reduce((sum, [, count]) => sum + count, 0);
    const gaps = gapsOf(report.watchers, events, over);
    for (const gap of gaps.slice(0, 5)) console.log(`# ${gap}`);
    const lastMs = report.arrivals.reduce((last, [, , ms]) => Math.max(last, ms), 0);
    const seconds = (lastMs - began) / 1000;
    const waits = report.arrivals.map(([revision, , ms]) => ms - (durable[revision] ?? NaN));
    const weights = report.arrivals.map(([, count]) => count);
    figure(console.log, 'watch_gaps', gaps.length, 'watchers', { value: 0, better: 'lower' });
    figure(console.log, 'watch_events_in_log', events.length, 'events');
    figure(console.log, 'watch_events_delivered', delivered, 'events');
    figure(console.log, 'watch_delivery', delivered / seconds, 'events/s');
    figure(console.log, 'watch_jobs', (JOBS * 1000) / ((durable[over] ?? NaN) - began), 'jobs/s');
    figure(console.log, 'watch_delay_p50', percentile(waits, 0.5, weights), 'ms');
    figure(console.log, 'watch_delay_p99', percentile(waits, 0.99, weights), 'ms');
    figure(console.log, 'watch_event_loop_delay_p999', delay.p999, 'ms');
    figure(console.log, 'watch_controller_cpu', cpuMs / 1000 / seconds, 'CPUs');
    figure(console.log, 'watch_rss', after.rss / 2 ** 20, 'MiB');
    figure(console.log, 'watch_rss_at_the_end_of_the_work', peakRss / 2 ** 20, 'MiB');
    figure(console.log, 'watch_rss_idle', idle.rss / 2 ** 20, 'MiB');
    figure(console.log, 'watch_rss_all_connected', before.rss / 2 ** 20, 'MiB');
    figure(console.log, 'watch_rss_growth', (after.rss - before.rss) / 2 ** 20, 'MiB');
    figure(console.log, 'watch_client_rss', report.rss / 2 ** 20, 'MiB');
    if (gaps.length > 0) {
      throw new Error(`${gaps.length} watchers were not shown what the log says: ${gaps[0]}`);
    }
  } finally {
    child.kill('SIGKILL');
    operator.close();
  }
}

/** Every batch has jobs of a hundred sets. */
function* batches() {
  for (let at = 0; at < JOBS; at += BATCH) {
    yield Array.from({ length: Math.min(BATCH, JOBS - at) }, (_, i) =>
      submission(`job-${at + i}`, `set-${(at + i) % SMALL_WATCHERS}`, 100),
    );
  }
}

function gapsOf(watchers: readonly Watcher[], events: readonly Told[], until: number): string[] {
  const bySet = Map.groupBy(events, ({ jobSet }) => jobSet);
  return watchers.flatMap(({ jobSet, from, heard }) => {
    const mine = jobSet === '' ? events : (bySet.get(jobSet) ?? []);
    const gap = firstGap(heard, mine, from, until);
    return gap === undefined ? [] : [`the watcher of ${jobSet || 'everything'}: ${gap}`];
  });
}

async function beWatchers({ api, watchers }: Order): Promise<void> {
  const arrivals: [number, number, number][] = [];
  const states = await Promise.all(
    watchers.map(async ({ jobSet, identityDir }) => {
      const client = await openClient(api, identityDir);
      const heard: Heard[] = [];
      const state = { jobSet, from: 0, heard, revision: 0 };
      const begun = Promise.withResolvers<void>();
      watch(client, { jobSet, fromRevision: 0 }, (bytes) => {
        const ms = nowMs();
        const { revisions, response } = hear(bytes);
        state.revision = response.revision;
        if (state.from === 0) {
          state.from = response.revision;
          begun.resolve();
        } else heard.push(response);
        note(arrivals, revisions, ms);
      }).catch((error: unknown) => {
        throw error;
      });
      await begun.promise;
      return state;
    }),
  );
  const over = once(process, 'message');
  process.send?.('all watch');
  const [until] = (await over) as [number]; // what main sends then
  // Those who watch little hear of the end with a heartbeat.
  for (const deadline = nowMs() + 60_000; nowMs() < deadline; await sleep(50)) {
    if (states.every(({ revision }) => revision >= until)) break;
  }
  const report = { watchers: states, arrivals, rss: process.memoryUsage().rss } satisfies Report;
  process.send?.(report, undefined, undefined, () => process.exit());
}

/** Events of one revision come together. */
function note(
  arrivals: [number, number, number][],
  revisions: readonly number[],
  ms: number,
): void {
  for (let at = 0; at < revisions.length;) {
    const revision = revisions[at]!;
    let next = at + 1;
    while (revisions[next] === revision) next++;
    arrivals.push([revision, next - at, ms]);
    at = next;
  }
}

if (process.argv[2] === 'watchers') {
  process.once('message', (order) => void beWatchers(order as Order)); // what measure sends
} else {
  await main();
  // The leases of the agents have timers of an hour.
  process.exit();
}
