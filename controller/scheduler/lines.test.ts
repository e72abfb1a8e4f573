import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { toClass } from '#core/classes.ts';
import type { JobClass } from '#core/state.ts';
import { toShape } from '#core/testing-words.ts';
import { ClassMap } from './class-map.ts';
import { Lines } from './lines.ts';
import { Scheduled } from './testing.ts';

const world = new Scheduled().tenant('t').tenant('u');
const tenants = ['t', 'u'].map((id) => world.state.tenants.get(id)!);
/** Of two tenants and three priorities; their numbers lie far apart, so that no two share a part of a map, or close by. */
const classes = Array.from({ length: 12 }, (_, i) => {
  const shape = toShape({ id: 'j', wants: { priority: i % 3 } });
  const tenant = tenants[i % 2]!;
  return toClass(tenant, { ...shape, number: i < 6 ? i : i * 1000, tenant: tenant.entity.id }, 1);
});

/** What happens to the queue of a class, with what lines hear of it. */
type Step = readonly [kind: 'older' | 'left' | 'empty' | 'dropped' | 'slice', at: number];
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(
    fc.constantFrom('older', 'older', 'left', 'empty', 'dropped', 'slice'),
    fc.nat(classes.length - 1),
  ),
  { maxLength: 120 },
);

/** Takes so many, one from each class: as a pass does it that sets every class aside. */
function takeSome(lines: Lines, heads: Map<JobClass, number>, most: number): JobClass[] {
  const taken: JobClass[] = [];
  // Those of `t` first.
  const ofTenants = lines.tenants(({ entity }) => (entity.id === 't' ? 0 : 1));
  for (let line = ofTenants.peek(); line !== undefined && taken.length < most;) {
    const jobClass = lines.first(line);
    if (jobClass === undefined) {
      ofTenants.pop();
      line = ofTenants.peek();
      continue;
    }
    const head = heads.get(jobClass);
    if (head === undefined) lines.delete(jobClass);
    else if (lines.isRight(line, head)) {
      taken.push(jobClass);
      lines.delete(jobClass);
    }
  }
  return taken;
}

function inOrder(heads: Map<JobClass, number>): JobClass[] {
  return [...heads.keys()].toSorted(
    (a, b) =>
      tenants.indexOf(a.tenant) - tenants.indexOf(b.tenant) ||
      b.entity.priority - a.entity.priority ||
      heads.get(a)! - heads.get(b)!,
  );
}

describe('lines', () => {
  test('come in the order that sorting them anew would give, whatever joins and leaves', () => {
    const holds = (sequence: readonly Step[]) => {
      const lines = new Lines();
      const heads = new Map<JobClass, number>();
      let [oldest, youngest] = [1e12, 1e12];
      const slice = (most: number) => {
        const expected = inOrder(heads).slice(0, most);
        expect(takeSome(lines, heads, most)).toEqual(expected);
        for (const jobClass of expected) heads.delete(jobClass);
      };
      for (const [kind, at] of sequence) {
        const jobClass = classes[at]!;
        if (kind === 'older') {
          heads.set(jobClass, (oldest -= 1));
          lines.add(jobClass, oldest);
        } else if (kind === 'left' && heads.has(jobClass)) heads.set(jobClass, (youngest += 1));
        else if (kind === 'empty') heads.delete(jobClass);
        else if (kind === 'dropped') {
          heads.delete(jobClass);
          lines.delete(jobClass);
        } else if (kind === 'slice') slice(at % 4);
      }
      slice(Infinity);
      expect(lines.size).toBe(0);
    };
    expect(() => fc.assert(fc.property(steps, holds), { seed: 1, numRuns: 500 })).not.toThrow();
  });
});

describe('a map of classes', () => {
  test('is one map, though it is made of many', () => {
    const map = new ClassMap<number>();
    for (const [i, jobClass] of classes.entries()) map.set(jobClass, i);
    map.set(classes[3]!, 33);
    map.delete(classes[4]!);
    map.delete(classes[4]!);
    expect(map.size).toBe(classes.length - 1);
    expect([...map.keys()].length).toBe(map.size);
    expect(new Map(map).get(classes[3]!)).toBe(33);
    expect([map.get(classes[4]!), map.has(classes[4]!), map.has(classes[5]!)]).toEqual([
      undefined,
      false,
      true,
    ]);
  });

  test('can lose what a walk comes by', () => {
    const map = new ClassMap<number>();
    for (const jobClass of classes) map.set(jobClass, 0);
    const seen: JobClass[] = [];
    for (const jobClass of map.keys()) {
      seen.push(jobClass);
      map.delete(jobClass);
    }
    expect(new Set(seen)).toEqual(new Set(classes));
    expect(map.size).toBe(0);
  });
});
