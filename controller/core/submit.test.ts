import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import type { SubmitAnswer } from './command.ts';
import { digest } from './testing-digest.ts';
import type { JobWords } from './testing-words.ts';
import { World } from './testing.ts';

const world = () => new World().tenant('t').site('north', { node: { cpu: 1000 } });

/** `new`, `existed` or the reason of the refusal, for each item. */
function wordsOf(answers: readonly SubmitAnswer[]): readonly string[] {
  return answers.map((answer) => {
    if (answer.kind === 'refusal') return answer.reason;
    return answer.existed ? 'existed' : 'new';
  });
}

const submit = (w: World, ...jobs: readonly JobWords[]) => wordsOf(w.submitAll(jobs));

describe('the same request twice is one job', () => {
  const cases: readonly [string, JobWords, JobWords, string][] = [
    ['the same id and specification', { id: 'a' }, { id: 'a' }, 'existed'],
    ['the same id with another specification', { id: 'a' }, { id: 'a', cpu: 2 }, 'JOB_EXISTS'],
    ['the same id with another command', { id: 'a' }, { id: 'a', command: 'x' }, 'JOB_EXISTS'],
    ['the same key with another id', { id: 'a', key: 'k' }, { id: 'b', key: 'k' }, 'existed'],
    [
      'the same key, other specification',
      { id: 'a', key: 'k' },
      { id: 'b', key: 'k', cpu: 2 },
      'JOB_EXISTS',
    ],
    ['the same id with another key', { id: 'a', key: 'k' }, { id: 'a', key: 'l' }, 'JOB_EXISTS'],
    ['the same id, now with a key', { id: 'a' }, { id: 'a', key: 'k' }, 'JOB_EXISTS'],
    ['another id with another key', { id: 'a', key: 'k' }, { id: 'b', key: 'l' }, 'new'],
  ];
  test.each(cases)('%s, one after the other', (_, first, second, expected) => {
    const w = world();
    expect(submit(w, first)).toEqual(['new']);
    const before = digest(w.state);
    expect(submit(w, second)).toEqual([expected]);
    expect(digest(w.state) === before).toBe(expected !== 'new');
  });
  test.each(cases)('%s, in one batch', (_, first, second, expected) => {
    const w = world();
    expect(submit(w, first, second)).toEqual(['new', expected]);
    expect(w.state.jobs.live).toBe(expected === 'new' ? 2 : 1);
  });
  test('an id belongs to its tenant', () => {
    const w = world().tenant('u');
    w.submitAll([{ id: 'a' }], { tenant: 't' });
    expect(wordsOf(w.submitAll([{ id: 'a', cpu: 2 }], { tenant: 'u' }))).toEqual(['new']);
  });
  test('a job that has ended is still known, until it is forgotten', () => {
    const w = world();
    w.submit({ id: 'a' });
    w.change('cancel', 'a');
    expect(submit(w, { id: 'a' })).toEqual(['existed']);
    w.must({ kind: 'forgetJobs', uids: [w.uid('a')] });
    expect(submit(w, { id: 'a' })).toEqual(['new']);
    expect(w.stateOf('a')).toBe('QUEUED');
  });
  test('a job that has not ended is not forgotten', () => {
    const w = world().submit({ id: 'a' });
    w.must({ kind: 'forgetJobs', uids: [w.uid('a')] });
    expect(w.stateOf('a')).toBe('QUEUED');
  });
});

describe('a batch', () => {
  test('refuses what is wrong and takes the rest', () => {
    const w = world().submit({ id: 'a' });
    expect(submit(w, { id: 'a', cpu: 2 }, { id: 'b' })).toEqual(['JOB_EXISTS', 'new']);
  });
  test('all or nothing takes nothing if one is refused, and says of the others why', () => {
    const w = world().submit({ id: 'a' });
    const before = digest(w.state);
    const answers = w.submitAll([{ id: 'a', cpu: 2 }, { id: 'b' }], { allOrNothing: true });
    expect(wordsOf(answers)).toEqual(['JOB_EXISTS', 'OTHER_JOB_REFUSED']);
    expect(digest(w.state)).toBe(before);
  });
  test('all or nothing takes all if none is refused', () => {
    const answers = world().submitAll([{ id: 'a' }, { id: 'b' }], { allOrNothing: true });
    expect(wordsOf(answers)).toEqual(['new', 'new']);
  });
  test('gives uids in order, without gaps for what is refused', () => {
    const w = world().submit({ id: 'a' });
    w.submitAll([{ id: 'b' }, { id: 'a', cpu: 2 }, { id: 'c' }]);
    expect(w.uid('b')).toBe(w.uid('a') + 1);
    expect(w.uid('c')).toBe(w.uid('a') + 2);
  });
  test('of a tenant that does not exist is refused whole', () => {
    const w = world();
    const command = { tenant: 'x', user: 'ada', items: [], allOrNothing: false };
    expect(w.reasonOf({ kind: 'submitJobs', ...command })).toBe('TENANT_NOT_FOUND');
  });
});

