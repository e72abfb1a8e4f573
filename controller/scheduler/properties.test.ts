import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { steps } from '#simulation/scheduler-steps.ts';
import type { JobWords } from '#core/testing-words.ts';
import { exceededQuota, Overlay } from '#core/overlay.ts';
import { verdicts, whatIf } from './explain.ts';
import { begin, SHAPES, take, type Step } from './testing-model.ts';
import { runSteps } from './testing-properties.ts';
import { regressions } from './testing-regressions.ts';
import { hypothetical, Scheduled } from './testing.ts';

/** The same sequences each time; the soak test takes others. */
const settings = { seed: 20_261_121, numRuns: 40 };

describe('whatever happens, room, quotas, queues, moves, ledger, replay and rebuild are right', () => {
  test('in sequences that nobody thought of', () => {
    const run = (sequence: readonly Step[]) => void runSteps(sequence);
    expect(() => fc.assert(fc.property(steps, run), settings)).not.toThrow();
  });
  test.each(Object.entries(regressions))('%s', (_, sequence) => {
    expect(() => runSteps(sequence)).not.toThrow();
  });
});

/** A world after some steps, without checks. */
function after(sequence: readonly Step[]): Scheduled {
  const world = begin(new Scheduled());
  for (const step of sequence) take(world, step);
  return world;
}

/** The same world, in which nothing is ready. */
function atRest(from: Scheduled): Scheduled {
  const world = new Scheduled({ from });
  for (const tenant of world.state.tenants.keys()) {
    const ids = [...world.state.jobs.rowsOfTenant(tenant)].map((row) => world.state.jobs.idOf(row));
    if (ids.length > 0) world.change('hold', ids, { tenant });
  }
  world.pass();
  return world;
}

const tenants = fc.constantFrom('t', 'u', 'v');
const batch: fc.Arbitrary<readonly JobWords[]> = fc
  .array(fc.tuple(tenants, fc.nat(SHAPES.length - 1)), { minLength: 1, maxLength: 12 })
  .map((list) => list.map(([tenant, shape], i) => ({ id: `new${i}`, tenant, ...SHAPES[shape] })));

describe('slices', () => {
  // With one data center there is one place to choose, so the same jobs must run. With several a slice of many steps scores
  // them with what it is about to take, one of few with what was taken: jobs may go elsewhere, and leave other room.
  const shapes = fc.array(fc.nat(SHAPES.length - 1), { minLength: 1, maxLength: 40 });
  const nodes = fc.array(fc.nat(3), { minLength: 1, maxLength: 6 });
  const jobsOf = (list: readonly number[]) =>
    list.map((shape, i) => ({ id: `j${i}`, tenant: ['t', 'u', 'v'][i % 3]!, ...SHAPES[shape] }));
  const siteOf = (list: readonly number[]) => ({
    nodes: Object.fromEntries(
      list.map((kind, i) => [
        `n${i}`,
        [{}, { cpu: 4 }, { devices: ['x', 'y'] }, { role: 'hpc', extra: { fpga: 3 } }][kind]!,
      ]),
    ),
  });
  test('of one, three and many steps place the same jobs in one data center', () => {
    const property = fc.property(shapes, nodes, (list, kinds) => {
      const results = [1, 3, 100_000].map((size) => {
        const world = new Scheduled().site('north', siteOf(kinds)).submit(...jobsOf(list));
        world.pass({ steps: size });
        expect(world.dropped).toBe(0);
        return world.running();
      });
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    });
    expect(() => fc.assert(property, settings)).not.toThrow();
  });
  test('place as many equal jobs in several data centers', () => {
    const property = fc.property(fc.nat(SHAPES.length - 1), nodes, nodes, (shape, here, there) => {
      const counts = [1, 3, 100_000].map((size) => {
        const world = new Scheduled().site('north', siteOf(here)).site('south', siteOf(there));
        world.submit(...jobsOf(Array.from({ length: 80 }, () => shape)));
        world.pass({ steps: size });
        return world.running().length;
      });
      expect(new Set(counts).size).toBe(1);
    });
    expect(() => fc.assert(property, settings)).not.toThrow();
  });
});

test('what a what-if says is what happens, when nothing else is ready', () => {
  const property = fc.property(steps, batch, (sequence, jobs) => {
    const world = atRest(after(sequence));
    const predicted = world.whatIf(jobs);
    const before = new Set(world.sites());
    world.submit(...jobs);
    world.pass();
    expect(world.sites().filter((text) => !before.has(text))).toEqual(predicted);
  });
  expect(() => fc.assert(property, settings)).not.toThrow();
});

test('a verdict says "fits" exactly where the next pass can place the job', () => {
  const property = fc.property(steps, batch, (sequence, [job]) => {
    const world = atRest(after(sequence));
    const asked = hypothetical(world.state, job!.tenant!, job!);
    if (exceededQuota(new Overlay(world.state), asked) !== undefined) return;
    for (const { dataCenter, reason } of verdicts(world.state, world.policy, asked)) {
      const only = { ...asked.entity, dataCenters: [dataCenter] };
      const jobClass = { ...asked, entity: only };
      const found = whatIf(world.state, world.policy, [{ uid: 1, jobClass }]);
      expect([dataCenter, found.size]).toEqual([dataCenter, reason === undefined ? 1 : 0]);
    }
    const fits = verdicts(world.state, world.policy, asked).filter(
      ({ reason }) => reason === undefined,
    );
    world.submit(job!);
    world.pass();
    const site = world.siteOf(job!.id);
    // The best of those that fit, as people are told, is the one that is taken.
    expect(site).toBe(fits[0]?.dataCenter);
  });
  expect(() => fc.assert(property, settings)).not.toThrow();
});
