import { status, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  GetJobRequest,
  JobServiceService,
  JobState,
  JobSubmission,
  ListJobsRequest,
  SubmitJobRequest,
  SubmitJobsRequest,
  SubmitJobStreamRequest,
  type Job,
  type SubmitJobsResponse,
} from '#gen/isobar/v1/job.ts';
import { RunState } from '#gen/isobar/v1/run.ts';
import { controllerInMemory } from '#simulation/controller.ts';
import { realClock } from '../testbed.ts';
import { job, World, type Person } from './testing.ts';
import { detailsOf } from './testing-details.ts';

const api = JobServiceService;
let world: World;
beforeAll(async () => {
  world = await World.open(controllerInMemory(realClock));
});
afterAll(() => world.close());

const submit = (tenant: string, one: JobSubmission, validateOnly = false) =>
  SubmitJobRequest.create({ parent: `tenants/${tenant}`, job: one, validateOnly });
const batch = (jobs: JobSubmission[], words: Partial<SubmitJobsRequest> = {}) =>
  SubmitJobsRequest.create({ parent: 'tenants/energy', jobs, ...words });
const get = (name: string, minRevision = 0) => GetJobRequest.create({ name, minRevision });
const list = (words: Partial<ListJobsRequest>) =>
  ListJobsRequest.create({ parent: 'tenants/energy', ...words });
const idsOf = (jobs: readonly Job[]) => jobs.map(({ name }) => name.split('/').at(-1));

describe('submission', () => {
  test('answers the job with its defaults, and it can be read', async () => {
    const one = job('first', { spec: { jobSet: 'night', labels: { team: 'a' }, hold: true } });
    const made = await world.call('anna', api.submitJob, submit('energy', one));
    expect(made).toMatchObject({
      name: 'tenants/energy/jobs/first',
      user: 'tenants/energy/users/anna',
      state: JobState.HELD,
      jobSet: 'night',
      labels: { team: 'a' },
      spec: { stopSignal: 'SIGTERM', classification: 1, retry: { maxAttempts: 1 } },
    });
    expect(made.uid).toBeGreaterThan(0);
    const read = await world.call('anna', api.getJob, get(made.name, made.revision));
    expect(read).toEqual({ ...made, revision: read.revision, reason: read.reason });
    expect(read.reason?.code).toBe('HELD');
  });

  test('makes an id where none is given', async () => {
    const made = await world.call('anna', api.submitJob, submit('energy', job('')));
    expect(made.name).toMatch(/^tenants\/energy\/jobs\/[a-z2-7]{16}$/);
  });

  test('names every wrong field at once', async () => {
    const wrong = job('Bad Id', { group: { command: [] }, spec: { priority: 9999 } });
    const { error } = await world.ask('anna', api.submitJob, submit('energy', wrong));
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    const { violations } = detailsOf(error);
    expect(violations.map(([field]) => field)).toEqual(['groups[0].command', 'priority', 'job_id']);
  });

  test('of a job above the clearance of its tenant is refused', async () => {
    const { error } = await world.ask(
      'anna',
      api.submitJob,
      submit('energy', job('s', { spec: { classification: 4 } })),
    );
    expect(detailsOf(error).violations[0]?.[0]).toBe('classification');
  });

  test('with a credential says to use a secret', async () => {
    const env = [{ name: 'DB_PASSWORD', source: { $case: 'value' as const, value: 'hunter22' } }];
    const { error } = await world.ask(
      'anna',
      api.submitJob,
      submit('energy', job('c', { group: { env } })),
    );
    expect(detailsOf(error).violations).toEqual([
      ['groups[0].env[0].value', expect.stringContaining('secret of the data center')],
    ]);
    expect(JSON.stringify(error)).not.toContain('hunter22');
  });

  test('checked only changes nothing', async () => {
    const { revision } = world.parts.loop.state;
    const made = await world.call('anna', api.submitJob, submit('energy', job('ghost'), true));
    expect(made).toMatchObject({
      name: 'tenants/energy/jobs/ghost',
      uid: 0,
      state: JobState.QUEUED,
    });
    expect(made.spec?.groups[0]?.replicas).toBe(1);
    const { results } = await world.call(
      'anna',
      api.submitJobs,
      batch([job('ghost'), job('ghost')], { validateOnly: true }),
    );
    expect(results).toMatchObject([
      { jobId: 'ghost', uid: 0, existed: false },
      { jobId: 'ghost', existed: true },
    ]);
    expect(world.parts.loop.state.revision).toBe(revision);
    expect(
      (await world.ask('anna', api.getJob, get('tenants/energy/jobs/ghost'))).error?.code,
    ).toBe(status.NOT_FOUND);
  });

  test('by somebody from a tenant above does not take the name of a namesake', async () => {
    const made = await world.call('nora', api.submitJob, submit('energy', job('from-above')));
    expect(made.user).toBe('tenants/nation/users/nora');
    const read = await world.call('anna', api.getJob, get(made.name));
    expect(read.user).toBe('tenants/nation/users/nora');
    const user = 'tenants/nation/users/nora';
    expect(idsOf((await world.call('anna', api.listJobs, list({ user }))).jobs)).toEqual([
      'from-above',
    ]);
    const everywhere = await world.call('nora', api.listJobs, list({ parent: 'tenants/-', user }));
    expect(idsOf(everywhere.jobs)).toEqual(['from-above']);
  });
});

