import { describe, expect, test } from 'vitest';
import { Job, JobState, RunState } from '#client/types.ts';
import { canned } from './canned.ts';
import { COAST, EVALUATE, HISTORY, NORTH, RUN } from './fixture.ts';
import { startTestbed, words } from './testbed.ts';

async function output(...argv: string[]): Promise<string> {
  await using bed = await startTestbed(canned());
  const { code, out, err } = await bed.run(...argv);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}

describe('isobar get', () => {
  test('data centers: how full they are', async () => {
    expect(await output('get', 'data-centers')).toMatchInlineSnapshot(`
      "NAME     CLASS     REGION  STATE                NODES  RUNS  CPU          MEMORY           GPU
      coast-1  agency    west    active, unreachable      1     0    0% of 8      0% of 32 GiB   -
      north-1  national  north   active                  12    34   42% of 384   42% of 1.5 TiB   44% of 8
      south-1  regional  south   cordoned                 2     4   98% of 128   98% of 512 GiB  -
      "
    `);
  });
  test('nodes', async () => {
    expect(await output('get', 'no', '--data-center', 'north-1')).toMatchInlineSnapshot(`
      "NAME         ROLE     STATE     CPU         MEMORY                       GPU
      north-1/n01  gpu      ready      80% of 64   75% of 256 GiB  1.5/2 A100 free
      north-1/n02  general  cordoned    0% of 32    0% of 128 GiB                -
      "
    `);
  });
  test('jobs', async () => {
    expect(await output('get', 'jobs')).toMatchInlineSnapshot(`
      "NAME      STATE    WHERE    RUNS   TIME    AGE  REASON
      train-7   running  north-1     2  3m12s   1h6m
      evaluate  queued   -           0      -  3m12s  fits in no data center now; ask why for each
      broken    failed   south-1     1    12s  2h31m  exit code 3
      "
    `);
  });
  test('jobs of all tenants', async () => {
    expect(await output('get', 'jobs', '-A')).toMatchInlineSnapshot(`
      "TENANT  NAME      STATE    WHERE    RUNS   TIME    AGE  REASON
      health  train-7   running  north-1     2  3m12s   1h6m
      health  evaluate  queued   -           0      -  3m12s  fits in no data center now; ask why for each
      health  broken    failed   south-1     1    12s  2h31m  exit code 3
      "
    `);
  });
  test('jobs, wide', async () => {
    expect(await output('get', 'jobs', '-o', 'wide')).toMatchInlineSnapshot(`
      "NAME      STATE    WHERE    RUNS   TIME    AGE  SET    PRIORITY  TASKS  CPU  MEMORY  EXIT  USER  LABELS       REASON
      train-7   running  north-1     2  3m12s   1h6m  night        10      3   12  48 GiB     -  anna  team=vision  -
      evaluate  queued   -           0      -  3m12s  -             0      0    0       0     -  anna  team=vision  fits in no data center now; ask why for each
      broken    failed   south-1     1    12s  2h31m  -             0      0    0       0     3  bert  -            exit code 3
      "
    `);
  });
  test('runs', async () => {
    expect(await output('get', 'runs')).toMatchInlineSnapshot(`
      "NAME         STATE    WHERE    NODES    TASKS   TIME  REASON
      train-7/0-2  running  north-1  n01,n03      3  3m12s
      "
    `);
  });
  test('tenants', async () => {
    expect(await output('get', 'te')).toMatchInlineSnapshot(`
      "NAME     PARENT  WEIGHT  QUEUED  RUNNING  CPU          MEMORY         GPU
      clinics  health     100       0        0  -            -              -
      health   -          200      12       30   82% of 500   34% of 2 TiB  -
      "
    `);
  });
  test('links', async () => {
    expect(await output('get', 'ln')).toMatchInlineSnapshot(`
      "NAME         FROM     TO       STATE   BANDWIDTH  LATENCY  PRICE/GiB
      north-south  north-1  south-1  up     100 Gbit/s   4.2 ms      0.005
      "
    `);
  });
  test('users', async () => {
    expect(await output('get', 'users')).toMatchInlineSnapshot(`
      "NAME            ROLES                   STATE    AGE
      health/anna     submitter,tenant-admin  active    3d
      operators/olga  operator                revoked  30d
      "
    `);
  });
  test('events', async () => {
    expect(await output('get', 'ev')).toMatchInlineSnapshot(`
      "REVISION  TIME (UTC)  KIND            RESOURCE              STATE       WHERE     REASON
           700  11:05:00    JOB_SUBMITTED   health/train-7        queued      -
           710  11:05:10    RUN_RESERVED    health/train-7        reserved    coast-1
           720  11:05:20    RUN_CHANGED     health/train-7        unknown     coast-1   its data center was not heard from for longer than its lease
           730  11:05:30    RUN_RESERVED    health/train-7        reserved    north-1
           740  11:05:40    RUN_CHANGED     health/train-7        running     north-1
      "
    `);
  });
  test('names only', async () => {
    expect(await output('get', 'dc', '-o', 'name')).toBe(
      'dataCenters/coast-1\ndataCenters/north-1\ndataCenters/south-1\n',
    );
  });
  test('what a label selects', async () => {
    expect(await output('get', 'dc', '-l', 'tier=one', '-o', 'name')).toBe('dataCenters/north-1\n');
  });
  test('one as YAML, in the words of the API', async () => {
    expect(await output('get', 'te', 'health', '-o', 'yaml')).toMatchInlineSnapshot(`
      "name: tenants/health
      display_name: Ministry of Health
      weight: 200
      clearance: CLASSIFICATION_CONFIDENTIAL
      quota:
        cpu_millis: 500000
        memory_mib: 2097152
      allocated:
        cpu_millis: 410000
        memory_mib: 716800
      queued_jobs: 12
      running_jobs: 30
      create_time: 2026-10-12T12:00:00.000Z
      etag: h1
      "
    `);
  });
  test('a list as JSON', async () => {
    const { items } = JSON.parse(await output('get', 'jobs', '-o', 'json'));
    expect(items).toHaveLength(3);
    expect(items[0]).toMatchObject({
      state: 'JOB_STATE_RUNNING',
      labels: { team: 'vision' },
      spec: { max_run_time: '7200s' },
    });
  });
  test('an empty list as JSON and as YAML', async () => {
    await using bed = await startTestbed(
      canned({ listLinks: () => ({ links: [], nextPageToken: '', revision: 1 }) }),
    );
    expect(JSON.parse((await bed.run('get', 'links', '-o', 'json')).out)).toEqual({ items: [] });
    expect((await bed.run('get', 'links', '-o', 'yaml')).out).toBe('items: []\n');
    expect(await bed.run('get', 'links')).toEqual({ code: 0, out: '', err: 'no links\n' });
  });

  test('asks the controller for what was selected', async () => {
    await using bed = await startTestbed(canned());
    await bed.run(
      'get',
      'jobs',
      '--state',
      'queued,held',
      '-l',
      'team=vision',
      '--set',
      'night',
      '--user',
      'health/anna',
    );
    expect(bed.fake.requests).toMatchObject([
      {
        method: 'listJobs',
        request: {
          parent: 'tenants/health',
          states: [JobState.QUEUED, JobState.HELD],
          labels: { team: 'vision' },
          jobSet: 'night',
          user: 'tenants/health/users/anna',
        },
      },
    ]);
  });

  test('reads page after page, and stops at the limit of a table', async () => {
    const page = (first: number): Job[] =>
      Array.from({ length: 300 }, (_, i) =>
        Job.create({ name: `tenants/health/jobs/j${first + i}` }),
      );
    await using bed = await startTestbed({
      listJobs: ({ pageToken }) => ({
        jobs: page(Number(pageToken)),
        nextPageToken: String(Number(pageToken) + 300),
        revision: 1,
      }),
    });
    const { out, err } = await bed.run('get', 'jobs');
    expect(out.trimEnd().split('\n')).toHaveLength(501);
    expect(err).toBe('the newest 500; --limit 0 shows all\n');
    expect(bed.fake.requests).toHaveLength(2);
  });

  test('makes text of others harmless to a terminal', async () => {
    const evil = {
      ...EVALUATE,
      reason: { ...EVALUATE.reason!, message: 'a\u001B]0;owned\u0007b' },
    }; // set in the fixture
    await using bed = await startTestbed({
      listJobs: () => ({ jobs: [evil], nextPageToken: '', revision: 1 }),
    });
    const { out } = await bed.run('get', 'jobs');
    expect(out).toContain('a ]0;owned b');
    expect(out).not.toContain('\u001B');
  });

  test('has colour for a person, unless told otherwise', async () => {
    await using bed = await startTestbed(canned());
    const coloured = await bed.runWith({ terminal: true }, 'get', 'dc');
    expect(coloured.out).toContain('\u001B[31mactive, unreachable\u001B[39m');
    const plain = await bed.runWith({ terminal: true, env: { NO_COLOR: '1' } }, 'get', 'dc');
    expect(plain.out).not.toContain('\u001B');
  });

  test('cuts sentences to the terminal', async () => {
    await using bed = await startTestbed(canned());
    const { out } = await bed.runWith(
      { terminal: true, columns: 60, env: { NO_COLOR: '1' } },
      'get',
      'jobs',
    );
    expect(out).toContain('fits in no …');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBe(60);
  });
});

