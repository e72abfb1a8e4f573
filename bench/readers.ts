// A thousand clients that watch everything and read nothing, for a minute, while events flow: what they cost the controller, and
// that they are sent away with the revision from which they can go on: `node bench/readers.ts [READERS]`.
//
// Three processes: the controller, the readers, and here those who submit and the agents.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@grpc/grpc-js';
import { loadCredentials } from '#client/credentials.ts';
import { conditions, figure } from './figure.ts';
import { startAgents } from './served/agents.ts';
import { openClient, openWatch, submission, submitBatches, watch } from './served/calls.ts';
import { allEnded, messageOf, type ServedController, withController } from './served/controller.ts';
import { DeafWatch, type Fate } from './served/deaf-watch.ts';
import { eventsInLog, firstGap, hear } from './served/events.ts';
import { nowMs } from './served/measures.ts';
import { scrapedValue } from './served/scrapes.ts';

const READERS = Number(process.argv[2] ?? 1000);
const MINUTE_MS = 60_000;
const JOBS_A_SECOND = 500;
const PACE_MS = 20;
/** So many that the controller keeps as much as it ever will, and its memory has settled. */
const WARM_JOBS = 90_000;
const DATA_CENTERS = 10;
const NODES = 50;
const RUN_MS = 5;
/** One identity may have 256 streams open. */
const STREAMS_A_PERSON = 120;
/** What HTTP/2 lets a stream have on the way, and the rest of a response that was begun. */
const MOST_UNREAD_BYTES = 2 * 65_535 + 128 * 1024;
const RESUMED = 10;

interface Order {
  readonly api: string;
  /** Folders, one for each reader. */
  readonly identities: readonly string[];
  readonly fromRevision: number;
}

async function main(): Promise<void> {
  conditions(
    console.log,
    `${READERS} readers, each on a connection of its own; ${JOBS_A_SECOND} jobs/s, ${DATA_CENTERS} data centers of ${NODES} nodes, runs of ${RUN_MS} ms; open files: ${openFiles()}`,
  );
  console.log(
    '# processes: the controller, the readers, the submitting client with the agents; mutual TLS between them, log on disk; RSS is of the controller, after collections',
  );
  await withController('readers', measure);
}

async function measure(controller: ServedController): Promise<void> {
  const { api } = controller.doors;
  const people = Array.from(
    { length: Math.ceil(READERS / STREAMS_A_PERSON) },
    (_, i) => `person-${i}`,
  );
  const dataCenters = Array.from({ length: DATA_CENTERS }, (_, i) => `dc${i}`);
  const operator = await controller.found([...people, 'submitter'], dataCenters);
  const stopAgents = await startAgents(controller, dataCenters, { nodes: NODES, runMs: RUN_MS });
  const client = await openClient(api, await controller.issuePerson('submitter'));

  // 1. The controller at work, with one watch that reads.
  const reading = openWatch(client, { jobSet: '', fromRevision: 0 }, () => {});
  reading.on('error', () => {}); // it is cancelled at the end
  await submitBatches(client, warmBatches());
  await allEnded(operator);
  const warm = await memoryOf(controller);
  await flow(client, 'alone', MINUTE_MS);
  await allEnded(operator);
  const alone = await memoryOf(controller);

  // 2. The same with the readers.
  const identities = await Promise.all(people.map((user) => controller.issuePerson(user)));
  const child = fork(import.meta.filename, ['readers'], { serialization: 'advanced' });
  try {
    const order = Array.from({ length: READERS }, (_, i) => {
      return identities[Math.floor(i / STREAMS_A_PERSON)]!;
    });
    const { revision } = await operator.federation.get();
    child.send({ api, identities: order, fromRevision: revision } satisfies Order);
    await messageOf(child); // all are connected
    const connected = await memoryOf(controller);
    const over = new AbortController();
    let peakRss = 0;
    const flowing = flow(client, 'beside', 2 * MINUTE_MS, () => over.signal.aborted);
    for (const until = nowMs() + MINUTE_MS - 5000; nowMs() < until; await sleep(200)) {
      peakRss = Math.max(peakRss, controller.rssBytes());
    }
    const beside = await memoryOf(controller);
    figure(console.log, 'readers_rss_growth', beside.rss - alone.rss, 'MiB', {
      value: 64,
      better: 'lower',
    });
    figure(console.log, 'readers_rss_connected', connected.rss - alone.rss, 'MiB');
    figure(console.log, 'readers_rss_growth_of_a_minute_without', alone.rss - warm.rss, 'MiB');
    figure(console.log, 'readers_rss_peak', peakRss / 2 ** 20 - alone.rss, 'MiB');
    figure(console.log, 'readers_rss', beside.rss, 'MiB');
    figure(console.log, 'readers_in_use_growth', beside.inUse - alone.inUse, 'MiB');
    figure(console.log, 'readers_in_use', beside.inUse, 'MiB');

    // 3. They are sent away, and come back.
    const closedMs = await whenSentAway(controller);
    child.send('read');
    const fates = (await messageOf(child)) as readonly Fate[]; // what beReaders sends
    over.abort();
    await flowing;
    await allEnded(operator);
    const told = fates.filter(({ reason }) => reason === 'SLOW_READER');
    const resumed = await Promise.all(told.slice(0, RESUMED).map((fate) => resume(client, fate)));
    reading.cancel();
    client.close();
    stopAgents();
    await controller.stop();

    const events = await eventsInLog(controller.logDirectory);
    const gaps = resumed.flatMap(({ heard, until }) => {
      return firstGap(heard, events, revision, until) ?? [];
    });
    const bytes = Math.max(...fates.map((fate) => fate.bytes));
    figure(console.log, 'readers_sent_away_after', closedMs / 1000, 's');
    figure(console.log, 'readers_told_where_to_resume', told.length, 'readers');
    figure(
      console.log,
      'readers_reset',
      fates.filter(({ code }) => code === undefined).length,
      'readers',
    );
    figure(console.log, 'readers_unread', bytes / 1024, 'KiB/reader');
    figure(console.log, 'readers_resumed', resumed.length, 'readers');
    figure(console.log, 'readers_gaps', gaps.length, 'readers', { value: 0, better: 'lower' });
    if (bytes > MOST_UNREAD_BYTES) throw new Error('the readers have read: they measure nothing');
    if (told.length === 0) throw new Error('no reader was told where to resume');
    if (gaps.length > 0) throw new Error(`a reader that resumed has a gap: ${gaps[0]}`);
  } finally {
    child.kill('SIGKILL');
    operator.close();
  }
}

