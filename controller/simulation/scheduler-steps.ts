// Sequences of steps of the scheduler's model, made by fast-check.
import * as fc from 'fast-check';
import { NODES, PHASES, SHAPES, SITES, TENANTS, type Step } from '#scheduler/testing-model.ts';

const pick = fc.nat(40);
const site = fc.nat(SITES.length - 1);
const node = fc.nat(3);
const of = (kind: Step['kind'], fields: object = {}): fc.Arbitrary<Step> =>
  // The fields are those of the kind, as the union above says; fast-check cannot know.
  fc.record({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Step>;

export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: of('submit', {
        tenant: fc.nat(TENANTS.length - 1),
        shape: fc.nat(SHAPES.length - 1),
        count: fc.integer({ min: 1, max: 5 }),
        after: fc.oneof(
          { weight: 3, arbitrary: fc.constant([]) },
          fc.array(pick, { maxLength: 3 }),
        ),
        held: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.boolean()),
      }),
    },
    {
      weight: 8,
      arbitrary: of('pass', {
        steps: fc.constantFrom(1, 3, 1000),
        slices: fc.constantFrom(1, 2, 1000),
      }),
    },
    { weight: 10, arbitrary: of('report', { pick, phase: fc.nat(PHASES.length - 1) }) },
    { weight: 3, arbitrary: of('late', { pick, phase: fc.nat(PHASES.length - 1), site }) },
    {
      weight: 4,
      arbitrary: of('change', {
        verb: fc.nat(4),
        picks: fc.array(pick, { minLength: 1, maxLength: 4 }),
      }),
    },
    { weight: 3, arbitrary: of('node', { site, node, shape: fc.nat(NODES.length - 1) }) },
    { weight: 2, arbitrary: of('gone', { site, node }) },
    { weight: 1, arbitrary: of('cordon', { site, node, cordoned: fc.boolean() }) },
    { weight: 2, arbitrary: of('foreign', { site, node, cpu: fc.nat(6) }) },
    {
      weight: 2,
      arbitrary: of('move', {
        site,
        verb: fc.constantFrom('cordon', 'uncordon', 'uncordon', 'drain'),
      }),
    },
    { weight: 1, arbitrary: of('drainNode', { site, node }) },
    { weight: 1, arbitrary: of('depart', { site }) },
    { weight: 1, arbitrary: of('leave', { site }) },
    {
      weight: 3,
      arbitrary: of('join', { site, knows: fc.nat(255), credit: fc.constantFrom(2, 100) }),
    },
    { weight: 1, arbitrary: of('expire', { site }) },
    { weight: 2, arbitrary: of('quota', { tenant: fc.nat(TENANTS.length), cpu: fc.nat(30) }) },
    { weight: 3, arbitrary: of('wait', { ms: fc.constantFrom(1, 999, 10_000, 4_000_000) }) },
    { weight: 1, arbitrary: of('forgetJobs') },
    { weight: 1, arbitrary: of('forgetRun', { pick }) },
    { weight: 2, arbitrary: of('stale', { site, node, shape: fc.nat(NODES.length - 1) }) },
    { weight: 1, arbitrary: of('restart') },
  ),
  { minLength: 1, maxLength: 200, size: 'max' },
);