describe('the same submission again', () => {
  test('by its id is the same job', async () => {
    const first = await world.call('anna', api.submitJob, submit('energy', job('twice')));
    const again = await world.call('anna', api.submitJob, submit('energy', job('twice')));
    expect(again.uid).toBe(first.uid);
  });

  test('by its key is the same job, whose made id comes back', async () => {
    const first = await world.call('anna', api.submitJobs, batch([job('', { key: 'k1' })]));
    const again = await world.call('anna', api.submitJobs, batch([job('', { key: 'k1' })]));
    expect(again.results).toEqual([{ ...first.results[0], existed: true }]);
  });

  test.each([
    ['id with another specification', job('twice', { cpus: 2 })],
    ['key with another specification', job('', { key: 'k1', cpus: 2 })],
    ['key with another id', job('other', { key: 'k1' })],
  ])('with the same %s is refused', async (_, again) => {
    const { error } = await world.ask('anna', api.submitJob, submit('energy', again));
    expect([error?.code, detailsOf(error).reason]).toEqual([status.ALREADY_EXISTS, 'JOB_EXISTS']);
  });

  test('with the order of a map changed is the same job', async () => {
    const labelled = (labels: Record<string, string>) =>
      submit('energy', job('maps', { spec: { labels } }));
    const first = await world.call('anna', api.submitJob, labelled({ a: '1', b: '2' }));
    expect((await world.call('anna', api.submitJob, labelled({ b: '2', a: '1' }))).uid).toBe(
      first.uid,
    );
  });
});

