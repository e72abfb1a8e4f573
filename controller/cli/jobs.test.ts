import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FakeHandlers } from '#client/fake-controller.ts';
import { IsobarError } from '#client/isobar-error.ts';
import {
  type ChangeJobsResponse,
  ExplainJobResponse,
  Job,
  JobState,
  type Verdict,
} from '#client/types.ts';
import { canned } from './canned.ts';
import { BROKEN, EVALUATE, HISTORY, TRAIN, WHY } from './fixture.ts';
import { ago, startTestbed, words } from './testbed.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-jobs-'));
  writeFileSync(
    join(folder, 'jobs.yaml'),
    '- {id: a, command: [a]}\n- {id: b, command: [b], after: [a]}\n',
  );
  writeFileSync(join(folder, 'wrong.yaml'), 'id: a\ncomand: [a]\nmemory: 4\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const DONE = Job.create({
  ...EVALUATE,
  state: JobState.SUCCEEDED,
  startTime: ago(60),
  endTime: ago(1),
  reason: undefined,
});

/** A controller that accepts everything. */
function accepting(others: FakeHandlers = {}): FakeHandlers {
  return canned({
    submitJob: ({ parent, job }) =>
      Job.create({ ...EVALUATE, name: `${parent}/jobs/${job?.jobId || 'made-up'}` }),
    submitJobs: ({ jobs }) => ({
      results: jobs.map(({ jobId }, index) => ({
        jobId,
        uid: index + 1,
        existed: false,
        error: undefined,
      })),
      revision: 906,
    }),
    ...others,
  });
}

