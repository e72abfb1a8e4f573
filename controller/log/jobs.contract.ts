// The part of the contract about jobs: lists, lookups, ends, and the archive's expiry.
import { expect, test } from 'vitest';
import type { JobQuery } from '#ports/log.ts';
import type { Harness } from './contract.ts';
import { appendMore, encode, jobOf, queryOf, specsOf, uidsOf, within } from './groups.contract.ts';

const jobs = [
  jobOf(1, { tenant: 'health', user: 'ana', labels: 'app=scan\nteam=x' }),
  jobOf(2, { tenant: 'energy', user: 'ben', jobSet: 'night' }),
  jobOf(3, { tenant: 'health', user: 'ben', jobSet: 'night', labels: 'app=scan' }),
  jobOf(4, { tenant: 'water', user: 'ana', jobSet: 'day', labels: 'app=scanner\nteam=x' }),
  jobOf(5, { tenant: 'energy', user: 'ana', labels: 'team=x' }),
  jobOf(6, { tenant: 'health', user: 'ana', jobSet: 'night', labels: 'app=scan\nteam=x' }),
];

const lists: readonly [what: string, query: Partial<JobQuery>, uids: readonly number[]][] = [
  ['everything, newest first', {}, [6, 5, 4, 3, 2, 1]],
  ['a tenant', { tenants: ['health'] }, [6, 3, 1]],
  ['several tenants', { tenants: ['health', 'water'] }, [6, 4, 3, 1]],
  ['a tenant named twice', { tenants: ['health', 'health'] }, [6, 3, 1]],
  ['no tenant', { tenants: [] }, []],
  ['a tenant without jobs', { tenants: ['nobody'] }, []],
  ['a user', { user: 'ana' }, [6, 5, 4, 1]],
  ['a user of a tenant', { tenants: ['health'], user: 'ana' }, [6, 1]],
  ['a job set', { jobSet: 'night' }, [6, 3, 2]],
  ['a job set of tenants', { tenants: ['energy', 'water'], jobSet: 'night' }, [2]],
  ['a label', { labels: ['app=scan'] }, [6, 3, 1]],
  ['a label that begins like another', { labels: ['app=scanner'] }, [4]],
  ['all of two labels', { labels: ['team=x', 'app=scan'] }, [6, 1]],
  ['the beginning of a label', { labels: ['app'] }, []],
  [
    'everything at once',
    { tenants: ['health'], user: 'ana', jobSet: 'night', labels: ['team=x'] },
    [6],
  ],
  ['a page', { limit: 2 }, [6, 5]],
  ['the next page', { limit: 2, beforeUid: 5 }, [4, 3]],
  ['a page of tenants', { tenants: ['health', 'energy'], limit: 3, beforeUid: 6 }, [5, 3, 2]],
  ['a page of a job set', { jobSet: 'night', beforeUid: 6, limit: 1 }, [3]],
  ['what is before the first', { beforeUid: 1 }, []],
];

