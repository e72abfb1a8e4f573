// An outage of a minute with the lease that data centers have by default.
import { expect, test } from 'vitest';
import { linesOf, timesOf } from './testbed/tasks.ts';
import { bootSeconds, pass } from './testbed/until.ts';
import { useFederations } from './testbed/use-federations.ts';
import { allTick, epochsOf, finish, startWork } from './testbed/work.ts';

const start = useFederations();

test('a controller that is away for a minute stops nothing', async () => {
  const federation = await start();
  const work = await startWork(federation, 8);
  await federation.killController();
  const from = bootSeconds();
  await pass(60_000);
  const to = bootSeconds();
  await federation.startController();
  await federation.joined();
  await allTick(federation, work);
  await finish(federation, work);
  expect(epochsOf(federation, work)).toEqual(work.uids.map(() => [1]));
  // Ten ticks a second: a tenth of them is for a machine that has much else to do.
  for (const times of timesOf(linesOf(federation.report)).values())
    expect(times.filter((time) => time > from && time < to).length).toBeGreaterThan(60);
}, 240_000);