describe('a batch', () => {
  test('is accepted or refused job by job, in the order of the request', async () => {
    const jobs = [
      job('b1'),
      job('b2', { spec: { priority: 5000 } }),
      job('b3', { spec: { after: [{ job: 'b1', condition: 0 }] } }),
    ];
    const { results, revision } = await world.call('anna', api.submitJobs, batch(jobs));
    expect(results).toMatchObject([
      { jobId: 'b1', error: undefined },
      {
        jobId: 'b2',
        uid: 0,
        error: { code: 3, reason: 'INVALID_FIELDS', fieldViolations: [{ field: 'priority' }] },
      },
      { jobId: 'b3', error: undefined },
    ]);
    expect(revision).toBeGreaterThan(0);
  });

  test('of all or nothing is nothing when one is refused', async () => {
    const { revision } = world.parts.loop.state;
    for (const bad of [
      job('n2', { spec: { priority: 5000 } }),
      job('n2', { spec: { after: [{ job: 'nobody', condition: 0 }] } }),
    ]) {
      const { results } = await world.call(
        'anna',
        api.submitJobs,
        batch([job('n1'), bad], { allOrNothing: true }),
      );
      expect(results.map(({ uid }) => uid)).toEqual([0, 0]);
      expect(results[0]?.error?.reason).toBe('OTHER_JOB_REFUSED');
    }
    expect(world.parts.loop.state.revision).toBe(revision);
  });

  test('keeps the specification of the job that was accepted when ids collide', async () => {
    const jobs = [job('same', { cpus: 3 }), job('same', { cpus: 4 })];
    const { results } = await world.call('anna', api.submitJobs, batch(jobs));
    expect(results).toMatchObject([{ error: undefined }, { error: { reason: 'JOB_EXISTS' } }]);
    const read = await world.call('anna', api.getJob, get('tenants/energy/jobs/same'));
    expect(read.spec?.groups[0]?.resources?.cpuMillis).toBe(3000);
  });

  test.each([[0], [10_001]])('of %i jobs is refused whole', async (count) => {
    const jobs = Array.from({ length: count }, () => job(''));
    const { error } = await world.ask('anna', api.submitJobs, batch(jobs));
    expect(detailsOf(error).violations[0]?.[0]).toBe('jobs');
  });
});

describe('a stream of batches', () => {
  const open = async () => world.openBidi('anna', api.submitJobStream);
  const send = (id: string, words?: Partial<SubmitJobsRequest>) =>
    SubmitJobStreamRequest.create({ batch: batch([job(id)], words) });

  test('answers each when it is durable, in order', async () => {
    const stream = await open();
    for (let i = 0; i < 50; i++) stream.write(send(`s${i}`));
    stream.end();
    const answers: SubmitJobsResponse[] = await stream.toArray();
    expect(answers.map(({ results }) => results[0]?.jobId)).toEqual(
      Array.from({ length: 50 }, (_, i) => `s${i}`),
    );
    const revisions = answers.map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  });

  test('answers what came before a mistake', async () => {
    const stream = await open();
    const answers: string[] = [];
    stream.on('data', ({ results }: SubmitJobsResponse) => answers.push(results[0]?.jobId ?? ''));
    for (const id of ['m1', 'm2', 'm3']) stream.write(send(id));
    stream.write(SubmitJobStreamRequest.create({ batch: batch([]) }));
    const error = await new Promise<ServiceError>((resolve) => stream.on('error', resolve));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(detailsOf(error).violations[0]?.[0]).toBe('batch.jobs');
    expect(answers).toEqual(['m1', 'm2', 'm3']);
  });
});

describe('lists', () => {
  test('go from page to page without a gap, newest first, whatever comes meanwhile', async () => {
    const ids = Array.from({ length: 25 }, (_, i) => `p${String(i).padStart(2, '0')}`);
    const paged = (id: string) => job(id, { spec: { jobSet: 'pages' } });
    await world.call('anna', api.submitJobs, batch(ids.map(paged)));
    for (const states of [[], [JobState.QUEUED]]) {
      const found: string[] = [];
      let pageToken = '';
      do {
        const request = list({ jobSet: 'pages', pageSize: 10, pageToken, states });
        const page = await world.call('vera', api.listJobs, request);
        found.push(...page.jobs.map(({ name }) => name.split('/').at(-1) ?? ''));
        pageToken = page.nextPageToken;
        await world.call(
          'anna',
          api.submitJob,
          submit('energy', paged(`later${found.length}-${states.length}`)),
        );
      } while (pageToken !== '');
      expect(found.filter((id) => id.startsWith('p'))).toEqual(ids.toReversed());
    }
  });

  test('select by labels, state, set and user', async () => {
    const labelled = job('labelled', {
      spec: { labels: { team: 'x', tier: '1' }, jobSet: 'sel', hold: true },
    });
    await world.call(
      'anna',
      api.submitJobs,
      batch([labelled, job('plain', { spec: { jobSet: 'sel' } })]),
    );
    const ids = async (words: Partial<ListJobsRequest>) =>
      idsOf((await world.call('anna', api.listJobs, list({ jobSet: 'sel', ...words }))).jobs);
    expect(await ids({})).toEqual(['plain', 'labelled']);
    expect(await ids({ labels: { team: 'x' } })).toEqual(['labelled']);
    expect(await ids({ labels: { team: 'x', tier: '2' } })).toEqual([]);
    expect(await ids({ states: [JobState.HELD] })).toEqual(['labelled']);
    expect(await ids({ states: [JobState.HELD], labels: { team: 'x' } })).toEqual(['labelled']);
    expect(await ids({ states: [JobState.SUCCEEDED] })).toEqual([]);
    expect(await ids({ user: 'tenants/energy/users/anna' })).toEqual(['plain', 'labelled']);
    expect(await ids({ user: 'tenants/energy/users/vera' })).toEqual([]);
    const { jobs } = await world.call(
      'anna',
      api.listJobs,
      list({ jobSet: 'sel', includeSpec: true, states: [JobState.HELD] }),
    );
    expect(jobs[0]).toMatchObject({ labels: { team: 'x', tier: '1' }, spec: { hold: true } });
  });

  test('are told every wrong field at once', async () => {
    const wrong = list({
      pageSize: 5000,
      pageToken: 'x',
      user: 'anna',
      states: [0],
      labels: { '=': '' },
    });
    const { error } = await world.ask('anna', api.listJobs, wrong);
    const { violations } = detailsOf(error);
    expect(violations.map(([field]) => field)).toEqual([
      'page_size',
      'page_token',
      'labels["="]',
      'user',
      'states[0]',
    ]);
  });
});

