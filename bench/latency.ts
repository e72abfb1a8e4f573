// From a submission to the news that the job runs, as a client sees it: at a thousand jobs a second beside a million that wait, with
// checkpoints and scrapes under way, and for a burst: `node bench/latency.ts [QUEUED] [SECONDS] [CLASSES]`.
//
// Three processes: the controller, the client that submits, watches and measures, and here the agents, the scrapes and whoever
// fills the queue. Times are from when a job was due to be submitted, so a client that is late hides nothing.
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@grpc/grpc-js';
import { WatchEventsResponse } from '#gen/isobar/v1/event.ts';
import {
  JobServiceService,
  type JobSubmission,
  SubmitJobRequest,
  SubmitJobsRequest,
} from '#gen/isobar/v1/job.ts';
import { conditions, figure } from './figure.ts';
import { startAgents } from './served/agents.ts';
import { callUnary, openClient, openWatch, submission, submitBatches } from './served/calls.ts';
import { messageOf, type ServedController, withController, TENANT } from './served/controller.ts';
import { nowMs, percentile } from './served/measures.ts';
import { scrapedValue } from './served/scrapes.ts';

const QUEUED = Number(process.argv[2] ?? 1_000_000);
const SECONDS = Number(process.argv[3] ?? 30);
const CLASSES = Number(process.argv[4] ?? 1000);
const JOBS_A_SECOND = 1000;
const BURST = 1000;
const BURSTS = 10;
const BATCH = 1000;
const DATA_CENTERS = 100;
const NODES = 50;
const RUN_MS = 1000;
const SCRAPE_EVERY_MS = 1000;
/** More than any node has. */
const TOO_MUCH_CPU = 1_000_000_000;
const JOB_CPU = 100;
/** For the news of one job. */
const DEADLINE_MS = 60_000;

/** What the client's process is told. */
type Order =
  | { readonly kind: 'connect'; readonly api: string; readonly identityDir: string }
  | { readonly kind: 'steady'; readonly prefix: string }
  | { readonly kind: 'burst'; readonly prefix: string };

/** Milliseconds, one number for each job. */
interface Times {
  readonly toAnswer: readonly number[];
  readonly toRunning: readonly number[];
}

async function main(): Promise<void> {
  conditions(
    console.log,
    `${QUEUED} queued jobs of ${CLASSES} classes that fit nowhere; ${JOBS_A_SECOND} jobs/s one by one for ${SECONDS} s, then ${BURSTS} bursts of ${BURST} in one batch; ${DATA_CENTERS} data centers of ${NODES} nodes, runs of ${RUN_MS} ms; a scrape a second`,
  );
  console.log(
    '# processes: the controller, the client that submits and watches, the agents with the scrapes; mutual TLS between them, log on disk',
  );
  await withController('latency', measure);
}

async function measure(controller: ServedController): Promise<void> {
  const { api } = controller.doors;
  const dataCenters = Array.from({ length: DATA_CENTERS }, (_, i) => `dc${i}`);
  const operator = await controller.found(['submitter'], dataCenters);
  const identityDir = await controller.issuePerson('submitter');
  await fill(api, identityDir);
  const stopAgents = await startAgents(controller, dataCenters, { nodes: NODES, runMs: RUN_MS });
  const child = fork(import.meta.filename, ['client'], { serialization: 'advanced' });
  const order = async (what: Order): Promise<Times> => {
    child.send(what);
    return (await messageOf(child)) as Times; // what beClient answers
  };
  try {
    await order({ kind: 'connect', api, identityDir });
    await order({ kind: 'burst', prefix: 'warm' });
    await sleep(2 * RUN_MS);

    const scrapes = scrapeNowAndThen(controller);
    await controller.ask('startDelay');
    const cpuBefore = await controller.ask('cpuMs');
    const began = nowMs();
    const times = await order({ kind: 'steady', prefix: 'steady' });
    const cpus = ((await controller.ask('cpuMs')) - cpuBefore) / (nowMs() - began);
    const delay = await controller.ask('delay');
    const { queuedJobs } = await operator.federation.get();
    const { scrapeMs, checkpoints } = await scrapes.stop();

    const bursts: number[] = [];
    for (let i = 0; i < BURSTS; i++) {
      await sleep(2 * RUN_MS);
      const { toRunning } = await order({ kind: 'burst', prefix: `burst-${i}` });
      bursts.push(Math.max(...toRunning));
    }
    const { rss } = await controller.ask('memory');

    figure(console.log, 'latency_queued', queuedJobs, 'jobs');
    figure(console.log, 'latency_checkpoints_completed', checkpoints, 'checkpoints');
    figure(console.log, 'latency_scrape_p50', percentile(scrapeMs, 0.5), 'ms');
    figure(console.log, 'latency_scrape_max', Math.max(...scrapeMs), 'ms');
    figure(console.log, 'latency_to_answer_p50', percentile(times.toAnswer, 0.5), 'ms');
    figure(console.log, 'latency_to_answer_p99', percentile(times.toAnswer, 0.99), 'ms');
    figure(console.log, 'latency_to_running_p50', percentile(times.toRunning, 0.5), 'ms');
    figure(console.log, 'latency_to_running_p99', percentile(times.toRunning, 0.99), 'ms', {
      value: 25,
      better: 'lower',
    });
    figure(console.log, 'latency_to_running_max', Math.max(...times.toRunning), 'ms');
    figure(console.log, 'latency_event_loop_delay_p50', delay.p50, 'ms');
    figure(console.log, 'latency_event_loop_delay_p99', delay.p99, 'ms');
    figure(console.log, 'latency_event_loop_delay_p999', delay.p999, 'ms', {
      value: 20,
      better: 'lower',
    });
    figure(console.log, 'latency_event_loop_delay_max', delay.max, 'ms');
    figure(console.log, 'latency_burst_p50', percentile(bursts, 0.5) / 1000, 's', {
      value: 0.1,
      better: 'lower',
    });
    figure(console.log, 'latency_burst_max', Math.max(...bursts) / 1000, 's');
    figure(console.log, 'latency_controller_cpu', cpus, 'CPUs');
    figure(console.log, 'latency_rss', rss / 2 ** 20, 'MiB');
    // A watch that is cut off would end the client with an error.
    child.kill('SIGKILL');
    stopAgents();
    await controller.stop();
  } finally {
    child.kill('SIGKILL');
    operator.close();
  }
}

