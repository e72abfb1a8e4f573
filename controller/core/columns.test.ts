import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { classKeyOf } from './class-key.ts';
import { NumberIndex } from './columns.ts';
import { NodeTable, type NodeDescription } from './node-table.ts';
import { BLOCK, Pool } from './pool.ts';
import { toShape, type JobWords } from './testing-words.ts';

test('an index of numbers says what a map says', () => {
  const key = fc.oneof(
    fc.nat(40),
    fc.nat(40).map((n) => 2 ** 40 + n),
    fc.nat(40).map((n) => n * 2 ** 32),
  );
  const change = fc.record({ key, row: fc.nat(1000), isDeletion: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const index = new NumberIndex();
      const map = new Map<number, number>();
      for (const { key: at, row, isDeletion } of changes) {
        if (isDeletion) {
          index.delete(at);
          map.delete(at);
        } else {
          index.set(at, row);
          map.set(at, row);
        }
        expect(index.size).toBe(map.size);
      }
      for (const { key: at } of changes) expect(index.get(at)).toBe(map.get(at));
    }),
    { seed: 1 },
  );
});

test('a block of a pool never promises less than its best node has', () => {
  const change = fc.record({
    node: fc.nat(150),
    cpu: fc.integer({ min: -5, max: 20 }),
    verb: fc.nat(3),
  });
  const description: NodeDescription = {
    id: 'n',
    role: '',
    labels: {},
    cpuMillis: 0,
    memoryMib: 0,
    storageMib: 0,
    extra: {},
    devices: [],
  };
  fc.assert(
    fc.property(fc.array(change, { minLength: 50, maxLength: 400 }), (changes) => {
      const nodes = new NodeTable();
      const pool = new Pool();
      const rows = Array.from({ length: 151 }, () => nodes.add(0, description));
      const within = new Set<number>();
      for (const { node, cpu, verb } of changes) {
        const row = rows[node]!;
        const raised = cpu > nodes.freeCpuMillis[row]!;
        nodes.freeCpuMillis[row] = cpu;
        if (verb === 0 && within.delete(row)) pool.remove(nodes, row);
        else if (verb === 1 && pool.blocks > 0) pool.tighten(nodes, node % pool.blocks);
        else if (!within.has(row)) {
          within.add(row);
          pool.add(nodes, row);
        }
        if (raised) pool.raise(nodes, row);
        expect(new Set(pool.rows.subarray(0, pool.length))).toEqual(within);
        expect(pool.length).toBe(within.size);
        for (const [at, held] of pool.rows.subarray(0, pool.length).entries()) {
          const bound = pool.boundCpuMillis[Math.floor(at / BLOCK)]!;
          expect(bound).toBeGreaterThanOrEqual(nodes.freeCpuMillis[held]!);
        }
      }
    }),
    { seed: 1, numRuns: 30 },
  );
});

test('shapes have the same key exactly if they are the same', () => {
  const text = fc.constantFrom('', 'x', 'x 0', 'x 0;1x1000 x', 'a=1');
  const devices = fc.array(fc.record({ model: text, count: fc.constantFrom(1, 11) }), {
    maxLength: 2,
  });
  const group = fc.record({ cpu: fc.constantFrom(1, 2), replicas: fc.constantFrom(1, 2), devices });
  const shape = fc
    .record({
      groups: fc.array(group, { minLength: 1, maxLength: 2 }),
      wants: fc.record({
        priority: fc.constantFrom(-1, 0, 1),
        retryExitCodes: fc.array(fc.constantFrom(1, 11), { maxLength: 2 }),
        regions: fc.array(text, { maxLength: 2 }),
        nodeLabels: fc.dictionary(text, text, { maxKeys: 1 }),
      }),
    })
    .map((words) => toShape({ id: 'a', ...words } satisfies JobWords));
  fc.assert(
    fc.property(shape, shape, (a, b) => {
      expect(classKeyOf(a) === classKeyOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
    { seed: 1, numRuns: 2000 },
  );
});
