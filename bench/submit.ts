// What the edge costs a submission: the conversion alone, and durable jobs from a client in a process of its own, over mutual TLS,
// into SQLite: `node bench/submit.ts [JOBS]`.
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import {
  JobServiceService,
  JobSubmission,
  SubmitJobRequest,
  SubmitJobsRequest,
  SubmitJobStreamRequest,
} from '#gen/isobar/v1/job.ts';
import { Role } from '#gen/isobar/v1/user.ts';
import { SqliteLog } from '#log/sqlite.ts';
import { ask } from '#loop/ask.ts';
import { Leases } from '#loop/leases.ts';
import { Loop } from '#loop/loop.ts';
import { recover } from '#loop/recover.ts';
import { Sessions } from '#loop/sessions.ts';
import { SystemClock, SystemRandom } from '#main/system.ts';
import { SILENT } from '#ports/telemetry.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { CONTROLLER_NAME, foundAuthority } from '#server/authority.ts';
import { IdMaker, toSubmission } from '#server/convert/submission.ts';
import { formatIdentity, type Identity } from '#server/identity.ts';
import { listenApi } from '#server/listen.ts';
import { makeServices } from '#server/services.ts';
import { issueFor } from '#server/testbed.ts';
import { conditions, figure } from './figure.ts';
import { foundBench, WHO } from './jobs.ts';
import { PlainClient } from './plain-client.ts';

const JOBS = Number(process.argv[2] ?? 200_000);
const BATCH = 1000;
const ONE_BY_ONE = Math.min(JOBS, 30_000);
const IN_FLIGHT = 64;
const USER: Identity = { kind: 'user', tenant: 't', user: 'u' };

/** What the client's process is told. */
interface Order {
  readonly address: string;
  readonly authorityPem: string;
  readonly keyPem: string;
  readonly chainPem: string;
  readonly way: 'batches' | 'one by one' | 'one by one, grpc-js';
  readonly jobs: number;
}

/** As people submit it: a command, an environment, labels, what it needs and when to try again. */
function submission(i: number): JobSubmission {
  return JobSubmission.fromPartial({
    jobId: `run-${process.pid}-${i}`,
    spec: {
      groups: [
        {
          command: ['python3', '-m', 'solver'],
          args: ['--case', `case-${i}`, '--tolerance', '1e-9'],
          resources: { cpuMillis: 2_000_000_000, memoryMib: 2048, storageMib: 1024 },
          env: [
            { name: 'OMP_NUM_THREADS', source: { $case: 'value', value: '2' } },
            { name: 'CASE_DIR', source: { $case: 'value', value: `/data/cases/${i}` } },
          ],
        },
      ],
      jobSet: 'night',
      labels: { team: 'grid', purpose: 'bench' },
      expectedRunTime: { seconds: 60, nanos: 0 },
      retry: { maxAttempts: 3 },
    },
  });
}

function measureEdge(): void {
  const jobs = Array.from({ length: BATCH }, (_, i) => submission(i));
  const bytes = SubmitJobsRequest.encode(
    SubmitJobsRequest.fromPartial({ parent: 'tenants/t', jobs }),
  ).finish();
  const rules = { tenant: 't', defaultClassification: 1, clearance: 4 } as const;
  const ids = new IdMaker({ next: Math.random, bytes: (count) => randomBytes(count) });
  const spent = { decode: 0, convert: 0 };
  // The first rounds are the compiler's.
  for (let round = -20; round < 100; round++) {
    const began = cpuMicros();
    const request = SubmitJobsRequest.decode(bytes);
    const decoded = cpuMicros();
    for (const one of request.jobs) {
      if ('kind' in toSubmission(one, rules, ids)) throw new Error('the job was refused');
    }
    if (round < 0) continue;
    spent.decode += decoded - began;
    spent.convert += cpuMicros() - decoded;
  }
  const each = (micros: number): number => micros / (100 * BATCH);
  figure(console.log, 'edge_decode', each(spent.decode), 'us/job');
  figure(console.log, 'edge_check_default_encode_hash', each(spent.convert), 'us/job', {
    value: 10,
    better: 'lower',
  });
}

