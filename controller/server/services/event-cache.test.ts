// Pieces of records: the same for all, kept while they are new, found by set and by job.
import { expect, test } from 'vitest';
import { WatchEventsResponse } from '#gen/isobar/v1/event.ts';
import type { Published } from '#loop/hub.ts';
import { EventCache, responseOf } from './event-cache.ts';

/** Jobs of sets r and s in turn. */
function record(revision: number, jobs: number): Published {
  const events = Array.from({ length: jobs }, (_, i) => ({
    kind: {
      $case: 'jobChanged' as const,
      value: {
        uid: i,
        tenant: 't',
        job: `job-${i}`,
        jobSet: i % 2 === 0 ? 'r' : 's',
        state: 1,
        reason: undefined,
        exitCode: 0,
        notBeforeMs: 0,
        failures: 0,
      },
    },
  }));
  return { revision, timeMs: 0, actor: 'a', events };
}

test('a response of all pieces decodes to all events in order', () => {
  const { all } = new EventCache().piecesOf(record(7, 4));
  const response = WatchEventsResponse.decode(
    responseOf(
      7,
      all.map(({ bytes }) => bytes),
    ),
  );
  expect(response.revision).toBe(7);
  expect(response.events.map(({ resource, revision }) => [resource, revision])).toEqual(
    [0, 1, 2, 3].map((i) => [`tenants/t/jobs/job-${i}`, 7]),
  );
});

test('pieces of a set and of a job are found, in order, and none of others', () => {
  const pieces = new EventCache().piecesOf(record(1, 4));
  expect(pieces.ofSet('s').map(({ job }) => job)).toEqual(['job-1', 'job-3']);
  expect(pieces.ofJob('job-2').map(({ job }) => job)).toEqual(['job-2']);
  expect([pieces.ofSet('q'), pieces.ofJob('q')]).toEqual([[], []]);
});

test('a record is made into pieces once', () => {
  const cache = new EventCache();
  const one = record(1, 2);
  expect(cache.piecesOf(one)).toBe(cache.piecesOf(one));
});

test('who catches up from far behind does not drive out what is new', () => {
  const cache = new EventCache();
  // As many as are kept, and what came long before.
  const recent = Array.from({ length: 40 }, (_, i) => record(1001 + i, 1000));
  const before = recent.map((each) => cache.piecesOf(each));
  for (let revision = 1; revision <= 100; revision++) cache.piecesOf(record(revision, 1000));
  expect(recent.map((each, i) => cache.piecesOf(each) === before[i])).not.toContain(false);
});
