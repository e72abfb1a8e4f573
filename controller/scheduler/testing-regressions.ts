// Sequences that once failed, as short as they could be made, each with what went wrong.
import type { Step } from './testing-model.ts';

export const regressions: Readonly<Record<string, readonly Step[]>> = {
  'the job that was put into its queue last comes back, and is taken for its own neighbour': [
    { kind: 'submit', tenant: 0, shape: 2, count: 4, after: [], held: false },
    { kind: 'submit', tenant: 1, shape: 10, count: 1, after: [40, 21, 7], held: false },
    { kind: 'stale', site: 2, node: 2, shape: 1 },
    { kind: 'report', pick: 4, phase: 6 },
    { kind: 'submit', tenant: 0, shape: 7, count: 2, after: [], held: false },
    { kind: 'pass', steps: 1, slices: 2 },
    { kind: 'pass', steps: 3, slices: 2 },
    { kind: 'report', pick: 35, phase: 6 },
  ],
  'a node appears while a pass goes in slices, and those judged before do not look at it': [
    { kind: 'submit', tenant: 0, shape: 7, count: 1, after: [], held: false },
    { kind: 'restart' },
    { kind: 'submit', tenant: 2, shape: 1, count: 5, after: [], held: false },
    { kind: 'submit', tenant: 2, shape: 5, count: 1, after: [], held: false },
    { kind: 'pass', steps: 1, slices: 1 },
    { kind: 'submit', tenant: 0, shape: 6, count: 4, after: [], held: false },
    { kind: 'join', site: 0, knows: 49, credit: 100 },
    { kind: 'pass', steps: 1, slices: 1000 },
    { kind: 'pass', steps: 3, slices: 1 },
    { kind: 'node', site: 0, node: 2, shape: 3 },
  ],
  'an agent comes back while a pass goes in slices': [
    { kind: 'submit', tenant: 2, shape: 0, count: 4, after: [], held: false },
    { kind: 'restart' },
    { kind: 'submit', tenant: 0, shape: 9, count: 5, after: [], held: false },
    { kind: 'submit', tenant: 0, shape: 5, count: 4, after: [], held: false },
    { kind: 'join', site: 2, knows: 233, credit: 2 },
    { kind: 'node', site: 2, node: 0, shape: 0 },
    { kind: 'pass', steps: 1000, slices: 2 },
    { kind: 'submit', tenant: 2, shape: 11, count: 3, after: [], held: false },
    { kind: 'report', pick: 7, phase: 4 },
    { kind: 'pass', steps: 3, slices: 2 },
    { kind: 'join', site: 1, knows: 87, credit: 100 },
  ],
  'a time is over, but nobody has looked yet, when a rebuild looks': [
    { kind: 'submit', tenant: 2, shape: 1, count: 5, after: [], held: false },
    { kind: 'stale', site: 0, node: 2, shape: 5 },
    { kind: 'join', site: 0, knows: 156, credit: 100 },
    { kind: 'wait', ms: 10_000 },
    { kind: 'join', site: 1, knows: 78, credit: 100 },
  ],
};
