// A backup that is made while the federation works, and what happens to everything that came after it.
import { cpSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT } from '#cli/exit.ts';
import { JobState } from '#domain/states.ts';
import { isobar } from './testbed/command.ts';
import { Customer } from './testbed/customer.ts';
import { brief, linesOf, ticking } from './testbed/tasks.ts';
import { until } from './testbed/until.ts';
import { useFederations } from './testbed/use-federations.ts';
import { allTick, epochsOf, finish, startWork } from './testbed/work.ts';

const start = useFederations();

test('a backup under load, restored: what it knows goes on, what it does not know is stopped and gone', async () => {
  const federation = await start();
  const { user, report, go, folder, controllerDir } = federation;
  const before = await startWork(federation, 3, { set: 'before' });
  const held = await user.jobs.submit({ ...brief(report), id: 'held', hold: true });

  // 1. The backup, while jobs are submitted and run.
  const enough = new AbortController();
  const customer = new Customer(user, { ...brief(report), set: 'load' });
  const load = customer.submitUntil(enough.signal);
  await until('the load is under way', () => customer.acknowledged.size > 10);
  const known = [...customer.acknowledged.values()];
  const file = join(folder, 'federation.backup');
  const made = await isobar(['backup', file, '--context', 'operator'], { env: federation.env });
  expect(made).toMatchObject({ code: EXIT.OK, stderr: expect.stringContaining('as of revision') });
  enough.abort();
  await load;

  // 2. What came after it.
  const after = await startWork(federation, 3, { set: 'after' });
  const late = await user.jobs.submit({ ...ticking(report, go), id: 'late' });
  await user.jobs.release('held');
  await until(
    'the held job has run',
    async () => (await user.jobs.get('held')).state === JobState.SUCCEEDED,
  );
  await until('the late job runs', () => linesOf(report).some(({ uid }) => uid === late.uid));

  // 3. The controller's disk is lost; its keys were kept elsewhere.
  await federation.killController();
  const lost = join(folder, 'lost');
  renameSync(controllerDir, lost);
  const restored = await isobar(['restore', file, '--data-dir', controllerDir]);
  expect(restored).toMatchObject({
    code: EXIT.OK,
    stdout: expect.stringContaining('the federation goes on as incarnation 2'),
  });
  cpSync(join(lost, 'authority'), join(controllerDir, 'authority'), { recursive: true });
  await federation.startController();
  await federation.joined();

  // 4. What the log does not know is stopped: no line of theirs comes any more.
  await allTick(federation, before);
  const gone = new Set([...after.uids, late.uid]);
  let count = linesOf(report).length;
  await until('nothing is left of what came after the backup', async () => {
    await allTick(federation, before);
    const lines = linesOf(report).slice(count);
    count += lines.length;
    return !lines.some(({ uid }) => gone.has(uid));
  });
  await expect(user.jobs.get('late')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await user.jobs.list({ set: 'after' }).all()).toEqual([]);
  const loaded = new Map(
    (await user.jobs.list({ set: 'load' }).all()).map((job) => [job.uid, job]),
  );
  expect(known.filter((uid) => !loaded.has(uid))).toEqual([]);

  // 5. Ids that were lost can be used again, and what the log knew goes on: it runs, or runs again.
  const again = await user.jobs.submit({ ...brief(report), id: 'late' });
  expect(again.uid).toBeGreaterThan(late.uid);
  await user.jobs.release('held');
  for (const id of ['late', 'held']) {
    await until(
      `${id} has ended`,
      async () => (await user.jobs.get(id)).state === JobState.SUCCEEDED,
    );
  }
  const runsOf = (job: number) =>
    linesOf(report).filter(({ uid, word }) => uid === job && word === 'end');
  expect(runsOf(again.uid)).toHaveLength(1);
  expect(runsOf(held.uid)).toHaveLength(2);
  await until('the load has ended', async () => {
    const jobs = await user.jobs.list({ set: 'load' }).all();
    return jobs.every(({ state }) => state === JobState.SUCCEEDED);
  });
  await finish(federation, before);
  expect(epochsOf(federation, before)).toEqual([[1], [1], [1]]);
}, 120_000);
