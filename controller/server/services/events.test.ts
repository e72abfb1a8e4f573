// Watches: what is seen, by whom, in which order, and how a watch goes on after it was cut.
import { status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  EventServiceService,
  WatchEventsRequest,
  type Event,
  type WatchEventsResponse,
} from '#gen/isobar/v1/event.ts';
import { JobServiceService as Jobs, SubmitJobsRequest } from '#gen/isobar/v1/job.ts';
import { RunState } from '#gen/isobar/v1/run.ts';
import { controllerInMemory } from '#simulation/controller.ts';
import { realClock } from '../testbed.ts';
import { job, PEOPLE, World, type Person } from './testing.ts';
import { detailsOf } from './testing-details.ts';

const { watchEvents } = EventServiceService;

let world: World;
beforeAll(async () => {
  world = await World.open(controllerInMemory(realClock), {
    // Cut off soon, and then there is time enough to read how it ended.
    patience: { readerMs: 500, statusMs: 15_000 },
  });
});
afterAll(() => world.close());

const submit = (who: Person, tenant: string, ids: string[], jobSet = '') =>
  world.call(
    who,
    Jobs.submitJobs,
    SubmitJobsRequest.create({
      parent: `tenants/${tenant}`,
      jobs: ids.map((id) => job(id, { spec: { jobSet } })),
    }),
  );

const open = (who: Person, words: Partial<WatchEventsRequest>) =>
  world.openStream(who, watchEvents, WatchEventsRequest.create(words));

/** What there is from a revision until now. */
async function caughtUp(who: Person, words: Partial<WatchEventsRequest>): Promise<Event[]> {
  const stream = await open(who, { fromRevision: 1, untilCurrent: true, ...words });
  const responses: WatchEventsResponse[] = await stream.toArray();
  return responses.flatMap(({ events }) => events);
}

const errorOf = (stream: ClientReadableStream<WatchEventsResponse>) =>
  new Promise<ServiceError>((resolve) => stream.resume().on('error', resolve));

const briefly = ({ kind, resource, state }: Event) => [kind, resource, state].join(' ');

test('the life of a job is told in order, with who and why', async () => {
  await world.putDataCenter('north-1');
  const agent = await world.agent('north-1', [2]);
  const { revision } = world.parts.loop.state;
  await submit('anna', 'energy', ['life'], 'set');
  const { runs } = await agent.next('assignments');
  const run = runs[0]?.run ?? { jobUid: 0, index: 0, epoch: 0 };
  agent.report(run, RunState.RUNNING);
  await agent.next('acknowledged');
  agent.report(run, RunState.FAILED, { exitCode: 2, runMillis: 1 });
  await agent.next('acknowledged');
  const events = await caughtUp('vera', { parent: 'tenants/energy', fromRevision: revision });
  expect(events.map(briefly)).toEqual([
    'JOB_SUBMITTED tenants/energy/jobs/life QUEUED',
    'RUN_RESERVED tenants/energy/jobs/life/runs/0-1 RESERVED',
    'RUN_CHANGED tenants/energy/jobs/life/runs/0-1 RUNNING',
    'RUN_CHANGED tenants/energy/jobs/life/runs/0-1 FAILED',
    'JOB_CHANGED tenants/energy/jobs/life FAILED',
  ]);
  expect(events[0]).toMatchObject({
    actor: 'spiffe://isobar.internal/tenant/energy/user/anna',
    jobSet: 'set',
    tenant: 'tenants/energy',
  });
  expect(events[1]).toMatchObject({ actor: 'controller', dataCenter: 'north-1', epoch: 1 });
  expect(events[4]).toMatchObject({
    exitCode: 2,
    reason: { code: 'EXITED', message: 'exit code 2' },
  });
  agent.stream.end();
});

