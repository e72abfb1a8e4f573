import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import { World } from './testing.ts';

/** A world with a job `a` in a state. */
const begins = {
  QUEUED: (w: World) => w.submit({ id: 'a' }),
  WAITING: (w: World) => w.submit({ id: 'first' }, { id: 'a', after: ['first'] }),
  HELD: (w: World) => w.submit({ id: 'a', held: true }),
  RUNNING: (w: World) => {
    w.submit({ id: 'a' });
    w.place('a', 'north');
    w.report('a', RunState.RUNNING);
  },
  STOPPING: (w: World) => {
    begins.RUNNING(w);
    w.change('requeue', 'a', { actor: 'bob' });
  },
  CANCELLING: (w: World) => {
    begins.RUNNING(w);
    w.change('cancel', 'a');
  },
  SUCCEEDED: (w: World) => {
    begins.RUNNING(w);
    w.report('a', RunState.SUCCEEDED);
  },
} as const;
type Begin = keyof typeof begins;
type Verb = 'cancel' | 'hold' | 'release' | 'requeue' | 'reprioritize';

const no = (code: string) => code;
const table: readonly [Begin, Verb, string, string?][] = [
  ['QUEUED', 'cancel', 'CANCELLED CANCELLED_BY_USER'],
  ['QUEUED', 'hold', 'HELD HELD'],
  ['QUEUED', 'release', 'QUEUED', no('JOB_NOT_HELD')],
  ['QUEUED', 'requeue', 'QUEUED', no('JOB_NOT_RUNNING')],
  ['QUEUED', 'reprioritize', 'QUEUED'],
  ['WAITING', 'cancel', 'CANCELLED CANCELLED_BY_USER'],
  ['WAITING', 'hold', 'HELD HELD'],
  ['WAITING', 'reprioritize', 'QUEUED'],
  ['HELD', 'cancel', 'CANCELLED CANCELLED_BY_USER'],
  ['HELD', 'hold', 'HELD HELD', no('JOB_NOT_QUEUED')],
  ['HELD', 'release', 'QUEUED'],
  ['HELD', 'requeue', 'HELD HELD', no('JOB_NOT_RUNNING')],
  ['HELD', 'reprioritize', 'HELD HELD'],
  ['RUNNING', 'cancel', 'STOPPING CANCELLED_BY_USER'],
  ['RUNNING', 'hold', 'RUNNING', no('JOB_NOT_QUEUED')],
  ['RUNNING', 'release', 'RUNNING', no('JOB_NOT_HELD')],
  ['RUNNING', 'requeue', 'STOPPING REQUEUED'],
  ['RUNNING', 'reprioritize', 'RUNNING', no('JOB_NOT_QUEUED')],
  ['STOPPING', 'cancel', 'STOPPING CANCELLED_BY_USER'],
  ['STOPPING', 'requeue', 'STOPPING REQUEUED'],
  ['STOPPING', 'hold', 'STOPPING REQUEUED', no('JOB_NOT_QUEUED')],
  ['CANCELLING', 'cancel', 'STOPPING CANCELLED_BY_USER'],
  ['CANCELLING', 'requeue', 'STOPPING CANCELLED_BY_USER'],
  ['SUCCEEDED', 'cancel', 'SUCCEEDED', no('JOB_ENDED')],
  ['SUCCEEDED', 'hold', 'SUCCEEDED', no('JOB_ENDED')],
  ['SUCCEEDED', 'release', 'SUCCEEDED', no('JOB_ENDED')],
  ['SUCCEEDED', 'requeue', 'SUCCEEDED', no('JOB_ENDED')],
  ['SUCCEEDED', 'reprioritize', 'SUCCEEDED', no('JOB_ENDED')],
];

test.each(table)('%s, %s: the job is %s', (begin, verb, expected, refused) => {
  const w = new World().site('north');
  begins[begin](w);
  const answer = w.change(verb, 'a', { priority: 5 });
  expect(w.stateOf('a')).toBe(expected);
  expect(answer.refused).toEqual(refused === undefined ? [] : [{ id: 'a', code: refused }]);
  expect(answer.changed).toEqual(refused === undefined ? ['a'] : []);
});

