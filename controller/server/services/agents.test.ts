// The streams of agents: who may open them, how they end, and the output of tasks that comes over them.
import { once } from 'node:events';
import { status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AgentServiceService as Agents,
  AttachDataRequest,
  ConnectRequest,
  type AttachDataResponse,
} from '#gen/isobar/v1/agent.ts';
import {
  JobServiceService as Jobs,
  ReadLogsRequest,
  SubmitJobRequest,
  type ReadLogsResponse,
} from '#gen/isobar/v1/job.ts';
import { RunState } from '#gen/isobar/v1/run.ts';
import { controllerInMemory } from '#simulation/controller.ts';
import { realClock } from '../testbed.ts';
import { LogRouter } from './log-router.ts';
import { job, World, type Person } from './testing.ts';
import { detailsOf } from './testing-details.ts';

let world: World;
beforeAll(async () => {
  world = await World.open(controllerInMemory(realClock));
  await world.putDataCenter('north-1');
});
afterAll(() => world.close());

describe('the control stream', () => {
  test('is for agents', async () => {
    const stream = await world.openBidi('omar', Agents.connect);
    const error = await new Promise<ServiceError>((resolve) =>
      stream.resume().on('error', resolve),
    );
    expect(error.code).toBe(status.PERMISSION_DENIED);
  });

  test('begins with hello', async () => {
    const stream = await world.openBidi({ kind: 'agent', dataCenter: 'north-1' }, Agents.connect);
    const ended = new Promise<ServiceError>((resolve) => stream.resume().on('error', resolve));
    stream.write(
      ConnectRequest.create({ message: { $case: 'heartbeat', value: { sequence: 1 } } }),
    );
    expect(detailsOf(await ended).reason).toBe('HELLO_EXPECTED');
  });

  test('renews the lease, and ends when the agent connects again', async () => {
    const first = await world.agent('north-1', [2]);
    first.say({ $case: 'heartbeat', value: { sequence: 7 } });
    expect(await first.next('leaseRenewed')).toEqual({ sequence: 7 });
    const second = await world.agent('north-1', [2]);
    expect(detailsOf(await first.ended()).reason).toBe('SESSION_REPLACED');
    expect(world.parts.sessions.open).toBe(1);
    second.stream.end();
    await expect.poll(() => world.parts.sessions.open).toBe(0);
  });
});

/** The data stream of an agent: requests come out, pieces go in. */
async function dataStream(dataCenter: string) {
  const stream = await world.openBidi({ kind: 'agent', dataCenter }, Agents.attachData);
  stream.on('error', () => {});
  const requests = stream[Symbol.asyncIterator]() as AsyncIterator<AttachDataResponse, void>;
  const say = (words: Partial<AttachDataRequest>) =>
    stream.write(AttachDataRequest.fromPartial(words));
  say({ request: 0 });
  const next = async (): Promise<AttachDataResponse> => {
    const { value } = await requests.next();
    if (value === undefined) throw new Error('the stream has ended');
    return value;
  };
  return { stream, say, next };
}

const readLogs = (who: Person, words: Partial<ReadLogsRequest>) =>
  world.openStream(
    who,
    Jobs.readLogs,
    ReadLogsRequest.fromPartial({ name: 'tenants/energy/jobs/talk', ...words }),
  );

async function textOf(stream: ClientReadableStream<ReadLogsResponse>): Promise<string> {
  const pieces: ReadLogsResponse[] = await stream.toArray();
  return Buffer.concat(pieces.map(({ data }) => data)).toString();
}

const errorOf = (stream: ClientReadableStream<ReadLogsResponse>) =>
  new Promise<ServiceError>((resolve) => stream.resume().on('error', resolve));