describe('the limit of queued jobs', () => {
  const limited = () => new World().site('north').tenant('t', { maxQueuedJobs: 2 });
  test('counts the jobs of the same batch', () => {
    const answers = submit(limited(), { id: 'a' }, { id: 'b' }, { id: 'c' });
    expect(answers).toEqual(['new', 'new', 'TOO_MANY_QUEUED_JOBS']);
  });
  test('counts held jobs, and not those that run', () => {
    const w = limited().submit({ id: 'a', held: true }, { id: 'b' });
    expect(submit(w, { id: 'c' })).toEqual(['TOO_MANY_QUEUED_JOBS']);
    w.place('b', 'north');
    expect(submit(w, { id: 'c' })).toEqual(['new']);
  });
  test('does not refuse a job that is there already', () => {
    const w = limited().submit({ id: 'a' }, { id: 'b' });
    expect(submit(w, { id: 'a' })).toEqual(['existed']);
  });
});

describe('jobs that wait for others', () => {
  const after = (id: string, ...jobs: readonly string[]): JobWords => ({ id, after: jobs });
  test('may come in one batch in any order', () => {
    const w = world();
    expect(submit(w, after('c', 'b'), after('b', 'a'), { id: 'a' })).toEqual(['new', 'new', 'new']);
    expect(w.queueOf('a')).toEqual(['a']);
  });
  test('must name a job that exists', () => {
    expect(submit(world(), after('b', 'nobody'))).toEqual(['AFTER_NOT_FOUND']);
  });
  test('are refused with the job of the batch that they wait for', () => {
    const w = world().submit({ id: 'a', cpu: 2 });
    expect(submit(w, after('c', 'b'), after('b', 'nobody'))).toEqual([
      'AFTER_NOT_FOUND',
      'AFTER_NOT_FOUND',
    ]);
  });
  test.each([
    ['a', [after('a', 'a')], ['a → a']],
    ['two', [after('a', 'b'), after('b', 'a')], ['a → b → a', 'b → a → b']],
    [
      'three',
      [after('a', 'b'), after('b', 'c'), after('c', 'a')],
      ['a → b → c → a', 'b → c → a → b', 'c → a → b → c'],
    ],
  ])('must not wait for themselves: a cycle of %s', (_, jobs, paths) => {
    const answers = world().submitAll(jobs);
    expect(wordsOf(answers)).toEqual(jobs.map(() => 'AFTER_CYCLE'));
    for (const [i, path] of paths.entries()) {
      const answer = answers[i];
      expect(answer?.kind === 'refusal' && answer.message).toContain(path);
    }
  });
  test('beside a cycle are refused because of it, or taken if it does not concern them', () => {
    const jobs = [after('a', 'b'), after('b', 'a'), after('c', 'a'), { id: 'd' }];
    expect(submit(world(), ...jobs)).toEqual([
      'AFTER_CYCLE',
      'AFTER_CYCLE',
      'AFTER_NOT_FOUND',
      'new',
    ]);
  });
  test('may be a chain of ten thousand, last one first', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `j${i}`);
    const chain = ids.map((id, i) => (i === 0 ? { id } : after(id, `j${i - 1}`))).toReversed();
    expect(new Set(submit(world(), ...chain))).toEqual(new Set(['new']));
  });

  const ended = (how: 'SUCCEEDED' | 'FAILED') => {
    const w = world().submit({ id: 'a' });
    w.place('a', 'north');
    w.report('a', RunState[how], { exitCode: how === 'FAILED' ? 1 : 0 });
    return w;
  };
  test.each([
    ['SUCCEEDED', 'a', 'new'],
    ['SUCCEEDED', 'a?', 'new'],
    ['FAILED', 'a', 'AFTER_FAILED'],
    ['FAILED', 'a?', 'new'],
  ] as const)('a job that has %s, waited for as %s: %s', (how, name, expected) => {
    const w = ended(how);
    expect(submit(w, after('b', name))).toEqual([expected]);
    expect(w.state.classes.get(1)?.length ?? 0).toBe(expected === 'new' ? 1 : 0);
  });
  test('that are repeated after the job they waited for has failed are still the same jobs', () => {
    const w = world().submit({ id: 'a' }, after('b', 'a'));
    w.change('cancel', 'a');
    expect(submit(w, after('b', 'a'))).toEqual(['existed']);
  });
  test('name a job twice and wait for it once', () => {
    const w = world().submit({ id: 'a' }, after('b', 'a', 'a'));
    w.place('a', 'north');
    w.report('a', RunState.SUCCEEDED);
    expect(w.queueOf('b')).toEqual(['b']);
  });
  test('that are held wait until both is over', () => {
    const w = world().submit({ id: 'a' }, { id: 'b', after: ['a'], held: true });
    w.change('release', 'b');
    expect(w.queueOf('b')).not.toContain('b');
    w.place('a', 'north');
    w.report('a', RunState.SUCCEEDED);
    expect(w.queueOf('b')).toEqual(['b']);
  });
});

describe('classes', () => {
  test('equal jobs share one, whatever their command says', () => {
    const w = world().submit({ id: 'a' }, { id: 'b', command: 'x' }, { id: 'c', cpu: 2 });
    expect(w.state.classes.size).toBe(2);
  });
  test('of two tenants are two', () => {
    const w = world().tenant('u').submit({ id: 'a' }, { id: 'b', tenant: 'u' });
    expect(w.state.classes.size).toBe(2);
  });
  test('go with their last job and come again', () => {
    const w = world().submit({ id: 'a' });
    w.change('cancel', 'a');
    w.must({ kind: 'forgetJobs', uids: [w.uid('a')] });
    expect(w.state.classes.size).toBe(0);
    w.submit({ id: 'a' });
    expect(w.state.classes.size).toBe(1);
  });
});