function openFiles(): string {
  return /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '?';
}

/** In MiB: of the process, and of it what its main thread has in use. */
async function memoryOf(controller: ServedController) {
  const { rss, heapUsed, arrayBuffers } = await controller.ask('memory');
  return { rss: rss / 2 ** 20, inUse: (heapUsed + arrayBuffers) / 2 ** 20 };
}

function* warmBatches() {
  for (let at = 0; at < WARM_JOBS; at += 100) {
    yield Array.from({ length: 100 }, (_, i) => submission(`warm-${at + i}`, '', 100));
  }
}

/** Jobs at their pace, for so long or until it is told to end. */
async function flow(
  client: Client,
  prefix: string,
  forMs: number,
  isOver: () => boolean = () => false,
): Promise<void> {
  const began = nowMs();
  let made = 0;
  async function* paced() {
    while (nowMs() - began < forMs && !isOver()) {
      const due = Math.floor(((nowMs() - began) * JOBS_A_SECOND) / 1000);
      if (due > made) {
        const first = made;
        made = due;
        yield Array.from({ length: due - first }, (_, i) =>
          submission(`${prefix}-${first + i}`, '', 100),
        );
      }
      await sleep(PACE_MS);
    }
  }
  await submitBatches(client, paced());
}

/** How long it took since now until the last reader's stream was ended. */
async function whenSentAway({ doors }: ServedController): Promise<number> {
  const began = nowMs();
  for (;;) {
    const open = await scrapedValue(doors.metrics, 'isobar_watch_streams');
    // The one that reads stays.
    if (open <= 1) return nowMs() - began;
    if (nowMs() - began > 2 * MINUTE_MS) throw new Error(`${open} watches are open still`);
    await sleep(100);
  }
}

async function resume(client: Client, fate: Fate) {
  const heard = [...fate.heard];
  const options = { jobSet: '', fromRevision: fate.resume ?? 0, untilCurrent: true };
  await watch(client, options, (bytes) => {
    heard.push(hear(bytes).response);
  });
  return { heard, until: heard.at(-1)?.revision ?? 0 };
}

async function beReaders({ api, identities, fromRevision }: Order): Promise<void> {
  const watches = await Promise.all(
    identities.map((folder) => DeafWatch.open(api, loadCredentials(folder), fromRevision)),
  );
  const read = once(process, 'message');
  process.send?.('connected');
  await read;
  const fates = await Promise.all(watches.map((deaf) => deaf.read()));
  process.send?.(fates, undefined, undefined, () => process.exit());
}

if (process.argv[2] === 'readers') {
  process.once('message', (order) => void beReaders(order as Order)); // what measure sends
} else {
  await main();
  // The leases of the agents have timers of an hour.
  process.exit();
}
