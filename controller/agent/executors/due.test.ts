import { array, assert, constantFrom, nat, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { type Due, DueQueue } from './due.ts';

interface Item extends Due {
  readonly name: number;
}

test('whatever is put in, moved and taken out, the first is the one that is due first', () => {
  const step = record({
    name: nat(15),
    dueMs: nat(20),
    what: constantFrom('set', 'set', 'remove', 'take'),
  });
  assert(
    property(array(step, { maxLength: 100 }), (steps) => {
      const queue = new DueQueue<Item>();
      const items = Array.from({ length: 16 }, (_, name) => ({
        name,
        order: name,
        dueMs: 0,
        place: -1,
      }));
      const inside = new Set<Item>();
      for (const { name, dueMs, what } of steps) {
        const item = what === 'take' ? queue.first() : items[name];
        if (item === undefined) continue;
        if (what === 'set') {
          queue.set(item, dueMs);
          inside.add(item);
        } else {
          queue.remove(item);
          inside.delete(item);
        }
        const sorted = [...inside].toSorted((a, b) => a.dueMs - b.dueMs || a.order - b.order);
        expect(queue.first()).toBe(sorted[0]);
      }
    }),
  );
});
