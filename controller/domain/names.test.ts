import { expect, test } from 'vitest';
import { isId, parseName, runName, userName } from './names.ts';
import { isReasonCode, reason, sentenceOf } from './reasons.ts';

test.each([
  ['a', true],
  ['a-1', true],
  ['a'.repeat(63), true],
  ['', false],
  ['a'.repeat(64), false],
  ['-a', false],
  ['a-', false],
  ['A', false],
  ['a_b', false],
  ['a\n', false],
])('%j is an id: %s', (text, expected) => {
  expect(isId(text)).toBe(expected);
});

test.each([
  ['tenants/*/jobs/*', 'tenants/a/jobs/b', ['a', 'b']],
  ['tenants/*/jobs/*', 'tenants/-/jobs/b', ['-', 'b']],
  ['tenants/*/jobs/*', 'tenants//jobs/b', undefined],
  ['tenants/*/jobs/*', 'tenants/a/job/b', undefined],
  ['tenants/*', 'tenants/a/jobs/b', undefined],
])('%s takes %s apart', (pattern, name, expected) => {
  expect(parseName(pattern, name)).toEqual(expected);
});

test('a run is named by job, index and epoch; a user of the federation has no tenant', () => {
  expect(runName('t', 'j', 0, 3)).toBe('tenants/t/jobs/j/runs/0-3');
  expect(userName('', 'ada')).toBe('operators/ada');
  expect(userName('t', 'ada')).toBe('tenants/t/users/ada');
});

test('a reason is a sentence with its numbers, and text in it is not taken for a pattern', () => {
  const why = reason('TOO_LARGE', { subject: '{needed} $&', needed: 7, available: 5 });
  expect(sentenceOf(why)).toBe('no node is large enough: 7 {needed} $& needed, the largest has 5');
  expect(isReasonCode('TOO_LARGE')).toBe(true);
  expect(isReasonCode('toString')).toBe(false);
});
