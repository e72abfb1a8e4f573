// The same properties over many more sequences, others each time; a failure names its seed.
import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { steps } from '#simulation/scheduler-steps.ts';
import { runSteps } from './testing-properties.ts';

test('whatever happens, in thousands of sequences', () => {
  const property = fc.property(steps, (sequence) => {
    runSteps(sequence);
  });
  expect(() => fc.assert(property, { numRuns: 5000 })).not.toThrow();
});