describe('a watch', () => {
  test('without a revision begins now, and says where that is', async () => {
    const stream = await open('anna', { parent: 'tenants/energy' });
    const responses = stream[Symbol.asyncIterator]() as AsyncIterator<WatchEventsResponse>;
    const first: WatchEventsResponse = (await responses.next()).value;
    expect(first).toEqual({ revision: world.parts.loop.gate.durable, events: [] });
    await submit('anna', 'energy', ['now']);
    const second: WatchEventsResponse = (await responses.next()).value;
    expect(second.events.map(briefly)).toEqual(['JOB_SUBMITTED tenants/energy/jobs/now QUEUED']);
    expect(second.revision).toBe(first.revision + 1);
    stream.cancel();
    await expect(responses.next()).rejects.toThrow('CANCELLED');
  });

  test('that is cut at any revision goes on without a gap and without repeating', async () => {
    for (const id of ['r1', 'r2', 'r3', 'r4'])
      await submit('anna', 'energy', [id, `${id}-b`], 'resume');
    const all = await caughtUp('anna', { parent: 'tenants/energy', jobSet: 'resume' });
    expect(all.map(({ resource }) => resource.split('/').at(-1))).toEqual([
      'r1',
      'r1-b',
      'r2',
      'r2-b',
      'r3',
      'r3-b',
      'r4',
      'r4-b',
    ]);
    for (const { revision } of all) {
      const rest = await caughtUp('anna', {
        parent: 'tenants/energy',
        jobSet: 'resume',
        fromRevision: revision,
      });
      expect(rest).toEqual(all.filter((event) => event.revision > revision));
    }
  });

  test('of one job tells of no other', async () => {
    const events = await caughtUp('anna', { parent: 'tenants/energy', job: 'life' });
    expect(new Set(events.map(({ resource }) => resource.split('/')[3]))).toEqual(
      new Set(['life']),
    );
  });

  test('shows the same to all who may see it, and nothing to others', async () => {
    await submit('gus', 'grid', ['g1']);
    await submit('hana', 'health', ['h1']);
    const tenants = async (who: Person) =>
      [
        ...new Set(
          (await caughtUp(who, { parent: 'tenants/-' })).map(({ tenant }) => tenant.slice(8)),
        ),
      ].toSorted();
    expect(await tenants('anna')).toEqual(['energy']);
    expect(await tenants('ada')).toEqual(['energy', 'grid']);
    expect(await tenants('hana')).toEqual(['health']);
    expect(await tenants('omar')).toEqual(['energy', 'grid', 'health']);
    const energy = { parent: 'tenants/energy' };
    expect(await caughtUp('ada', energy)).toEqual(await caughtUp('omar', energy));
    const denied = async (who: Person) => (await errorOf(await open(who, energy))).code;
    expect([await denied('hana'), await denied('gus')]).toEqual([
      status.NOT_FOUND,
      status.NOT_FOUND,
    ]);
  });

  test('of the federation shows its members to everybody and no job to anybody', async () => {
    const events = await caughtUp('hana', {});
    expect(events.map(briefly)).toEqual(
      expect.arrayContaining([
        'DATA_CENTER_PUT dataCenters/north-1 ',
        'DATA_CENTER_STATE_CHANGED dataCenters/north-1 ACTIVE',
        'NODES_PUT dataCenters/north-1 ',
      ]),
    );
    expect(
      events.every(({ tenant, resource }) => tenant === '' && !resource.startsWith('tenants/')),
    ).toBe(true);
  });

  test.each([
    ['of a set of the federation', { jobSet: 'a' }, status.INVALID_ARGUMENT],
    ['of a set that is no id', { parent: 'tenants/energy', jobSet: 'A' }, status.INVALID_ARGUMENT],
    ['of what is no tenant', { parent: 'energy' }, status.INVALID_ARGUMENT],
    [
      'of a time that has not come',
      { parent: 'tenants/energy', fromRevision: 1e9 },
      status.OUT_OF_RANGE,
    ],
  ])('%s is refused', async (_, words, code) => {
    expect((await errorOf(await open('anna', words))).code).toBe(code);
  });

  test('whose client reads nothing is cut off with the revision to resume from, and holds no memory', async () => {
    const from = world.parts.loop.gate.durable;
    const client = await world.newClient(PEOPLE.anna.identity, {
      maxMessageBytes: 64 * 1024 * 1024,
    });
    const { path, requestSerialize, responseDeserialize } = watchEvents;
    const request = WatchEventsRequest.create({ parent: 'tenants/energy', fromRevision: from });
    const stream = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
    );
    // grpc-js takes everything from the wire until somebody asks for a message; from then on it stops.
    const nothing = (): void => {};
    stream.on('readable', nothing);
    const ended = new Promise<ServiceError>((resolve) => stream.on('error', resolve));
    for (let i = 0; i < 30; i++) {
      await submit(
        'anna',
        'energy',
        Array.from({ length: 1000 }, (_, k) => `slow-${i}-${k}`),
        'slow',
      );
    }
    await expect.poll(() => world.services.openStreams(), { timeout: 10_000 }).toBe(0);
    stream.off('readable', nothing);
    const seen: WatchEventsResponse[] = [];
    stream.on('data', (response: WatchEventsResponse) => seen.push(response));
    const error = await ended;
    expect(detailsOf(error).reason).toBe('SLOW_READER');
    const resume = Number(detailsOf(error).metadata['resume_revision']);
    expect(resume).toBe(seen.at(-1)?.revision);
    const rest = await caughtUp('anna', {
      parent: 'tenants/energy',
      fromRevision: resume,
      jobSet: 'slow',
    });
    const before = seen.flatMap(({ events }) => events);
    expect(before.length + rest.length).toBe(30_000);
    expect(new Set([...before, ...rest].map(({ resource }) => resource)).size).toBe(30_000);
    client.close();
  });

  test('whose client reads nothing has next to nothing waiting for it', async () => {
    const { loop } = world.parts;
    const client = await world.newClient(PEOPLE.anna.identity);
    const { path, requestSerialize, responseDeserialize } = watchEvents;
    const words = { parent: 'tenants/energy', fromRevision: loop.gate.durable };
    const request = WatchEventsRequest.create(words);
    const before = loop.stats.watchEvents;
    client
      .makeServerStreamRequest(path, requestSerialize, responseDeserialize, request)
      // As above: it takes sixteen messages, and those are small.
      .on('readable', () => {})
      .on('error', () => {});
    for (let i = 0; i < 100; i++) {
      const ids = Array.from({ length: 100 }, (_, k) => `deaf-${i}-${k}`);
      await submit('anna', 'energy', ids);
    }
    expect(await caughtUp('anna', words)).toHaveLength(10_000);
    const waiting = loop.stats.watchEvents - before - 10_000;
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThan(3_000);
    client.close();
  });

  test('from a revision that the log has dropped is told the oldest one', async () => {
    const other = await World.open(controllerInMemory(realClock));
    // What a compaction leaves, as far as a watch is concerned.
    other.parts.loop.hub.read = (_after, done) => done({ kind: 'tooOld', oldest: 1234 });
    const request = WatchEventsRequest.create({ parent: 'tenants/energy', fromRevision: 1 });
    const error = await errorOf(await other.openStream('anna', watchEvents, request));
    expect(error.code).toBe(status.OUT_OF_RANGE);
    expect(detailsOf(error)).toMatchObject({
      reason: 'REVISION_COMPACTED',
      metadata: { oldest_revision: '1234' },
    });
    await other.close();
  });
});
