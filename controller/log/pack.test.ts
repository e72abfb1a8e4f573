import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Packer, Unpacker } from './pack.ts';

type Item =
  | { readonly is: 'number'; readonly value: number }
  | { readonly is: 'bytes'; readonly value: Uint8Array }
  | { readonly is: 'text'; readonly column: number; readonly value: string };

const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ is: fc.constant('number' as const), value: fc.double() }),
  fc.record({ is: fc.constant('bytes' as const), value: fc.uint8Array() }),
  fc.record({
    is: fc.constant('text' as const),
    column: fc.nat(3),
    // Few values, so that columns repeat; all of Unicode, which may or may not fit into one byte a character.
    value: fc.oneof(
      fc.constantFrom('', 'a', 'health', '\ufeff', '\u0000', 'é'),
      fc.string({ unit: 'binary' }),
    ),
  }),
);

test('what is packed is unpacked', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 40 }), (items) => {
      const pack = new Packer();
      for (const each of items) {
        if (each.is === 'number') pack.number(each.value);
        else if (each.is === 'bytes') pack.bytes(each.value);
        else pack.text(each.column, each.value);
      }
      const from = new Unpacker(pack.finish());
      const found = items.map((each): unknown => {
        if (each.is === 'number') return from.number();
        return each.is === 'bytes' ? Array.from(from.bytes()) : from.text(each.column);
      });
      expect(found).toEqual(
        items.map((each) => (each.is === 'bytes' ? Array.from(each.value) : each.value)),
      );
      expect(from.atEnd).toBe(true);
    }),
  );
});

test('reading further than what was packed is a mistake', () => {
  const from = new Unpacker(new Packer().finish());
  expect(from.atEnd).toBe(true);
  expect(() => from.number()).toThrow('past what was packed');
});
