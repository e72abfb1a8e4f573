import { describe, expect, test } from 'vitest';
import { reason } from '#domain/reasons.ts';
import { RunState } from '#domain/states.ts';
import { toReasonEntity, type RunReport } from './command.ts';
import type { JobWords } from './testing-words.ts';
import { World } from './testing.ts';

const REPLACE = 1;
const WAIT = 2;
const FAIL = 3;

/** A world in which job `a` runs. */
function running(wants: JobWords['wants'] = {}): World {
  const w = new World().site('north').submit({ id: 'a', wants });
  w.place('a', 'north');
  w.report('a', RunState.RUNNING);
  return w;
}

/** What somebody asked of the job before its run ended. */
const asked = {
  nothing: () => {},
  cancel: (w: World) => void w.change('cancel', 'a'),
  requeue: (w: World) => void w.change('requeue', 'a'),
  drain: (w: World) => void w.must({ kind: 'moveDataCenter', id: 'north', verb: 'drain' }),
  'requeue, then cancel': (w: World) => {
    w.change('requeue', 'a');
    w.change('cancel', 'a');
  },
} as const;

const lost = toReasonEntity(reason('LEASE_FENCED', { dataCenter: 'north' }));
const ends = {
  SUCCEEDED: {},
  FAILED: { exitCode: 1 },
  STOPPED: { exitCode: 143 },
  'STOPPED for its lease': { reason: lost },
} as const satisfies Record<string, Partial<RunReport>>;

type Row = readonly [keyof typeof asked, keyof typeof ends, number, string];
const rows: readonly Row[] = [
  ['nothing', 'SUCCEEDED', REPLACE, 'SUCCEEDED'],
  ['nothing', 'FAILED', REPLACE, 'FAILED EXITED'],
  ['nothing', 'FAILED', FAIL, 'FAILED EXITED'],
  ['nothing', 'STOPPED', REPLACE, 'QUEUED LOST'],
  ['nothing', 'STOPPED', WAIT, 'QUEUED LOST'],
  ['nothing', 'STOPPED', FAIL, 'FAILED LOST'],
  ['nothing', 'STOPPED for its lease', REPLACE, 'QUEUED LEASE_FENCED'],
  ['nothing', 'STOPPED for its lease', WAIT, 'QUEUED LEASE_FENCED'],
  ['nothing', 'STOPPED for its lease', FAIL, 'FAILED LEASE_FENCED'],
  ['cancel', 'SUCCEEDED', REPLACE, 'SUCCEEDED'],
  ['cancel', 'FAILED', REPLACE, 'CANCELLED CANCELLED_BY_USER'],
  ['cancel', 'STOPPED', REPLACE, 'CANCELLED CANCELLED_BY_USER'],
  ['cancel', 'STOPPED', FAIL, 'CANCELLED CANCELLED_BY_USER'],
  ['requeue', 'SUCCEEDED', REPLACE, 'SUCCEEDED'],
  ['requeue', 'FAILED', REPLACE, 'QUEUED REQUEUED'],
  ['requeue', 'STOPPED', REPLACE, 'QUEUED REQUEUED'],
  ['requeue', 'STOPPED', FAIL, 'QUEUED REQUEUED'],
  ['drain', 'STOPPED', REPLACE, 'QUEUED DRAINED'],
  ['drain', 'STOPPED', WAIT, 'QUEUED DRAINED'],
  ['drain', 'STOPPED', FAIL, 'QUEUED DRAINED'],
  ['drain', 'FAILED', REPLACE, 'QUEUED DRAINED'],
  ['drain', 'SUCCEEDED', REPLACE, 'SUCCEEDED'],
  ['requeue, then cancel', 'STOPPED', REPLACE, 'CANCELLED CANCELLED_BY_USER'],
];

describe('what becomes of a job when its run ends', () => {
  test.each(rows)('%s was asked, the run %s, policy %d: %s', (ask, end, unreachable, expected) => {
    const w = running({ unreachable });
    asked[ask](w);
    // The first word of an end is the phase.
    const phase = RunState[end.split(' ')[0] as 'SUCCEEDED' | 'FAILED' | 'STOPPED'];
    w.report('a', phase, ends[end]);
    expect(w.stateOf('a')).toBe(expected);
    expect(w.runOf('a')).toBe('none');
    expect(w.freeCpu('north')).toBe(10);
  });
});

