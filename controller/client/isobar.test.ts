import { describe, expect, test } from 'vitest';
import { Job, JobState } from '#client/types.ts';
import { type FakeHandlers, startFakeController } from './fake-controller.ts';
import { connect } from './isobar.ts';
import { IsobarError } from './isobar-error.ts';
import type { JobInput } from './job-input.ts';

const job = (id: string): JobInput => ({ id, command: ['true'] });

describe('submitting without end', () => {
  /** Accepts batches; the connection is cut after some of them, before or after their answer. */
  function unreliable(
    cutAfter: number,
    answers: boolean,
  ): { handlers: FakeHandlers; accepted: Set<string> } {
    const accepted = new Set<string>();
    let cuts = 0;
    const handlers: FakeHandlers = {
      async *submitJobStream(requests) {
        let batches = 0;
        for await (const { batch } of requests) {
          const results = (batch?.jobs ?? []).map(({ jobId }) => {
            const existed = accepted.has(jobId);
            accepted.add(jobId);
            return { jobId, uid: 1, existed, error: undefined };
          });
          batches += 1;
          const cut = batches === cutAfter && cuts < 3;
          if (cut) cuts += 1;
          if (cut && !answers)
            throw new IsobarError('gone', { code: 'UNAVAILABLE', reason: 'GONE' });
          yield { results, revision: batches };
          if (cut) throw new IsobarError('gone', { code: 'UNAVAILABLE', reason: 'GONE' });
        }
      },
    };
    return { handlers, accepted };
  }

  test.each([
    ['never', 1000, true],
    ['after an answer', 2, true],
    ['before an answer', 2, false],
  ])(
    'gives one answer for each job in order when the connection is lost %s',
    async (_, cutAfter, answers) => {
      const { handlers, accepted } = unreliable(cutAfter, answers);
      await using fake = await startFakeController(handlers);
      using isobar = await connect({ channel: fake.openChannel(), tenant: 'health' });
      const ids = Array.from({ length: 95 }, (__, i) => `job-${i}`);
      const seen: string[] = [];
      for await (const { jobId } of isobar.jobs.submitMany(ids.map(job), { batchSize: 10 }))
        seen.push(jobId);
      expect(seen).toEqual(ids);
      expect([...accepted]).toEqual(ids);
    },
  );

  test('ends with the refusal of the stream, or with the error of the source', async () => {
    await using fake = await startFakeController({
      async *submitJobStream() {
        yield* [];
        throw new IsobarError('no', { code: 'PERMISSION_DENIED', reason: 'NO' });
      },
    });
    using isobar = await connect({ channel: fake.openChannel(), tenant: 'health' });
    const all = async (jobs: AsyncIterable<JobInput> | Iterable<JobInput>): Promise<void> => {
      for await (const result of isobar.jobs.submitMany(jobs)) expect(result).toBeUndefined();
    };
    await expect(all([job('a')])).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'NO',
    });
    async function* broken(): AsyncGenerator<JobInput, void, undefined> {
      yield job('a');
      throw new Error('the source is broken');
    }
    await using patient = await startFakeController({
      async *submitJobStream(requests) {
        for await (const { batch } of requests)
          yield { results: [], revision: batch?.jobs.length ?? 0 };
      },
    });
    using other = await connect({ channel: patient.openChannel(), tenant: 'health' });
    await expect(
      (async () => {
        for await (const result of other.jobs.submitMany(broken())) expect(result).toBeUndefined();
      })(),
    ).rejects.toThrow('the source is broken');
  });
});

describe('a job of TypeScript', () => {
  test('is checked as a file is, in its own spelling', async () => {
    await using fake = await startFakeController({});
    using isobar = await connect({ channel: fake.openChannel(), tenant: 'health' });
    const wrong = { command: ['x'], memory: '4', maxRunTme: '5m' } as unknown as JobInput;
    await expect(isobar.jobs.submit(wrong)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_JOB',
      violations: [
        { field: 'memory', description: expect.stringContaining('a size with its unit') },
        { field: '', description: 'unknown key maxRunTme; did you mean maxRunTime?' },
      ],
    });
    expect(fake.requests).toEqual([]);
  });

  test('needs a tenant from somewhere', async () => {
    await using fake = await startFakeController({ submitJob: () => Job.create({}) });
    using isobar = await connect({ channel: fake.openChannel() });
    await expect(isobar.jobs.submit(job('a'))).rejects.toMatchObject({ reason: 'NO_TENANT' });
    await isobar.jobs.submit({ ...job('a'), tenant: 'energy' });
    expect(fake.requests).toMatchObject([{ request: { parent: 'tenants/energy' } }]);
  });
});

describe('a list', () => {
  test('is read page by page, as far as it is asked for', async () => {
    await using fake = await startFakeController({
      listJobs: ({ pageToken }) => ({
        jobs: [
          Job.create({ name: `tenants/health/jobs/j${pageToken || 0}`, state: JobState.QUEUED }),
        ],
        nextPageToken: String(Number(pageToken || 0) + 1),
        revision: 7,
      }),
    });
    using isobar = await connect({ channel: fake.openChannel(), tenant: 'health' });
    const seen: string[] = [];
    for await (const { name, revision } of isobar.jobs.list()) {
      seen.push(`${name}@${revision}`);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([0, 1, 2].map((i) => `tenants/health/jobs/j${i}@7`));
    expect(fake.requests).toHaveLength(3);
  });
});

describe('a call', () => {
  test('has a deadline, and can be aborted', async () => {
    await using fake = await startFakeController({ getJob: () => new Promise(() => {}) });
    using isobar = await connect({ channel: fake.openChannel(), tenant: 'health' });
    await expect(isobar.jobs.get('a', { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    const stopping = new AbortController();
    const call = isobar.jobs.get('a', { signal: stopping.signal });
    stopping.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await expect(isobar.jobs.get('a', { signal: stopping.signal })).rejects.toThrow('enough');
  });

  test('that is refused says everything', async () => {
    await using fake = await startFakeController({
      getJob: () => {
        throw new IsobarError('there is no such job', {
          code: 'NOT_FOUND',
          reason: 'JOB_NOT_FOUND',
          metadata: { request_id: 'r-1' },
        });
      },
    });
    using isobar = await connect({ channel: fake.openChannel(), tenant: 'health' });
    const error: unknown = await isobar.jobs.get('a').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(IsobarError);
    expect(error).toMatchObject({
      message: 'there is no such job',
      code: 'NOT_FOUND',
      reason: 'JOB_NOT_FOUND',
      metadata: { request_id: 'r-1' },
      retryable: false,
    });
  });
});
