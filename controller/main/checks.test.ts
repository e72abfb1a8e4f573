import { expect, test } from 'vitest';
import { enforcedBy } from './checks.ts';

test.each([
  [['memory', 'cpu'], 'ok', 'the kernel ends a task', 'shared in proportion'],
  [['cpu'], 'warning', 'looked at once a second', 'shared in proportion'],
  [[], 'warning', 'looked at once a second', 'CPU: not enforced'],
] as const)('with %j it is %s: %s, %s', (controllers, outcome, memory, cpu) => {
  const { text, next, ...told } = enforcedBy(controllers);
  expect(told.outcome).toBe(outcome);
  expect(text).toContain(memory);
  expect(text).toContain(cpu);
  expect(next === undefined).toBe(outcome === 'ok');
});