describe('changes', () => {
  test('of named jobs say of each why not, of a set only what was changed', async () => {
    const set = (id: string) => job(id, { spec: { jobSet: 'change' } });
    await world.call('anna', api.submitJobs, batch([set('c1'), set('c2'), set('c3')]));
    const selector = (words: object) => ({
      parent: 'tenants/energy',
      jobIds: [],
      jobSet: '',
      ...words,
    });
    const hold = await world.call('anna', api.holdJobs, {
      selector: selector({ jobIds: ['c1', 'nobody'] }),
      validateOnly: false,
    });
    expect(hold).toMatchObject({
      changed: ['c1'],
      refused: [{ jobId: 'nobody', reason: { code: 'JOB_NOT_FOUND' } }],
    });
    const release = await world.call('anna', api.releaseJobs, {
      selector: selector({ jobSet: 'change' }),
      validateOnly: false,
    });
    expect(release).toMatchObject({ changed: ['c1'], refused: [] });
    const higher = { selector: selector({ jobIds: ['c2'] }), priority: 7, validateOnly: false };
    await world.call('anna', api.reprioritizeJobs, higher);
    expect((await world.call('anna', api.getJob, get('tenants/energy/jobs/c2'))).priority).toBe(7);
    const checked = { selector: selector({ jobSet: 'change' }), message: '', validateOnly: true };
    expect((await world.call('anna', api.cancelJobs, checked)).changed).toHaveLength(3);
    const cancel = { ...checked, message: 'wrong inputs', validateOnly: false };
    const cancelled = await world.call('anna', api.cancelJobs, cancel);
    expect(cancelled.changed.toSorted()).toEqual(['c1', 'c2', 'c3']);
    const ended = await world.call(
      'anna',
      api.getJob,
      get('tenants/energy/jobs/c3', cancelled.revision),
    );
    expect(ended).toMatchObject({
      state: JobState.CANCELLED,
      reason: { code: 'CANCELLED_BY_USER', message: expect.stringContaining('wrong inputs') },
    });
    expect(ended.spec?.groups).toHaveLength(1);
  });

  test('need one selection: jobs or a set', async () => {
    const both = {
      selector: { parent: 'tenants/energy', jobIds: ['a'], jobSet: 'b' },
      validateOnly: false,
    };
    const { error } = await world.ask('anna', api.holdJobs, both);
    expect(detailsOf(error).violations[0]?.[0]).toBe('selector');
  });
});