describe('cancel', () => {
  test('takes what waits for it along, and what waits for that', () => {
    const w = new World().site('north');
    w.submit({ id: 'a' }, { id: 'b', after: ['a'] }, { id: 'c', after: ['b'], held: true });
    w.change('cancel', 'a');
    expect(w.stateOf('b')).toBe('CANCELLED DEPENDENCY_FAILED');
    expect(w.stateOf('c')).toBe('CANCELLED DEPENDENCY_FAILED');
  });
  test('lets go on what waits for its end in any way', () => {
    const w = new World().submit({ id: 'a' }, { id: 'b', after: ['a?'] });
    w.change('cancel', 'a');
    expect(w.queueOf('b')).toEqual(['b']);
  });
  test.each([[['a', 'b']], [['b', 'a']]])('of a chain as %j cancels each once', (ids) => {
    const changes: string[] = [];
    const afterFold: NonNullable<ConstructorParameters<typeof World>[0]>['afterFold'] = (
      _,
      events,
    ) => {
      for (const { kind } of events) if (kind?.$case === 'jobChanged') changes.push(kind.value.job);
    };
    const w = new World({ afterFold }).submit({ id: 'a' }, { id: 'b', after: ['a'] });
    const answer = w.change('cancel', ids);
    expect(changes.toSorted()).toEqual(['a', 'b']);
    expect(answer.changed.toSorted()).toEqual(['a', 'b']);
    expect(answer.refused).toEqual([]);
  });
  test('outweighs a request to run it again', () => {
    const w = new World().site('north');
    begins.STOPPING(w);
    w.change('cancel', 'a');
    w.report('a', RunState.STOPPED);
    expect(w.stateOf('a')).toBe('CANCELLED CANCELLED_BY_USER');
  });
});

describe('a selection', () => {
  const inSet = () =>
    new World()
      .site('north')
      .submit({ id: 'a', jobSet: 's' }, { id: 'b', jobSet: 's' }, { id: 'c', jobSet: 'other' });
  const selector = { tenant: 't', ids: [], jobSet: 's' };
  test('by set takes the jobs of the set', () => {
    const w = inSet();
    const { answer } = w.must({ kind: 'changeJobs', verb: 'hold', selector, priority: 0 });
    expect(answer.changed).toEqual(['a', 'b']);
    expect(w.stateOf('c')).toBe('QUEUED');
  });
  test('by set is silent about what has ended', () => {
    const w = inSet();
    w.change('cancel', 'a');
    const { answer } = w.must({ kind: 'changeJobs', verb: 'cancel', selector, priority: 0 });
    expect(answer).toEqual({ changed: ['b'], refused: [] });
  });
  test('names jobs that do not exist, each once', () => {
    const answer = inSet().change('cancel', ['x', 'a', 'x']);
    expect(answer.changed).toEqual(['a']);
    expect(answer.refused).toEqual([{ id: 'x', code: 'JOB_NOT_FOUND' }]);
  });
});

describe('the queue of a class', () => {
  test('is in the order in which jobs came, also when they come back', () => {
    const w = new World().site('north', { node: { cpu: 3 } });
    w.submit({ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd' });
    w.change('hold', ['b', 'd', 'a']);
    expect(w.queueOf('c')).toEqual(['c']);
    w.change('release', ['d', 'a', 'b']);
    expect(w.queueOf('c')).toEqual(['a', 'b', 'c', 'd']);
  });
  test('a job with another priority is in the queue of another class, by age too', () => {
    const w = new World().submit({ id: 'a' }, { id: 'b' }, { id: 'c' });
    w.change('reprioritize', 'b', { priority: 5 });
    w.change('reprioritize', 'a', { priority: 5 });
    expect(w.queueOf('a')).toEqual(['a', 'b']);
    expect(w.queueOf('c')).toEqual(['c']);
    w.change('reprioritize', ['a', 'b'], { priority: 0 });
    expect(w.queueOf('c')).toEqual(['a', 'b', 'c']);
    expect(w.state.classes.size).toBe(1);
  });
});