describe('the output of a task', () => {
  let agent: Awaited<ReturnType<World['agent']>>;
  let uid = 0;
  beforeAll(async () => {
    agent = await world.agent('north-1', [2]);
    const made = await world.call(
      'anna',
      Jobs.submitJob,
      SubmitJobRequest.create({ parent: 'tenants/energy', job: job('talk') }),
    );
    ({ uid } = made);
    await agent.next('assignments');
    agent.report({ jobUid: uid, index: 0, epoch: 1 }, RunState.RUNNING);
    await agent.next('acknowledged');
  });
  afterAll(() => agent.stream.end());

  test('waits in the data center, and is out of reach when that is', async () => {
    const error = await errorOf(await readLogs('anna', {}));
    expect([error.code, detailsOf(error).reason]).toEqual([
      status.UNAVAILABLE,
      'DATA_CENTER_UNREACHABLE',
    ]);
  });

  test('comes piece by piece, from the run that was asked for', async () => {
    const data = await dataStream('north-1');
    const reading = readLogs('vera', { rank: 3, follow: true, tailLines: 5 });
    const { request, action } = await data.next();
    expect(action).toEqual({
      $case: 'readLog',
      value: { run: { jobUid: uid, index: 0, epoch: 1 }, rank: 3, follow: true, tailLines: 5 },
    });
    data.say({ request, data: Buffer.from('one '), skippedBytes: 12 });
    data.say({ request, data: Buffer.from('two') });
    data.say({ request, done: true });
    const pieces: ReadLogsResponse[] = await (await reading).toArray();
    expect(pieces.map(({ data: bytes, skippedBytes }) => [String(bytes), skippedBytes])).toEqual([
      ['one ', 12],
      ['two', 0],
    ]);
    data.stream.cancel();
  });

  test('of several readers reaches each its own', async () => {
    const data = await dataStream('north-1');
    const first = textOf(await readLogs('anna', { rank: 1 }));
    const a = await data.next();
    const second = textOf(await readLogs('anna', { rank: 2 }));
    const b = await data.next();
    data.say({ request: b.request, data: Buffer.from('B'), done: true });
    data.say({ request: a.request, data: Buffer.from('A'), done: true });
    expect([await first, await second]).toEqual(['A', 'B']);
    data.stream.cancel();
  });

  test('that is not read any more is not sent any more', async () => {
    const data = await dataStream('north-1');
    const stream = await readLogs('anna', { follow: true });
    stream.on('error', () => {});
    const { request } = await data.next();
    data.say({ request, data: Buffer.from('x') });
    await once(stream, 'data');
    stream.cancel();
    expect(await data.next()).toEqual({ request, action: { $case: 'cancel', value: true } });
    data.stream.cancel();
  });

  test('that is not there is said in the agent’s words', async () => {
    const data = await dataStream('north-1');
    const ended = readLogs('anna', { rank: 9 }).then(errorOf);
    const { request } = await data.next();
    const words = {
      code: 'START_FAILED',
      subject: 'rank 9',
      message: 'there is no task 9',
      dataCenter: '',
      needed: 0,
      available: 0,
    };
    data.say({ request, error: words });
    const error = await ended;
    expect([error.code, detailsOf(error).reason]).toEqual([status.NOT_FOUND, 'LOG_NOT_FOUND']);
    expect(error.details).toContain('there is no task 9');
    data.stream.cancel();
  });

  test('breaks off when the agent goes', async () => {
    const data = await dataStream('north-1');
    const stream = await readLogs('anna', { follow: true });
    const ended = errorOf(stream);
    await data.next();
    data.stream.cancel();
    expect((await ended).code).toBe(status.UNAVAILABLE);
  });

  test.each<[string, Person, Partial<ReadLogsRequest>, number]>([
    ['a run that never was', 'anna', { epoch: 4 }, status.NOT_FOUND],
    ['the run before the first', 'anna', { previous: true }, status.NOT_FOUND],
    ['two runs at once', 'anna', { previous: true, epoch: 1 }, status.INVALID_ARGUMENT],
    ['a job that is not there', 'anna', { name: 'tenants/energy/jobs/nobody' }, status.NOT_FOUND],
    ['another tenant’s job', 'hana', {}, status.NOT_FOUND],
    ['a tenant’s job, by an operator', 'omar', {}, status.PERMISSION_DENIED],
  ])('of %s is refused', async (_, who, words, code) => {
    expect((await errorOf(await readLogs(who, words))).code).toBe(code);
  });
});

test('a reader that takes nothing is cut off, and holds no more than it may until then', async () => {
  const timers: (() => void)[] = [];
  const clock = {
    ...realClock,
    after(_: number, call: () => void) {
      timers.push(call);
      return () => timers.splice(timers.indexOf(call), 1);
    },
  };
  const sent: AttachDataResponse[] = [];
  const router = new LogRouter(clock);
  const stream = router.attach('a', { send: (message) => void sent.push(message), close() {} });
  const reader = router.read('a', { run: undefined, rank: 0, follow: false, tailLines: 0 });
  if (reader === undefined || 'kind' in reader) throw new Error('no reader');
  const piece = AttachDataRequest.fromPartial({ request: 1, data: Buffer.alloc(256 * 1024) });
  for (let i = 0; i < 3; i++) await stream.receive(piece);
  let isThrough = false;
  const fourth = stream.receive(piece).then(() => (isThrough = true));
  await Promise.resolve();
  expect(isThrough).toBe(false);
  // It reads half of it: the agent may go on.
  for (let i = 0; i < 3; i++) await reader.next(new AbortController().signal);
  await fourth;
  for (let i = 0; i < 2; i++) await stream.receive(piece);
  const stuck = stream.receive(piece);
  expect(timers).toHaveLength(1);
  timers[0]?.();
  await stuck;
  expect(sent.at(-1)).toEqual({ request: 1, action: { $case: 'cancel', value: true } });
  // What it has is still its own; then it is told.
  const ends = [];
  for (let i = 0; i < 5; i++) ends.push(await reader.next(new AbortController().signal));
  expect(ends.at(-1)).toMatchObject({ kind: 'broken', refusal: { reason: 'SLOW_READER' } });
});
