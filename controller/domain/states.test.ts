import { describe, expect, test } from 'vitest';
import {
  DataCenterState,
  isJobFinal,
  isRunFinal,
  JobState,
  mayDataCenterMove,
  mayJobMove,
  mayRunMove,
  nameOf,
  RunState,
} from './states.ts';

/** Every move that a table allows, as `FROM → TO TO`. */
function movesOf<T extends number>(
  states: Readonly<Record<string, T>>,
  mayMove: (from: T, to: T) => boolean,
): readonly string[] {
  return Object.entries(states).map(([from, value]) => {
    const to = Object.entries(states).filter(([, next]) => mayMove(value, next));
    return `${from} → ${to.map(([name]) => name).join(' ') || 'nothing'}`;
  });
}

test('a job moves as its table says', () => {
  expect(movesOf(JobState, mayJobMove)).toEqual([
    'QUEUED → HELD RUNNING FAILED CANCELLED',
    'HELD → QUEUED CANCELLED',
    'RUNNING → QUEUED STOPPING SUCCEEDED FAILED CANCELLED',
    'STOPPING → QUEUED HELD SUCCEEDED FAILED CANCELLED',
    'SUCCEEDED → nothing',
    'FAILED → nothing',
    'CANCELLED → nothing',
  ]);
});

test('a run may skip phases but never goes back, except that an unknown one may be heard of again', () => {
  const late = 'STOPPING SUCCEEDED FAILED STOPPED UNKNOWN FENCED';
  expect(movesOf(RunState, mayRunMove)).toEqual([
    `RESERVED → ACCEPTED STAGING RUNNING ${late}`,
    `SENT → ACCEPTED STAGING RUNNING ${late}`,
    `ACCEPTED → STAGING RUNNING ${late}`,
    `STAGING → RUNNING ${late}`,
    `RUNNING → ${late}`,
    'STOPPING → SUCCEEDED FAILED STOPPED UNKNOWN FENCED',
    'SUCCEEDED → nothing',
    'FAILED → nothing',
    'STOPPED → nothing',
    'UNKNOWN → ACCEPTED STAGING RUNNING STOPPING SUCCEEDED FAILED STOPPED FENCED',
    'FENCED → nothing',
  ]);
});

test('a data center moves as its table says', () => {
  expect(movesOf(DataCenterState, mayDataCenterMove)).toEqual([
    'REGISTERED → JOINING LEFT',
    'JOINING → ACTIVE LEFT',
    'ACTIVE → CORDONED DRAINING',
    'CORDONED → ACTIVE DRAINING',
    'DRAINING → ACTIVE LEFT',
    'LEFT → ACTIVE',
  ]);
});

describe('final states are those from which nothing leads on', () => {
  test.each(Object.values(JobState))('job %d', (state) => {
    const leadsOn = Object.values(JobState).some((next) => mayJobMove(state, next));
    expect(isJobFinal(state)).toBe(!leadsOn);
  });
  test.each(Object.values(RunState))('run %d', (state) => {
    const leadsOn = Object.values(RunState).some((next) => mayRunMove(state, next));
    expect(isRunFinal(state)).toBe(!leadsOn);
  });
});

test('a state has a name, and a number that is none says so', () => {
  expect(nameOf(RunState, RunState.STAGING)).toBe('STAGING');
  expect(nameOf<number>(RunState, 99)).toBe('UNSPECIFIED');
});