export function jobsContract(at: Harness): void {
  test('lists are selected, ordered and paged', async () => {
    await appendMore(at.log, 1, { submitted: jobs.slice(0, 4) });
    await appendMore(at.log, 1, { submitted: jobs.slice(4) });
    for (const [what, query, uids] of lists) {
      expect({ what, uids: await uidsOf(at.log, query) }).toEqual({ what, uids });
    }
    await at.reopen();
    for (const [what, query, uids] of lists) {
      expect({ what, uids: await uidsOf(at.log, query) }).toEqual({ what, uids });
    }
  });

  test('uids of a later incarnation of the federation are found like others', async () => {
    const base = 3 * 2 ** 40;
    await appendMore(at.log, 1, {
      submitted: jobs.map((job) => ({ ...job, uid: base + job.uid })),
    });
    for (const [what, query, uids] of lists) {
      const before = query.beforeUid === undefined ? {} : { beforeUid: base + query.beforeUid };
      const found = await uidsOf(at.log, { ...query, ...before });
      expect({ what, uids: found.map((uid) => uid - base) }).toEqual({ what, uids });
    }
    const { tenant, job } = jobOf(3, jobs[2]);
    expect((await at.log.getJob(tenant, job))?.uid).toBe(base + 3);
  });

  test('lists with and without specifications', async () => {
    await appendMore(at.log, 1, { submitted: jobs });
    const one = queryOf({ limit: 1 });
    const newest = { ...jobOf(6, jobs[5]), ended: undefined };
    expect(await at.log.listJobs(one)).toEqual([{ ...newest, spec: encode('') }]);
    expect(await at.log.listJobs({ ...one, withSpec: true })).toEqual([newest]);
  });

  test('a rare job is found among many', async () => {
    for (let first = 1; first <= 5000; first += 1000) {
      const submitted = Array.from({ length: 1000 }, (_, index) =>
        jobOf(first + index, {
          tenant: `tenant-${index % 30}`,
          user: first + index === 42 ? 'rare' : 'ana',
          labels: first + index === 43 ? 'rare=yes' : 'rare=no',
        }),
      );
      await appendMore(at.log, 1, { submitted });
    }
    const tenants = Array.from({ length: 30 }, (_, index) => `tenant-${index}`);
    expect(await uidsOf(at.log, { user: 'rare' })).toEqual([42]);
    expect(await uidsOf(at.log, { tenants, user: 'rare' })).toEqual([42]);
    expect(await uidsOf(at.log, { tenants, labels: ['rare=yes'] })).toEqual([43]);
    expect(await uidsOf(at.log, { tenants, limit: 3 })).toEqual([5000, 4999, 4998]);

    const paged: number[] = [];
    for (let beforeUid = 0, page: number[] = []; ; beforeUid = page.at(-1) ?? 0) {
      page = await uidsOf(at.log, { tenants, beforeUid, limit: 700 });
      paged.push(...page);
      if (page.length < 700) break;
    }
    expect(paged).toEqual(Array.from({ length: 5000 }, (_, index) => 5000 - index));
  });

  test('names of any script survive', async () => {
    const strange = jobOf(1, {
      tenant: 'größe',
      job: '日本-🚀',
      jobSet: '\u0000\ufeff',
      user: '\ufeffпользователь',
      labels: 'naïve=да',
    });
    const plain = jobOf(2, { tenant: 'plain' });
    await appendMore(at.log, 1, { submitted: [strange, plain] });
    await at.reopen();
    expect(await at.log.getJob('größe', '日本-🚀')).toEqual({ ...strange, ended: undefined });
    expect(await at.log.getJob('plain', 'job-2')).toEqual({ ...plain, ended: undefined });
    expect(await uidsOf(at.log, { labels: ['naïve=да'] })).toEqual([1]);
  });

  test('a job is found by tenant and name, the newest of that name', async () => {
    await appendMore(at.log, 1, { submitted: [jobOf(1, { job: 'a' }), jobOf(2, { job: 'b' })] });
    await appendMore(at.log, 1, {
      ended: [{ uid: 1, state: 5, endMs: 10, body: encode('end 1') }],
    });
    await appendMore(at.log, 1, { submitted: [jobOf(3, { job: 'a' })] });
    expect((await at.log.getJob('health', 'a'))?.uid).toBe(3);
    expect(await at.log.getJob('health', 'b')).toEqual({
      ...jobOf(2, { job: 'b' }),
      ended: undefined,
    });
    expect(await at.log.getJob('energy', 'a')).toBeUndefined();
    expect(await at.log.getJob('health', 'c')).toBeUndefined();
  });

  test('an end is shown with its job, and a later one replaces it', async () => {
    await appendMore(at.log, 1, { submitted: [jobOf(1), jobOf(2)] });
    const end = { uid: 1, state: 5, endMs: 77, body: encode('first') };
    await appendMore(at.log, 1, { ended: [end] });
    expect((await at.log.getJob('health', 'job-1'))?.ended).toEqual(end);
    const later = { ...end, state: 6, body: encode('second') };
    await appendMore(at.log, 1, { ended: [later] });
    await at.reopen();
    const listed = await within('listJobs', at.log.listJobs(queryOf()));
    expect(listed.map((job) => job.ended)).toEqual([undefined, later]);
  });

  test('a job may be submitted and end in one group', async () => {
    const end = { uid: 1, state: 7, endMs: 5, body: encode('cancelled') };
    await appendMore(at.log, 1, { submitted: [jobOf(1)], ended: [end] });
    expect((await at.log.getJob('health', 'job-1'))?.ended).toEqual(end);
  });

  test('the archive expires by the time of the end', async () => {
    const submitted = [1, 2, 3, 4].map((uid) => jobOf(uid, { job: `job-${uid % 3}` }));
    await appendMore(at.log, 1, {
      submitted,
      ended: [1, 2, 3].map((uid) => ({ uid, state: 5, endMs: uid * 10, body: encode('x') })),
    });
    expect(await at.log.expireArchive(10)).toBe(0);
    expect(await at.log.expireArchive(30)).toBe(2);
    await at.reopen();
    expect(await uidsOf(at.log)).toEqual([4, 3]);
    expect(await specsOf(at.log, [1, 2, 3, 4])).toEqual([undefined, undefined, 'spec 3', 'spec 4']);
    expect((await at.log.getJob('health', 'job-1'))?.uid).toBe(4);
    expect(await at.log.getJob('health', 'job-2')).toBeUndefined();
    expect(await at.log.expireArchive(1000)).toBe(1);
    expect(await uidsOf(at.log)).toEqual([4]);
  });

  test('a job that has not ended never expires', async () => {
    await appendMore(at.log, 1, { submitted: [jobOf(1)] });
    expect(await at.log.expireArchive(Number.MAX_SAFE_INTEGER)).toBe(0);
    expect(await uidsOf(at.log)).toEqual([1]);
  });
}