describe('freshness', () => {
  test('a read of a revision that is not there yet waits for it, and no longer than its deadline', async () => {
    const { durable } = world.parts.loop.gate;
    const name = 'tenants/energy/jobs/fresh';
    const waiting = world.ask('anna', api.getJob, get(name, durable + 1));
    await world.call('anna', api.submitJob, submit('energy', job('fresh')));
    expect((await waiting).error).toBeNull();
    const never = await world.ask('anna', api.getJob, get(name, durable + 1_000_000), {
      deadline: Date.now() + 300,
    });
    expect(never.error?.code).toBe(status.DEADLINE_EXCEEDED);
  });
});

describe('jobs with a data center', () => {
  test('are explained, simulated as they then go, run, logged and kept', async () => {
    await world.putDataCenter('north-1');
    await world.putDataCenter('south-1', { region: 'south', clearance: 1 });
    // Everything that the tests before left in the queue is out of the way.
    const queued = await world.call(
      'ada',
      api.listJobs,
      list({ pageSize: 1000, states: [JobState.QUEUED, JobState.HELD] }),
    );
    const jobIds = queued.jobs.map(({ name }) => name.split('/').at(-1) ?? '');
    await world.call('ada', api.cancelJobs, {
      selector: { parent: 'tenants/energy', jobIds, jobSet: '' },
      message: '',
      validateOnly: false,
    });
    const agent = await world.agent('north-1', [4, 4]);

    const wanted = [
      job('w1', { cpus: 4 }),
      job('w2', { cpus: 4 }),
      job('w3', { cpus: 4 }),
      job('w4', { cpus: 64 }),
      job('w5', { spec: { hold: true } }),
      job('w6', { spec: { priority: 4000 } }),
    ];
    const { revision } = world.parts.loop.state;
    const supposed = await world.call('anna', api.simulateJobs, {
      parent: 'tenants/energy',
      jobs: wanted,
    });
    expect(world.parts.loop.state.revision).toBe(revision);
    const real = await world.call('anna', api.submitJobs, batch(wanted));
    await agent.next('assignments');
    const places = await Promise.all(
      wanted.slice(0, 5).map(async ({ jobId }) => {
        const { run } = await world.call(
          'anna',
          api.getJob,
          get(`tenants/energy/jobs/${jobId}`, real.revision),
        );
        return run?.parts[0]?.dataCenter ?? '';
      }),
    );
    expect(supposed.jobs.map(({ dataCenter }) => dataCenter)).toEqual([...places, '']);
    expect(places).toEqual(['north-1', 'north-1', '', '', '']);
    expect(supposed.jobs.map(({ reason }) => reason?.code)).toEqual([
      undefined,
      undefined,
      'NO_DATA_CENTER',
      'NO_DATA_CENTER',
      'HELD',
      'INVALID_FIELDS',
    ]);
    expect(
      supposed.jobs[3]?.verdicts
        .map(({ dataCenter, reason }) => `${dataCenter} ${reason?.code}`)
        .toSorted(),
    ).toEqual(['north-1 TOO_LARGE', 'south-1 NOT_ACTIVE']);

    const why = await world.call('vera', api.explainJob, { name: 'tenants/energy/jobs/w3' });
    expect(why).toMatchObject({ jobsAhead: 0, blocked: undefined });
    expect(
      why.verdicts.map(({ dataCenter, reason }) => `${dataCenter} ${reason?.code}`).toSorted(),
    ).toEqual(['north-1 INSUFFICIENT', 'south-1 NOT_ACTIVE']);
    expect(
      (await world.call('vera', api.explainJob, { name: 'tenants/energy/jobs/w5' })).blocked?.code,
    ).toBe('HELD');

    const name = 'tenants/energy/jobs/w1';
    const { uid } = await world.call('anna', api.getJob, get(name));
    agent.report({ jobUid: uid, index: 0, epoch: 1 }, RunState.RUNNING);
    agent.report({ jobUid: uid, index: 0, epoch: 1 }, RunState.FAILED, {
      exitCode: 3,
      runMillis: 1500,
    });
    await agent.next('acknowledged');
    await agent.next('acknowledged');
    const ended = await world.call('anna', api.getJob, get(name, real.revision + 1));
    expect(ended).toMatchObject({
      state: JobState.FAILED,
      exitCode: 3,
      run: { state: RunState.FAILED, parts: [{ dataCenter: 'north-1' }] },
    });
    expect(ended.endTime!.getTime() - ended.startTime!.getTime()).toBeGreaterThanOrEqual(0);
    const failed = await world.call(
      'anna',
      api.listJobs,
      list({ states: [JobState.FAILED], includeSpec: true }),
    );
    expect(failed.jobs).toMatchObject([{ name, spec: { groups: [{ command: ['true'] }] } }]);
    agent.stream.end();
  });
});

