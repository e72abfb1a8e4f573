// Jobs that run until a test lets them end.
import { writeFileSync } from 'node:fs';
import type { Isobar } from '#client/isobar.ts';
import type { JobInput } from '#client/job-input.ts';
import type { Job } from '#client/types.ts';
import { JobState } from '#domain/states.ts';
import { expect } from 'vitest';
import type { TestFederation } from './federation.ts';
import { linesOf, ticking, type Line } from './tasks.ts';
import { until } from './until.ts';

export interface Work {
  readonly set: string;
  readonly uids: readonly number[];
}

/** Submits jobs and waits until all of them tick. */
export async function startWork(
  federation: TestFederation,
  count: number,
  more: Partial<JobInput> = {},
): Promise<Work> {
  const { user, report, go } = federation;
  const set = more.set ?? 'work';
  const job = { ...ticking(report, go), ...more, set };
  const { results } = await user.jobs.submitBatch(Array.from({ length: count }, () => job));
  expect(results.flatMap(({ error }) => (error === undefined ? [] : [error.message]))).toEqual([]);
  const uids = results.map(({ uid }) => uid);
  await allTick(federation, { set, uids });
  return { set, uids };
}

/** Until each of the jobs has ticked from now on. */
export async function allTick({ report }: TestFederation, { uids, set }: Work): Promise<void> {
  const before = linesOf(report).length;
  await until(`all jobs of ${set} tick`, () => {
    const alive = new Set(
      linesOf(report)
        .slice(before)
        .map(({ uid }) => uid),
    );
    return uids.every((uid) => alive.has(uid));
  });
}

/** Lets all work end; each job has to succeed, by one run that came to its end. */
export async function finish(federation: TestFederation, ...works: readonly Work[]): Promise<void> {
  const { user, report, go } = federation;
  writeFileSync(go, '');
  const jobs = await endOf(user, works);
  expect(jobs.filter(({ state }) => state !== JobState.SUCCEEDED)).toEqual([]);
  const uids = works.flatMap((work) => work.uids);
  const ends = linesOf(report).filter(({ uid, word }) => word === 'end' && uids.includes(uid));
  const endsOfJobs = (lines: readonly Line[]): number[] =>
    lines.map(({ uid }) => uid).toSorted((a, b) => a - b);
  expect(endsOfJobs(ends)).toEqual(uids.toSorted((a, b) => a - b));
  // The run that the log accepted is the one that came to its end.
  for (const { uid, epoch } of ends)
    expect(jobs.find((job) => job.uid === uid)?.run?.epoch).toBe(epoch);
}

async function endOf(user: Isobar, works: readonly Work[]): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const { set, uids } of works) {
    await until(`all jobs of ${set} have ended`, async () => {
      const ended = await user.jobs
        .list({ set, states: ['SUCCEEDED', 'FAILED', 'CANCELLED'] })
        .all();
      return ended.length >= uids.length;
    });
    jobs.push(...(await user.jobs.list({ set }).all()));
  }
  return jobs;
}

/** Epochs that ran, for each job of some work in the order of their uids. */
export function epochsOf({ report }: TestFederation, { uids }: Work): number[][] {
  const lines = linesOf(report);
  return uids.map((uid) => [
    ...new Set(lines.filter((line) => line.uid === uid).map(({ epoch }) => epoch)),
  ]);
}

/** Of each job of some work, where it runs now. */
export async function placesOf(
  { user }: TestFederation,
  { set }: Work,
): Promise<Map<number, string>> {
  const jobs = await user.jobs.list({ set }).all();
  return new Map(jobs.map(({ uid, run }) => [uid, run?.parts[0]?.dataCenter ?? '']));
}