describe('the lease of the data center expires', () => {
  test.each([
    ['nothing', REPLACE, 'QUEUED LEASE_EXPIRED', 'none'],
    ['nothing', WAIT, 'RUNNING', 'UNKNOWN'],
    ['nothing', FAIL, 'FAILED LEASE_EXPIRED', 'none'],
    ['cancel', REPLACE, 'CANCELLED CANCELLED_BY_USER', 'none'],
    ['cancel', WAIT, 'STOPPING CANCELLED_BY_USER', 'UNKNOWN'],
    ['requeue', FAIL, 'QUEUED REQUEUED', 'none'],
  ] as const)('%s was asked, policy %d: %s', (ask, unreachable, job, run) => {
    const w = running({ unreachable });
    asked[ask](w);
    w.leave('north');
    expect(w.expire('north')).toBe(unreachable === WAIT ? 0 : 1);
    expect(w.stateOf('a')).toBe(job);
    expect(w.runOf('a')).toBe(run);
  });
  test('what is unknown keeps its room, also the second time', () => {
    const w = running({ unreachable: WAIT });
    w.leave('north');
    w.expire('north');
    const { revision } = w.state;
    w.expire('north');
    expect(w.state.revision).toBe(revision);
    expect(w.freeCpu('north')).toBe(9);
  });
  test('those that come back go to the head of their queue in their order', () => {
    const w = new World().site('north', { node: { cpu: 2 } });
    w.submit({ id: 'a' }, { id: 'b' }, { id: 'c' });
    w.place('b', 'north');
    w.place('a', 'north');
    w.leave('north').expire('north');
    expect(w.queueOf('c')).toEqual(['a', 'b', 'c']);
  });
  test('two jobs that fail for it end what waited for both once', () => {
    const ended: string[] = [];
    const afterFold: NonNullable<ConstructorParameters<typeof World>[0]>['afterFold'] = (
      _,
      all,
    ) => {
      for (const { kind } of all) if (kind?.$case === 'jobChanged') ended.push(kind.value.job);
    };
    const w = new World({ afterFold }).site('north');
    const wants = { unreachable: FAIL };
    w.submit({ id: 'a', wants }, { id: 'b', wants }, { id: 'c', after: ['a', 'b'] });
    w.place('a', 'north');
    w.place('b', 'north');
    w.leave('north').expire('north');
    expect(w.stateOf('c')).toBe('CANCELLED DEPENDENCY_FAILED');
    expect(ended.toSorted()).toEqual(['a', 'b', 'c']);
  });
});

describe('a job that fails', () => {
  const fail = (w: World, exitCode = 1) => {
    w.place('a', 'north');
    w.report('a', RunState.FAILED, { exitCode });
    return w;
  };
  const failing = (wants: NonNullable<JobWords['wants']>) =>
    new World().site('north').submit({ id: 'a', wants });
  test('is tried as often as it says, with a doubled wait up to the longest', () => {
    const waits: number[] = [];
    const w = failing({ maxAttempts: 5, backoffMs: 10_000, maxBackoffMs: 25_000 });
    for (let attempt = 1; attempt < 5; attempt++) {
      fail(w);
      expect(w.stateOf('a')).toBe('QUEUED BACKING_OFF');
      expect(w.queueOf('a')).toEqual([]);
      const waitMs = (w.releaseDelayed() ?? 0) - w.nowMs;
      waits.push(waitMs / 1000);
      w.wait(waitMs - 1).releaseDelayed();
      expect(w.queueOf('a')).toEqual([]);
      w.wait(1).releaseDelayed();
      expect(w.queueOf('a')).toEqual(['a']);
    }
    expect(waits).toEqual([10, 20, 25, 25]);
    expect(fail(w).stateOf('a')).toBe('FAILED EXITED');
  });
  test.each([
    ['an exit code of those', 75, 'QUEUED BACKING_OFF'],
    ['another exit code', 1, 'FAILED EXITED'],
  ])('with %s: %s', (_, exitCode, expected) => {
    const w = failing({ maxAttempts: 2, retryExitCodes: [75] });
    expect(fail(w, exitCode).stateOf('a')).toBe(expected);
  });
  test('is not placed while it waits, even if the scheduler thinks so', () => {
    const w = fail(failing({ maxAttempts: 2 }));
    expect(w.place('a', 'north')).toBe(false);
  });
  test('may be held and released while it waits, and then goes at once', () => {
    const w = fail(failing({ maxAttempts: 2 }));
    w.change('hold', 'a');
    expect(w.releaseDelayed()).toBe(undefined);
    w.change('release', 'a');
    expect(w.queueOf('a')).toEqual(['a']);
  });
  test('lost runs do not count as attempts', () => {
    const w = failing({ maxAttempts: 2 });
    for (let i = 0; i < 3; i++) {
      w.place('a', 'north');
      w.report('a', RunState.STOPPED);
    }
    expect(fail(w).stateOf('a')).toBe('QUEUED BACKING_OFF');
  });
  test('takes along what waits for it to succeed, and frees what waits for its end', () => {
    const w = failing({});
    w.submit({ id: 'b', after: ['a'] }, { id: 'c', after: ['a?'] }, { id: 'd', after: ['b'] });
    fail(w);
    expect(w.stateOf('b')).toBe('CANCELLED DEPENDENCY_FAILED');
    expect(w.stateOf('d')).toBe('CANCELLED DEPENDENCY_FAILED');
    expect(w.queueOf('c')).toEqual(['c']);
  });
});