describe('isolation', () => {
  const NAME = 'tenants/energy/jobs/first';
  const selector = { parent: 'tenants/energy', jobIds: ['first'], jobSet: '' };
  const ways: [string, (who: Person) => Promise<number | undefined>][] = [
    ['read', async (who) => (await world.ask(who, api.getJob, get(NAME))).error?.code],
    ['list', async (who) => (await world.ask(who, api.listJobs, list({}))).error?.code],
    ['explain', async (who) => (await world.ask(who, api.explainJob, { name: NAME })).error?.code],
    [
      'hold',
      async (who) =>
        (await world.ask(who, api.holdJobs, { selector, validateOnly: true })).error?.code,
    ],
    [
      'submit',
      async (who) =>
        (await world.ask(who, api.submitJob, submit('energy', job('iso'), true))).error?.code,
    ],
    [
      'simulate',
      async (who) =>
        (await world.ask(who, api.simulateJobs, { parent: 'tenants/energy', jobs: [job('iso')] }))
          .error?.code,
    ],
  ];
  const { NOT_FOUND, PERMISSION_DENIED } = status;
  const allowed: Record<string, readonly (number | undefined)[]> = {
    anna: [undefined, undefined, undefined, undefined, undefined, undefined],
    vera: [
      undefined,
      undefined,
      undefined,
      PERMISSION_DENIED,
      PERMISSION_DENIED,
      PERMISSION_DENIED,
    ],
    nora: [undefined, undefined, undefined, undefined, undefined, undefined],
    gus: [NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND],
    hana: [NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND],
    omar: [undefined, undefined, undefined, undefined, PERMISSION_DENIED, PERMISSION_DENIED],
    pia: [NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND],
  };
  const cases = Object.entries(allowed).flatMap(([who, codes]) =>
    ways.map(([way, ask], i) => [who as Person, way, codes[i], ask] as const),
  );
  test.each(cases)('%s may %s: %s', async (who, _, code, ask) => {
    expect(await ask(who)).toBe(code);
  });

  test('lists of all that one may see cover exactly that', async () => {
    await world.call('hana', api.submitJob, submit('health', job('h1')));
    await world.call('gus', api.submitJob, submit('grid', job('g1')));
    const tenants = async (who: Person, states: JobState[]) => {
      const { jobs } = await world.call(
        who,
        api.listJobs,
        list({ parent: 'tenants/-', pageSize: 1000, states }),
      );
      return [...new Set(jobs.map(({ name }) => name.split('/')[1] ?? ''))].toSorted();
    };
    for (const states of [[], [JobState.QUEUED, JobState.HELD]]) {
      expect(await tenants('hana', states)).toEqual(['health']);
      expect(await tenants('gus', states)).toEqual(['grid']);
      expect(await tenants('anna', states)).toEqual(['energy']);
      expect(await tenants('ada', states)).toEqual(['energy', 'grid']);
      expect(await tenants('nora', states)).toEqual(['energy', 'grid']);
      expect(await tenants('omar', states)).toEqual(['energy', 'grid', 'health']);
    }
  });

  test('nobody learns from a check what is there', async () => {
    const { error } = await world.ask('hana', api.listJobs, list({ pageSize: 5000 }));
    expect(error?.code).toBe(NOT_FOUND);
  });
});
