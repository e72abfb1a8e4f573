import { describe, expect, test } from 'vitest';
import { Event, type Job, JobState } from '#client/types.ts';
import { type FakeHandlers, startFakeController } from './fake-controller.ts';
import { connect, type Isobar } from './isobar.ts';
import { IsobarError } from './isobar-error.ts';
import type { WatchOptions } from './watch.ts';

const event = (revision: number): Event => Event.create({ revision, kind: 'JOB_CHANGED' });
const gone = new IsobarError('going down', { code: 'UNAVAILABLE', reason: 'SHUTTING_DOWN' });

async function withClient<T>(
  handlers: FakeHandlers,
  body: (isobar: Isobar, requests: readonly { request: unknown }[]) => Promise<T>,
): Promise<T> {
  await using fake = await startFakeController(handlers);
  using isobar = await connect({ channel: fake.openChannel(), tenant: 'health' });
  return await body(isobar, fake.requests);
}

/** Revisions of the first events. */
async function take(events: AsyncIterable<Event>, count: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const { revision } of events) {
    seen.push(revision);
    if (seen.length === count) break;
  }
  return seen;
}

describe('a watch', () => {
  test('goes on after the last revision that it saw, without gap and without repetition', async () => {
    const log = Array.from({ length: 40 }, (_, i) => event(i + 1));
    let connections = 0;
    const handlers: FakeHandlers = {
      async *watchEvents({ fromRevision }) {
        connections += 1;
        for (let sent = 0, at = fromRevision; at < log.length; at += 3, sent += 1) {
          if (sent === 3) throw gone;
          const events = log.slice(at, at + 3);
          yield { revision: events.at(-1)?.revision ?? 0, events };
        }
      },
    };
    const seen = await withClient(handlers, (isobar) =>
      take(isobar.events.watch({ fromRevision: 1, backoffMs: 1 }), 39),
    );
    expect(seen).toEqual(log.slice(1).map(({ revision }) => revision));
    expect(connections).toBeGreaterThan(3);
  });

  test('goes on when the controller ends the stream cleanly', async () => {
    let connections = 0;
    const handlers: FakeHandlers = {
      watchEvents: ({ fromRevision }) => {
        connections += 1;
        return [{ revision: fromRevision + 1, events: [event(fromRevision + 1)] }];
      },
    };
    const seen = await withClient(handlers, (isobar) =>
      take(isobar.events.watch({ fromRevision: 5, backoffMs: 1 }), 3),
    );
    expect({ seen, connections }).toEqual({ seen: [6, 7, 8], connections: 3 });
  });

  test('tells when the log no longer keeps the revision', async () => {
    const handlers: FakeHandlers = {
      watchEvents: () => {
        throw new IsobarError('compacted', {
          code: 'OUT_OF_RANGE',
          reason: 'COMPACTED',
          metadata: { oldest_revision: '900' },
        });
      },
    };
    await withClient(handlers, async (isobar) => {
      await expect(take(isobar.events.watch({ fromRevision: 1 }), 1)).rejects.toMatchObject({
        code: 'OUT_OF_RANGE',
        metadata: { oldest_revision: '900' },
      });
    });
  });

  test('of what is there now gives up when nobody answers', async () => {
    let connections = 0;
    const handlers: FakeHandlers = {
      watchEvents: () => {
        connections += 1;
        throw gone;
      },
    };
    const options: WatchOptions = { fromRevision: 1, untilCurrent: true, backoffMs: 1 };
    await withClient(handlers, async (isobar) => {
      await expect(take(isobar.events.watch(options), 1)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
    });
    expect(connections).toBe(4);
  });

  test('ends when its caller aborts it, and tells the controller', async () => {
    const stopping = new AbortController();
    const ended = Promise.withResolvers<void>();
    const handlers: FakeHandlers = {
      async *watchEvents(_, signal) {
        yield { revision: 1, events: [event(1)] };
        signal.addEventListener('abort', () => ended.resolve());
        await ended.promise;
      },
    };
    await withClient(handlers, async (isobar) => {
      const watch = isobar.events.watch({ signal: stopping.signal });
      expect((await watch.next()).value).toMatchObject({ revision: 1 });
      stopping.abort(new Error('enough'));
      await expect(watch.next()).rejects.toThrow('enough');
      await ended.promise;
    });
  });
});

describe('waiting', () => {
  test('sees what was missed when the log was compacted under it', async () => {
    let reads = 0;
    const handlers: FakeHandlers = {
      getJob: ({ name }) => {
        reads += 1;
        const state = reads > 1 ? JobState.SUCCEEDED : JobState.RUNNING;
        return { ...JOB, name, state };
      },
      watchEvents: () => {
        throw new IsobarError('compacted', { code: 'OUT_OF_RANGE', reason: 'COMPACTED' });
      },
    };
    const job = await withClient(handlers, (isobar) => isobar.jobs.wait('a'));
    expect(job).toMatchObject({ name: 'tenants/health/jobs/a', state: JobState.SUCCEEDED });
  });

  test('is not fooled by an end that was requeued', async () => {
    let reads = 0;
    const handlers: FakeHandlers = {
      getJob: ({ name }) => {
        reads += 1;
        return { ...JOB, name, state: reads === 3 ? JobState.FAILED : JobState.QUEUED };
      },
      async *watchEvents() {
        for (const revision of [11, 12]) {
          const events = [
            Event.create({ revision, resource: 'tenants/health/jobs/a', state: 'FAILED' }),
          ];
          yield { revision, events };
        }
      },
    };
    const job = await withClient(handlers, (isobar) => isobar.jobs.wait('a'));
    expect({ state: job.state, reads }).toEqual({ state: JobState.FAILED, reads: 3 });
  });
});

const JOB: Job = {
  name: '',
  uid: 1,
  spec: undefined,
  user: '',
  jobSet: '',
  labels: {},
  state: JobState.QUEUED,
  priority: 0,
  epoch: 0,
  run: undefined,
  reason: undefined,
  createTime: undefined,
  startTime: undefined,
  endTime: undefined,
  exitCode: 0,
  revision: 10,
};