async function fill(api: string, identityDir: string): Promise<void> {
  const client = await openClient(api, identityDir);
  const began = nowMs();
  await submitBatches(client, queue());
  client.close();
  figure(console.log, 'latency_fill', QUEUED / ((nowMs() - began) / 1000), 'jobs/s');
}

function* queue(): Generator<readonly JobSubmission[]> {
  for (let at = 0; at < QUEUED; at += BATCH) {
    yield Array.from({ length: Math.min(BATCH, QUEUED - at) }, (_, i) =>
      submission(`queued-${at + i}`, 'queue', TOO_MUCH_CPU + ((at + i) % CLASSES)),
    );
  }
}

function scrapeNowAndThen({ doors }: ServedController) {
  const over = new AbortController();
  const scrapeMs: number[] = [];
  let checkpoints = 0;
  const running = (async () => {
    for (let before = 0; !over.signal.aborted; await sleep(SCRAPE_EVERY_MS)) {
      const began = nowMs();
      const lag = await scrapedValue(doors.metrics, 'isobar_log_checkpoint_lag_records');
      scrapeMs.push(nowMs() - began);
      if (lag < before) checkpoints++;
      before = lag;
    }
  })();
  return {
    async stop() {
      over.abort();
      await running;
      return { scrapeMs, checkpoints };
    },
  };
}

/** When each job of a measurement was seen to run. */
class Sightings {
  readonly #waiting = new Map<string, (ms: number) => void>();

  hear(bytes: Buffer): void {
    const ms = nowMs();
    for (const { kind, state, resource } of WatchEventsResponse.decode(bytes).events) {
      if (kind !== 'RUN_CHANGED' || state !== 'RUNNING') continue;
      const job = resource.split('/')[3] ?? '';
      this.#waiting.get(job)?.(ms);
      this.#waiting.delete(job);
    }
  }

  of(job: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${job} does not run`)), DEADLINE_MS);
      this.#waiting.set(job, (ms) => {
        clearTimeout(timer);
        resolve(ms);
      });
    });
  }
}

function beClient(): void {
  const sightings = new Sightings();
  let client: Client | undefined;
  process.on('message', (order: Order) => {
    void (async () => {
      if (order.kind === 'connect') {
        client = await openClient(order.api, order.identityDir);
        const watched = openWatch(client, { jobSet: 'live', fromRevision: 0 }, (bytes) =>
          sightings.hear(bytes),
        );
        await new Promise((resolve) => watched.once('data', resolve));
        process.send?.({});
      } else if (client !== undefined) {
        const measureThem = order.kind === 'steady' ? steady : burst;
        process.send?.(await measureThem(client, sightings, order.prefix));
      }
    })();
  });
}

async function steady(client: Client, sightings: Sightings, prefix: string): Promise<Times> {
  const answered: Promise<number>[] = [];
  const seen: Promise<number>[] = [];
  const began = nowMs() + 100;
  const jobs = JOBS_A_SECOND * SECONDS;
  for (let at = 0; at < jobs;) {
    const due = Math.min(jobs, Math.floor(((nowMs() - began) * JOBS_A_SECOND) / 1000));
    for (; at < due; at++) {
      const dueMs = began + (at * 1000) / JOBS_A_SECOND;
      const job = submission(`${prefix}-${at}`, 'live', JOB_CPU);
      const request = SubmitJobRequest.create({ parent: `tenants/${TENANT}`, job });
      seen.push(sightings.of(job.jobId).then((ms) => ms - dueMs));
      const answer = callUnary(client, JobServiceService.submitJob, request);
      answered.push(answer.then(() => nowMs() - dueMs));
    }
    await sleep(1);
  }
  return { toAnswer: await Promise.all(answered), toRunning: await Promise.all(seen) };
}

async function burst(client: Client, sightings: Sightings, prefix: string): Promise<Times> {
  const jobs = Array.from({ length: BURST }, (_, i) =>
    submission(`${prefix}-${i}`, 'live', JOB_CPU),
  );
  const request = SubmitJobsRequest.create({ parent: `tenants/${TENANT}`, jobs });
  const seen = jobs.map(({ jobId }) => sightings.of(jobId));
  const began = nowMs();
  await callUnary(client, JobServiceService.submitJobs, request);
  const answeredMs = nowMs() - began;
  return { toAnswer: [answeredMs], toRunning: (await Promise.all(seen)).map((ms) => ms - began) };
}

if (process.argv[2] === 'client') beClient();
else {
  await main();
  // The leases of the agents have timers of an hour.
  process.exit();
}