/** Of this process, all of its threads: other work on the machine makes a wall clock say nothing. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

interface Spent {
  readonly process: number;
  /** The thread that all calls go through. */
  readonly mainThread: number;
}

function spentMicros(): Spent {
  const { user, system } = process.threadCpuUsage();
  return { process: cpuMicros(), mainThread: user + system };
}

function figureOfCpu(name: string, before: Spent, jobs: number): void {
  const now = spentMicros();
  figure(console.log, `${name}_cpu`, (now.process - before.process) / jobs, 'us/job');
  figure(console.log, `${name}_main_thread`, (now.mainThread - before.mainThread) / jobs, 'us/job');
}

async function measureWhole(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'isobar-bench-submit-'));
  const log = await SqliteLog.open(directory);
  const clock = new SystemClock();
  const telemetry = SILENT;
  const state = await recover(log);
  const onFatal = (error: Error): never => {
    throw error;
  };
  const loop = new Loop({ state, log, clock, telemetry, policy: DEFAULT_POLICY, onFatal });
  const leases = new Leases({ loop, clock, telemetry, onSilent: () => {} });
  const sessions = new Sessions({ loop, leases, clock, telemetry });
  const { authority } = await foundAuthority(Date.now());
  const parts = { loop, sessions, leases, log, authority, clock, telemetry };
  const services = makeServices({ ...parts, random: new SystemRandom(), version: 'bench' });
  const listen = { address: '127.0.0.1:0', authority, names: ['127.0.0.1'] };
  const listener = await listenApi(services.apiEdge, listen, services.api);
  try {
    await foundBench(loop);
    const identity = formatIdentity(USER);
    const user = { tenant: 't', id: 'u', roles: [Role.SUBMITTER], revoked: false, createMs: 0 };
    const token = { id: 'x', secretSha256: new Uint8Array(32), identity, expireMs: 0 };
    await ask(loop, { kind: 'inviteUser', user, token }, WHO);
    const { keyPem, chainPem } = await issueFor(authority, USER, Date.now(), 3_600_000);
    const order = {
      address: listener.address,
      authorityPem: authority.certificatePem,
      keyPem,
      chainPem,
    };
    let before = spentMicros();
    const batches = await inAnotherProcess({ ...order, way: 'batches', jobs: JOBS });
    figureOfCpu('submit_batches', before, JOBS);
    figure(console.log, 'submit_batches_durable', (JOBS / batches) * 1000, 'jobs/s', {
      value: 50_000,
      better: 'higher',
    });
    before = spentMicros();
    const single = await inAnotherProcess({ ...order, way: 'one by one', jobs: ONE_BY_ONE });
    figureOfCpu('submit_one_by_one', before, ONE_BY_ONE);
    figure(console.log, 'submit_one_by_one_durable', (ONE_BY_ONE / single) * 1000, 'jobs/s', {
      value: 5_000,
      better: 'higher',
    });
    const grpcJs = { ...order, way: 'one by one, grpc-js', jobs: ONE_BY_ONE } as const;
    const slower = await inAnotherProcess(grpcJs);
    figure(
      console.log,
      'submit_one_by_one_durable_grpc_js',
      (ONE_BY_ONE / slower) * 1000,
      'jobs/s',
    );
  } finally {
    await listener.stop(0);
    leases.close();
    sessions.close();
    await new Promise<void>((resolve) => {
      loop.stop(resolve);
    });
    await log.close();
    rmSync(directory, { recursive: true });
  }
}

