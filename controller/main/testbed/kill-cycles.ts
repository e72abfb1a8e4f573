// The story of a controller that is killed again and again while jobs are submitted, run and watched.
import { setTimeout as sleep } from 'node:timers/promises';
import { JobState } from '#domain/states.ts';
import { expect } from 'vitest';
import { Customer } from './customer.ts';
import type { TestFederation } from './federation.ts';
import { brief, linesOf } from './tasks.ts';
import { until } from './until.ts';
import { eventsOf, Watcher } from './watcher.ts';

const SET = 'steady';
/** A controller lives for less than this, so that the kill meets starts, first contacts and full work. */
const LONGEST_LIFE_MS = 1500;

/** Answers how many jobs were acknowledged. */
export async function surviveKills(federation: TestFederation, cycles: number): Promise<number> {
  const { user, operator, report } = federation;
  const { revision: before } = await user.federation.get();
  const watcher = new Watcher(user, SET, before);
  const customer = new Customer(user, { ...brief(report), set: SET });
  const enough = new AbortController();
  const submitting = customer.submitUntil(enough.signal);
  for (let cycle = 0; cycle < cycles; cycle++) {
    await sleep(Math.random() * LONGEST_LIFE_MS);
    await federation.killController();
    await federation.startController();
  }
  enough.abort();
  await submitting;
  await federation.joined();

  const known = [...customer.acknowledged.values()].toSorted((a, b) => a - b);
  expect(new Set(known).size).toBe(known.length);
  await until('all jobs have ended', async () => {
    const open = await user.jobs
      .list({ set: SET, states: ['QUEUED', 'RUNNING', 'STOPPING'] })
      .all();
    return open.length === 0;
  });

  const jobs = await user.jobs.list({ set: SET }).all();
  expect(jobs.map(({ uid }) => uid).toSorted((a, b) => a - b)).toEqual(known);
  expect(jobs.filter(({ state }) => state !== JobState.SUCCEEDED)).toEqual([]);
  expect(jobs.filter(({ endTime, run }) => endTime === undefined || run === undefined)).toEqual([]);
  await customer.submitAllAgain();

  // No lease has ended, so nothing was run twice, and nothing was even begun anew.
  const expected = known.flatMap((uid) => [`${uid} 1 begin`, `${uid} 1 end`]);
  const lines = linesOf(report).map(({ uid, epoch, word }) => `${uid} ${epoch} ${word}`);
  expect(lines.toSorted()).toEqual(expected.toSorted());

  const { revision } = await user.federation.get();
  await until('the watcher has seen it all', () => watcher.revision >= revision);
  await watcher.stop();
  expect(watcher.resumed).toBeGreaterThan(0);
  const events = await eventsOf(user, SET, before);
  expect(watcher.seen).toEqual(events);
  expect(events.filter((words) => / JOB_CHANGED .* SUCCEEDED /.test(words))).toHaveLength(
    known.length,
  );
  const verdict = await operator.audit.verify();
  expect(verdict).toMatchObject({ intact: true, firstBadRevision: 0 });
  return known.length;
}