test('of several names, the one that is not there is told', async () => {
  await using bed = await startTestbed(canned());
  const { code, err } = await bed.run('get', 'jobs', 'evaluate', 'nosuch');
  expect(code).toBe(3);
  expect(err).toMatch(/^error: there is no job nosuch\nnext: list what there is/);
});

describe('isobar get --watch', () => {
  test('prints a job again when an event names it', async () => {
    let placed = false;
    await using bed = await startTestbed(
      canned({
        getJob: () => ({
          ...EVALUATE,
          state: JobState.RUNNING,
          run: { ...RUN, state: RunState.RUNNING },
          epoch: 1,
        }),
        async *watchEvents(_, signal) {
          placed = true;
          yield { revision: 906, events: [{ ...HISTORY[4]!, resource: EVALUATE.name }] }; // five in the fixture
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      }),
    );
    const { code, out } = await bed.runWith(
      { onOutput: (text, interrupt) => /evaluate +running/.test(text) && interrupt() },
      'get',
      'jobs',
      '--watch',
    );
    expect({ code, placed }).toEqual({ code: 130, placed: true });
    expect(out.split('\n').filter((line) => line.startsWith('evaluate'))).toMatchInlineSnapshot(`
      [
        "evaluate  queued   -           0      -  3m12s  fits in no data center now; ask why for each",
        "evaluate  running  north-1     1      -  3m12s  fits in no data center now; ask why for each",
      ]
    `);
    expect(bed.fake.requests.find(({ method }) => method === 'watchEvents')?.request).toMatchObject(
      {
        parent: 'tenants/health',
        fromRevision: 905,
      },
    );
  });

  test('looks again at what has no events, and prints only what changed', async () => {
    let looks = 0;
    await using bed = await startTestbed({
      listDataCenters: () => {
        looks += 1;
        return {
          dataCenters: looks < 3 ? [COAST, NORTH] : [{ ...COAST, reachable: true }, NORTH],
          nextPageToken: '',
          revision: looks,
        };
      },
    });
    const { out } = await bed.runWith(
      { onOutput: (text, interrupt) => text.split('coast-1').length > 2 && interrupt() },
      ...words('get dc --watch --interval 1ms -o name'),
    );
    expect(out).toBe('dataCenters/coast-1\ndataCenters/north-1\ndataCenters/coast-1\n');
  });

  test('of events prints each as it comes, a line of JSON if asked', async () => {
    await using bed = await startTestbed(
      canned({
        async *watchEvents({ parent }, signal) {
          if (parent !== '') yield { revision: 905, events: [...HISTORY] };
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      }),
    );
    const until = (lines: number) => (text: string, interrupt: () => void) => {
      if (text.split('\n').length > lines) interrupt();
    };
    const table = await bed.runWith({ onOutput: until(6) }, ...words('get events --watch'));
    expect(table.out).toMatchInlineSnapshot(`
      "REVISION  TIME (UTC)  KIND            RESOURCE              STATE       WHERE     REASON
           700  11:05:00    JOB_SUBMITTED   health/train-7        queued      -
           710  11:05:10    RUN_RESERVED    health/train-7        reserved    coast-1
           720  11:05:20    RUN_CHANGED     health/train-7        unknown     coast-1   its data center was not heard from for longer than its lease
           730  11:05:30    RUN_RESERVED    health/train-7        reserved    north-1
           740  11:05:40    RUN_CHANGED     health/train-7        running     north-1
      "
    `);
    const json = await bed.runWith({ onOutput: until(5) }, ...words('get events --watch -o json'));
    const kinds = json.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).kind);
    expect(kinds).toEqual(HISTORY.map(({ kind }) => kind));
  });
});
