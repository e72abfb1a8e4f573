// Processes that stand still for longer than a lease, and a controller that is away for less.
import { expect, test } from 'vitest';
import { signal } from './testbed/processes-of.ts';
import { linesOf, overlaps, timesOf } from './testbed/tasks.ts';
import { bootSeconds, pass, until } from './testbed/until.ts';
import { useFederations } from './testbed/use-federations.ts';
import { allTick, epochsOf, finish, placesOf, startWork } from './testbed/work.ts';

const start = useFederations();
const LEASE_S = 5;

test('an agent that stands still beyond its lease: its runs are dead before others take their place', async () => {
  const federation = await start({ agents: 2, leaseSeconds: LEASE_S });
  const work = await startWork(federation, 8);
  const places = await placesOf(federation, work);
  expect(new Set(places.values())).toEqual(new Set(['a', 'b']));
  signal(federation.agent('a').pid, 'SIGSTOP');
  await until('all jobs run in b', async () =>
    [...(await placesOf(federation, work)).values()].every((place) => place === 'b'),
  );
  await allTick(federation, work);
  signal(federation.agent('a').pid, 'SIGCONT');
  await federation.joined();
  await allTick(federation, work);
  await finish(federation, work);
  expect(overlaps(linesOf(federation.report))).toEqual([]);
  const expected = work.uids.map((uid) => (places.get(uid) === 'a' ? [1, 2] : [1]));
  expect(epochsOf(federation, work)).toEqual(expected);
}, 90_000);

test('a controller that stands still beyond the lease: what was fenced is replaced once, what has no lease is adopted', async () => {
  const federation = await start({ agents: 1, leaseSeconds: LEASE_S });
  const leased = await startWork(federation, 4, { set: 'leased' });
  const patient = await startWork(federation, 4, { set: 'patient', unreachable: 'wait' });
  signal(federation.controller.pid, 'SIGSTOP');
  await pass((LEASE_S + 3) * 1000);
  const resumed = bootSeconds();
  signal(federation.controller.pid, 'SIGCONT');
  await federation.joined();
  await allTick(federation, leased);
  await allTick(federation, patient);
  await finish(federation, leased, patient);
  expect(overlaps(linesOf(federation.report))).toEqual([]);
  expect(epochsOf(federation, leased)).toEqual(leased.uids.map(() => [1, 2]));
  expect(epochsOf(federation, patient)).toEqual(patient.uids.map(() => [1]));
  // Replaced by what the agent said, not because a lease had ended that nobody could renew.
  expect(federation.logs()).not.toContain('the lease of a data center has expired');
  const times = timesOf(linesOf(federation.report));
  for (const uid of leased.uids) expect(times.get(`${uid} 2`)?.[0]).toBeGreaterThan(resumed);
}, 90_000);

test('a controller that is away for less than the lease: no run stops', async () => {
  const federation = await start({ agents: 2, leaseSeconds: 20 });
  const work = await startWork(federation, 6);
  await federation.killController();
  const [from, to] = [bootSeconds(), bootSeconds() + 3];
  await pass(3000);
  await federation.startController();
  await federation.joined();
  await allTick(federation, work);
  await finish(federation, work);
  expect(epochsOf(federation, work)).toEqual(work.uids.map(() => [1]));
  for (const times of timesOf(linesOf(federation.report)).values())
    expect(times.some((time) => time > from && time < to)).toBe(true);
}, 60_000);