describe('isobar submit', () => {
  test('makes a job of flags and a command', async () => {
    await using bed = await startTestbed(accepting());
    const { code, out } = await bed.run(
      ...words('submit --id train --cpu 2 --memory 4Gi --replicas 3 --gpus A100:2 --retries 2'),
      ...words('-e A=b,c --in north-1 -- python train.py --cpu 9 -n x'),
    );
    expect({ code, out }).toEqual({ code: 0, out: 'job train submitted\n' });
    expect(bed.fake.requests[0]).toMatchObject({
      method: 'submitJob',
      request: {
        parent: 'tenants/health',
        validateOnly: false,
        job: {
          jobId: 'train',
          spec: {
            groups: [
              {
                command: ['python', 'train.py', '--cpu', '9', '-n', 'x'],
                resources: {
                  cpuMillis: 2000,
                  memoryMib: 4096,
                  devices: [{ model: 'A100', count: 2 }],
                },
                replicas: 3,
                env: [{ name: 'A', source: { $case: 'value', value: 'b,c' } }],
              },
            ],
            retry: { maxAttempts: 3 },
            constraints: { dataCenters: ['north-1'] },
          },
        },
      },
    });
  });

  test('gives a job without an id a key, so that sending it twice makes one', async () => {
    await using bed = await startTestbed(accepting());
    const { out } = await bed.run('submit', '-o', 'name', '--', 'true');
    expect(out).toBe('tenants/health/jobs/made-up\n');
    const [first] = bed.fake.requests as readonly {
      request: { job: { idempotencyKey: string } };
    }[];
    expect(first?.request.job.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('takes a file, and standard input', async () => {
    await using bed = await startTestbed(accepting());
    const fromFile = await bed.runWith({ cwd: folder }, 'submit', '-f', 'jobs.yaml');
    expect(fromFile).toEqual({ code: 0, out: 'job a submitted\njob b submitted\n', err: '' });
    const piped = await bed.runWith(
      { stdin: 'command: [echo, hi]' },
      'submit',
      '-f',
      '-',
      '-n',
      'energy',
    );
    expect(piped.out).toBe('job made-up submitted\n');
    expect(bed.fake.requests.map(({ request }) => (request as { parent: string }).parent)).toEqual([
      'tenants/health',
      'tenants/energy',
    ]);
  });

  test('tells everything that is wrong in a file', async () => {
    await using bed = await startTestbed(accepting());
    expect(await bed.runWith({ cwd: folder }, 'submit', '-f', 'wrong.yaml')).toMatchInlineSnapshot(`
      {
        "code": 65,
        "err": "error: wrong.yaml is not well formed: 2 things are wrong
        wrong.yaml:2:1: unknown key comand; did you mean command?
        wrong.yaml:3:9: memory: expected a size with its unit such as 512Mi, 4Gi or 1T, found 4
      ",
        "out": "",
      }
    `);
    expect(await bed.runWith({ cwd: folder }, 'submit', '-f', 'job.yaml')).toMatchInlineSnapshot(`
      {
        "code": 66,
        "err": "error: job.yaml: there is no such file; did you mean jobs.yaml?
      ",
        "out": "",
      }
    `);
    expect(bed.fake.requests).toEqual([]);
  });

  test('tells what is wrong with flags', async () => {
    await using bed = await startTestbed(accepting());
    expect(await bed.run('submit', '--memory', '4', '--cpu', 'two', '--', 'true'))
      .toMatchInlineSnapshot(`
      {
        "code": 64,
        "err": "error: the job is not well formed
        cpu: expected a number of CPUs such as 2, 0.5 or 500m, found "two"
        memory: expected a size with its unit such as 512Mi, 4Gi or 1T, found "4"
      ",
        "out": "",
      }
    `);
  });

  test('shows every field that the controller refuses', async () => {
    await using bed = await startTestbed({
      submitJob: () => {
        throw new IsobarError('groups[0].command: is empty (and 1 more)', {
          code: 'INVALID_ARGUMENT',
          reason: 'INVALID_FIELDS',
          violations: [
            { field: 'groups[0].command', description: 'is empty' },
            { field: 'priority', description: 'is above 1000: take at most 1000' },
          ],
        });
      },
    });
    expect(await bed.run('submit', '--', 'true')).toMatchInlineSnapshot(`
      {
        "code": 2,
        "err": "error: the request is not valid
        groups[0].command: is empty
        priority: is above 1000: take at most 1000
      ",
        "out": "",
      }
    `);
  });

  test('of a batch, tells which were refused and why', async () => {
    await using bed = await startTestbed(
      accepting({
        submitJobs: () => ({
          results: [
            { jobId: 'a', uid: 1, existed: true, error: undefined },
            {
              jobId: 'b',
              uid: 0,
              existed: false,
              error: {
                code: 9,
                reason: 'QUEUE_FULL',
                message: 'tenant health has 1000000 queued jobs already',
                fieldViolations: [],
              },
            },
          ],
          revision: 906,
        }),
      }),
    );
    expect(await bed.runWith({ cwd: folder }, 'submit', '-f', 'jobs.yaml')).toMatchInlineSnapshot(`
      {
        "code": 2,
        "err": "job b refused: tenant health has 1000000 queued jobs already
      1 of 2 jobs refused
      ",
        "out": "job a exists already, unchanged
      ",
      }
    `);
  });

  test('--dry-run only asks', async () => {
    await using bed = await startTestbed(accepting());
    const { out } = await bed.run('submit', '--dry-run', '--id', 'x', '--', 'true');
    expect(out).toBe('job x would be accepted\n');
    expect(bed.fake.requests[0]?.request).toMatchObject({ validateOnly: true });
  });

  test("--wait exits with the job's own code", async () => {
    await using bed = await startTestbed(accepting({ submitJob: () => BROKEN }));
    expect(await bed.run('submit', '--wait', '--', 'false')).toMatchInlineSnapshot(`
      {
        "code": 3,
        "err": "  loading
        no such table:  [31mpatients
      ",
        "out": "job broken submitted
      job broken failed in south-1 after 12s: exit code 3
      ",
      }
    `);
  });
});

describe('isobar wait', () => {
  test('sees the end that an event tells', async () => {
    let ended = false;
    await using bed = await startTestbed({
      getJob: () => (ended ? DONE : EVALUATE),
      async *watchEvents() {
        ended = true;
        yield {
          revision: 907,
          events: [{ ...HISTORY[0]!, resource: DONE.name, state: 'SUCCEEDED' }],
        }; // five there
      },
    });
    expect(await bed.run('wait', 'evaluate')).toEqual({
      code: 0,
      out: 'job evaluate succeeded after 59s\n',
      err: '',
    });
    expect(bed.fake.requests.find(({ method }) => method === 'watchEvents')?.request).toMatchObject(
      {
        fromRevision: 900,
        job: 'evaluate',
      },
    );
  });

  test.each([
    ['a job that failed', [DONE, BROKEN], 3],
    ['a job that was cancelled', [{ ...DONE, state: JobState.CANCELLED }, BROKEN], 1],
    ['no job', [DONE, DONE], 0],
  ])('of a set with %s', async (_, jobs, code) => {
    await using bed = await startTestbed({
      listJobs: () => ({
        jobs: jobs.map((job, i) => ({ ...job, name: `${job.name}${i}` })),
        nextPageToken: '',
        revision: 1,
      }),
    });
    expect((await bed.run('wait', '--set', 'night')).code).toBe(code);
  });

  test('goes on after the connection was lost', async () => {
    let calls = 0;
    await using bed = await startTestbed({
      getJob: () => (calls > 1 ? DONE : EVALUATE),
      async *watchEvents({ fromRevision }) {
        calls += 1;
        if (calls === 1) {
          yield { revision: 950, events: [] };
          throw new IsobarError('shutting down', { code: 'UNAVAILABLE', reason: 'SHUTTING_DOWN' });
        }
        expect(fromRevision).toBe(950);
        yield {
          revision: 951,
          events: [{ ...HISTORY[0]!, resource: DONE.name, state: 'SUCCEEDED' }],
        }; // five there
      },
    });
    expect((await bed.run('wait', 'evaluate')).code).toBe(0);
    expect(calls).toBe(2);
  });

  test('gives up after --timeout', async () => {
    await using bed = await startTestbed({
      getJob: () => EVALUATE,
      async *watchEvents(_, signal) {
        yield { revision: 901, events: [] };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    expect(await bed.run('wait', 'evaluate', '--timeout', '50ms')).toEqual({
      code: 124,
      out: '',
      err: 'error: not done within 0.05 s\n',
    });
  });

  test('of a job that is not there', async () => {
    await using bed = await startTestbed(canned());
    expect(await bed.run('wait', 'nothing')).toMatchInlineSnapshot(`
      {
        "code": 3,
        "err": "error: tenants/health/jobs/nothing is not known
      next: list what there is with \`isobar get\`; what another tenant owns is not shown
      ",
        "out": "",
      }
    `);
  });
});

describe('isobar why', () => {
  async function why(answer: Partial<ExplainJobResponse>): Promise<string> {
    await using bed = await startTestbed({
      explainJob: () => ({ ...ExplainJobResponse.create({ job: EVALUATE }), ...answer }),
    });
    return (await bed.run('why', 'evaluate')).out;
  }
  const blocked = { dataCenter: '', needed: 0, available: 0, subject: '', message: '' };

  test('no data center has room', async () => {
    expect(await why(WHY)).toMatchInlineSnapshot(`
      "evaluate is queued for 3m12s: no data center has room for it now
      4 jobs of its tenant go first. It fits in 0 of 3 data centers.
      What would change it: 3.5 CPU more on one node of north-1, or a smaller task

      DATA CENTER  FITS  WHY
      south-1      no    no node has room now: 16 CPU needed, the freest has 2 CPU
      north-1      no    no node has room now: 16 CPU needed, the freest has 12.5 CPU
      coast-1      no    no node is large enough: 16 CPU needed, the largest has 8 CPU
      "
    `);
  });
  test('no device is there, of a model or of any', async () => {
    const lacks = (dataCenter: string, subject: string): Verdict => ({
      dataCenter,
      feasible: false,
      score: 0,
      terms: [],
      reason: {
        ...blocked,
        code: 'INSUFFICIENT_DEVICE',
        dataCenter,
        subject,
        needed: 1000,
        available: subject === 'A100' ? 500 : 0,
      },
    });
    expect(await why({ verdicts: [lacks('north-1', 'any model'), lacks('south-1', 'A100')] }))
      .toMatchInlineSnapshot(`
        "evaluate is queued for 3m12s: no data center has room for it now
        It fits in 0 of 2 data centers.
        What would change it: 0.5 more A100 free on one node of south-1

        DATA CENTER  FITS  WHY
        north-1      no    no node has 1 GPU free, the best has 0
        south-1      no    no node has 1 A100 free, the best has 0.5
        "
      `);
  });
  test('it is not a matter of room', async () => {
    const excluded = (dataCenter: string): Verdict => ({
      dataCenter,
      feasible: false,
      score: 0,
      terms: [],
      reason: { ...blocked, code: 'NOT_SELECTED', dataCenter },
    });
    expect(await why({ verdicts: [excluded('north-1'), excluded('south-1')] })).toMatch(
      /^evaluate is queued for 3m12s: no data center can take it as it is\n/,
    );
  });
  test('who cancelled it is told as elsewhere', async () => {
    const message =
      'cancelled by spiffe://isobar.internal/tenant/health/user/anna: over; by spiffe://isobar.internal/operator/olga';
    const reason = { ...blocked, code: 'CANCELLED_BY_USER', message };
    const job = { ...EVALUATE, state: JobState.CANCELLED, reason };
    expect(await why({ job })).toContain('cancelled by health/anna: over; by operator olga\n');
  });
  test('it is held', async () => {
    const held = { ...EVALUATE, state: JobState.HELD };
    const reason = {
      ...blocked,
      code: 'HELD',
      message: 'the job is held; release it to let it run',
    };
    expect(await why({ job: held, blocked: reason })).toMatchInlineSnapshot(`
      "evaluate is held for 3m12s: the job is held; release it to let it run
      What would change it: release it: isobar release
      "
    `);
  });
  test('the quota is used up', async () => {
    const reason = {
      ...blocked,
      code: 'QUOTA_EXCEEDED',
      subject: 'health',
      message: 'tenant health would exceed its quota: 16 CPU needed, 4 left',
    };
    expect(await why({ blocked: reason })).toMatchInlineSnapshot(`
      "evaluate is queued for 3m12s: tenant health would exceed its quota: 16 CPU needed, 4 left
      What would change it: jobs of health that end, or a larger quota: isobar apply
      "
    `);
  });
  test('it fits and is next', async () => {
    const verdicts = [
      {
        dataCenter: 'north-1',
        feasible: true,
        reason: undefined,
        score: 0.71,
        terms: [
          { name: 'room', value: 0.41 },
          { name: 'balance', value: 0.3 },
        ],
      },
    ];
    expect(await why({ verdicts, job: { ...EVALUATE, reason: undefined } })).toMatchInlineSnapshot(`
      "evaluate is queued for 3m12s: the scheduler has not come to it yet
      It fits in 1 of 1 data center.

      DATA CENTER  FITS  SCORE  WHY
      north-1      yes    0.71  room 0.41 + balance 0.30
      "
    `);
  });
  test('it runs already', async () => {
    expect(await why({ job: TRAIN })).toMatchInlineSnapshot(`
      "train-7 is running in north-1
      Chosen because: room 0.41, balance 0.30, distance 0.10
      "
    `);
  });
  test('as JSON', async () => {
    await using bed = await startTestbed({ explainJob: () => WHY });
    const { out } = await bed.run('why', 'evaluate', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({
      jobs_ahead: 4,
      verdicts: [{ reason: { code: 'INSUFFICIENT' } }, {}, {}],
    });
  });
});

test('isobar simulate tells where each job would go', async () => {
  await using bed = await startTestbed({
    simulateJobs: () => ({
      jobs: [
        {
          jobId: 'a',
          dataCenter: 'north-1',
          reason: undefined,
          verdicts: [
            {
              dataCenter: 'north-1',
              feasible: true,
              reason: undefined,
              score: 0.7,
              terms: [{ name: 'room', value: 0.7 }],
            },
          ],
        },
        {
          jobId: 'b',
          dataCenter: '',
          reason: {
            code: 'NO_DATA_CENTER',
            dataCenter: '',
            subject: '',
            needed: 0,
            available: 0,
            message: 'fits in no data center now',
          },
          verdicts: [],
        },
      ],
      revision: 905,
    }),
  });
  expect(await bed.runWith({ cwd: folder }, 'simulate', '-f', 'jobs.yaml')).toMatchInlineSnapshot(`
    {
      "code": 1,
      "err": "",
      "out": "JOB  WOULD           BECAUSE
    a    run in north-1  the only one with room: room 0.70
    b    wait            fits in no data center now
    ",
    }
  `);
});

describe('isobar logs', () => {
  test('prints what was written, byte for byte', async () => {
    await using bed = await startTestbed({
      readLogs: () => [
        { data: Buffer.from('first\n'), skippedBytes: 20_480 },
        { data: Buffer.from('\u001B[1mbold\u001B[0m\n'), skippedBytes: 0 },
      ],
    });
    expect(await bed.run('logs', 'train-7', '-f', '--rank', '2', '--previous')).toEqual({
      code: 0,
      out: 'first\n\u001B[1mbold\u001B[0m\n',
      err: '(20 KiB before this are no longer kept)\n',
    });
    expect(bed.fake.requests[0]?.request).toMatchObject({
      name: 'tenants/health/jobs/train-7',
      follow: true,
      rank: 2,
      previous: true,
    });
  });
});

describe('changing jobs', () => {
  const changed: ChangeJobsResponse = { changed: ['train-7'], refused: [], revision: 906 };
  const everything: FakeHandlers = {
    holdJobs: () => changed,
    releaseJobs: () => changed,
    requeueJobs: () => changed,
    reprioritizeJobs: () => changed,
    cancelJobs: () => changed,
  };

  test.each([
    ['hold', [], 'job train-7 held\n'],
    ['release', [], 'job train-7 released\n'],
    ['requeue', ['--dry-run'], 'job train-7 would be stopped and queued again\n'],
    ['reprioritize', ['--priority', '-5'], 'job train-7 reprioritized\n'],
    ['cancel', ['-m', 'wrong data'], 'job train-7 cancelled\n'],
  ])('isobar %s', async (verb, options, out) => {
    await using bed = await startTestbed(everything);
    expect(await bed.run(verb, 'train-7', ...options)).toEqual({ code: 0, out, err: '' });
    expect(bed.fake.requests[0]?.request).toMatchObject({
      selector: { parent: 'tenants/health', jobIds: ['train-7'], jobSet: '' },
      validateOnly: options.includes('--dry-run'),
    });
  });

  test('of a set', async () => {
    await using bed = await startTestbed(everything);
    await bed.run('cancel', '--set', 'night', '-n', 'energy');
    expect(bed.fake.requests[0]?.request).toMatchObject({
      selector: { parent: 'tenants/energy', jobIds: [], jobSet: 'night' },
    });
  });

  test.each([
    ['JOB_NOT_FOUND', 3],
    ['JOB_ENDED', 2],
  ])('a refusal for %s exits with %s', async (code, exit) => {
    const reason = {
      code,
      dataCenter: '',
      subject: '',
      needed: 0,
      available: 0,
      message: 'it says why',
    };
    await using bed = await startTestbed({
      cancelJobs: () => ({ changed: [], refused: [{ jobId: 'x', reason }], revision: 1 }),
    });
    expect(await bed.run('cancel', 'x')).toEqual({
      code: exit,
      out: '',
      err: 'job x not changed: it says why\n',
    });
  });

  test.each([
    ['nothing is named', ['cancel'], 'error: no job'],
    ['names and a set', ['cancel', 'a', '--set', 's'], 'error: names or --set, not both'],
    [
      'two tenants',
      ['cancel', 'a/x', 'b/y'],
      'error: jobs of several tenants (a, b): one call serves one tenant',
    ],
    [
      'a wrong priority',
      ['reprioritize', 'a', '--priority', '5000'],
      'expected a whole number from -1000 to 1000',
    ],
  ])('%s: the command line is wrong', async (_, argv, message) => {
    await using bed = await startTestbed(everything);
    const { code, err } = await bed.run(...argv);
    expect(code).toBe(64);
    expect(err).toContain(message);
    expect(bed.fake.requests).toEqual([]);
  });
});