/** Answers how long the client took, in milliseconds. */
function inAnotherProcess(order: Order): Promise<number> {
  const child = fork(import.meta.filename, ['client']);
  return new Promise((resolve, reject) => {
    child.on('message', (tookMs) => resolve(Number(tookMs)));
    child.on('exit', (code) => reject(new Error(`the client ended with ${code}`)));
    child.send(order);
  });
}

async function beClient(order: Order): Promise<void> {
  process.send?.(await (order.way === 'one by one' ? submitPlainly(order) : submitByGrpc(order)));
  process.disconnect();
}

async function submitByGrpc(order: Order): Promise<number> {
  const { address, authorityPem, keyPem, chainPem, way, jobs } = order;
  const creds = credentials.createSsl(
    Buffer.from(authorityPem),
    Buffer.from(keyPem),
    Buffer.from(chainPem),
  );
  const client = new Client(address, creds, {
    'grpc.max_receive_message_length': 2 ** 26,
    'grpc.ssl_target_name_override': CONTROLLER_NAME,
  });
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve()));
  });
  const tookMs = await (way === 'batches' ? submitStream(client, jobs) : submitEach(client, jobs));
  client.close();
  return tookMs;
}

/** Batches are encoded before the clock starts: what is measured is the controller beside a client that is ready. */
async function submitStream(client: Client, jobs: number): Promise<number> {
  const { path, responseDeserialize } = JobServiceService.submitJobStream;
  const batches: Buffer[] = [];
  for (let at = 0; at < jobs; at += BATCH) {
    const batch = SubmitJobsRequest.fromPartial({
      parent: 'tenants/t',
      jobs: Array.from({ length: BATCH }, (_, i) => submission(at + i)),
    });
    batches.push(Buffer.from(SubmitJobStreamRequest.encode({ batch }).finish()));
  }
  const same = (bytes: Buffer): Buffer => bytes;
  const began = performance.now();
  const stream = client.makeBidiStreamRequest(path, same, responseDeserialize, new Metadata());
  let accepted = 0;
  const done = new Promise<void>((resolve, reject) => {
    stream.on('data', ({ results }: ReturnType<typeof responseDeserialize>) => {
      accepted += results.filter(({ error }) => error === undefined).length;
    });
    stream.on('error', reject);
    stream.on('end', resolve);
  });
  for (const batch of batches) {
    if (!stream.write(batch)) await new Promise((resolve) => stream.once('drain', resolve));
  }
  stream.end();
  await done;
  if (accepted !== jobs) throw new Error(`${accepted} of ${jobs} jobs were accepted`);
  return performance.now() - began;
}

function submitEach(client: Client, jobs: number): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = JobServiceService.submitJob;
  return oneByOne(
    jobs,
    (request) =>
      new Promise<void>((resolve, reject) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error) =>
          error === null ? resolve() : reject(error),
        );
      }),
  );
}

async function submitPlainly(order: Order): Promise<number> {
  const { path, requestSerialize } = JobServiceService.submitJob;
  const client = new PlainClient(order);
  const tookMs = await oneByOne(order.jobs, (request) =>
    client.unary(path, requestSerialize(request)),
  );
  client.close();
  return tookMs;
}

/** Each worker sends the next when its last was answered. */
async function oneByOne(
  jobs: number,
  submit: (request: SubmitJobRequest) => Promise<void>,
): Promise<number> {
  const requests = Array.from({ length: jobs }, (_, i) =>
    SubmitJobRequest.fromPartial({ parent: 'tenants/t', job: submission(i) }),
  );
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let request = requests[next++]; request !== undefined; request = requests[next++])
      await submit(request);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return performance.now() - began;
}

if (process.argv[2] === 'client') {
  process.once('message', (order) => void beClient(order as Order)); // what inAnotherProcess sent
} else {
  conditions(
    console.log,
    `${JOBS} jobs in batches of ${BATCH}, ${ONE_BY_ONE} one by one with ${IN_FLIGHT} in flight, client in another process, log on ${tmpdir()}`,
  );
  measureEdge();
  await measureWhole();
}
