import { describe, expect, test } from 'vitest';
import type { Output } from './io.ts';
import { makePaint } from './paint.ts';
import { type Column, Table } from './table.ts';
import { bytes, clock, cpus, duration, mib, percent } from './units.ts';

interface Row {
  readonly name: string;
  readonly count: number;
  readonly text: string;
}
const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', shrinks: 'middle', cell: ({ name }) => name },
  { title: 'COUNT', right: true, cell: ({ count }) => count },
  { title: 'TEXT', shrinks: 'end', cell: ({ text }) => text },
];
const ROWS: readonly Row[] = [
  { name: 'tenants-of-the-north-17', count: 5, text: 'a sentence that goes on for a while' },
  { name: '', count: 1234, text: '' },
];

function lines(isTerminal: boolean, columns: number): string[] {
  const output: Output = { write: async () => {}, isTerminal, columns };
  return new Table(COLUMNS, output, makePaint(output, { NO_COLOR: '1' })).lines(ROWS);
}

describe('a table', () => {
  test('has its numbers at the right, and a dash where a value is missing but not where a sentence is', () => {
    expect(lines(false, 10)).toEqual([
      'NAME                     COUNT  TEXT',
      'tenants-of-the-north-17      5  a sentence that goes on for a while',
      '-                         1234',
    ]);
  });

  test.each([
    [60, 'tenants-of-the-north-17      5  a sentence that goes on for…'],
    [40, 'tenants-of-the-north-17      5  a sente…'],
    [30, 'tenant…rth-17      5  a sente…'],
  ])('of %s columns cuts the last sentence first, then names in their middle', (columns, line) => {
    expect(lines(true, columns)[1]).toBe(line);
  });

  test('keeps later rows in line with the first', () => {
    const output: Output = { write: async () => {}, isTerminal: false, columns: 80 };
    const table = new Table(COLUMNS, output, makePaint(output, {}));
    expect(table.lines([{ name: 'abcdef', count: 1, text: 'x' }])).toHaveLength(2);
    expect(table.lines([{ name: 'b', count: 22, text: 'y' }])).toEqual(['b          22  y']);
  });
});

describe('units', () => {
  test.each([
    [0, '0'],
    [250, '0.25'],
    [12_500, '12.5'],
    [150_500, '150.5'],
    [1_234_567, '1235'],
  ])('%s millis are %s CPU', (millis, text) => expect(cpus(millis)).toBe(text));
  test.each([
    [0, '0'],
    [512, '512 MiB'],
    [1536, '1.5 GiB'],
    [65_536, '64 GiB'],
    [1_572_864, '1.5 TiB'],
    [2 ** 50, '1024 EiB'],
  ])('%s MiB are %s', (amount, text) => expect(mib(amount)).toBe(text));
  test.each([
    [-5, '0s'],
    [440, '0.4s'],
    [45_000, '45s'],
    [192_000, '3m12s'],
    [3_600_000, '1h'],
    [9_060_000, '2h31m'],
    [3 * 86_400_000 + 4 * 3_600_000, '3d4h'],
    [40 * 86_400_000, '40d'],
  ])('%s ms are %s', (ms, text) => expect(duration(ms)).toBe(text));
  test.each([
    [0, 10, '0%'],
    [1, 1000, '<1%'],
    [42, 100, '42%'],
    [999, 1000, '99%'],
    [10, 10, '100%'],
    [0, 0, '-'],
  ])('%s of %s is %s', (part, whole, text) => expect(percent(part, whole)).toBe(text));
  test('of files', () => {
    expect([12, 1536, 20 * 1024 ** 2].map(bytes)).toEqual(['12 B', '1.5 KiB', '20 MiB']);
  });
  test('a time of today needs no date', () => {
    const now = Date.parse('2026-11-21T12:00:00Z');
    expect(clock(new Date(now - 60_000), now)).toBe('11:59:00');
    expect(clock(new Date(now - 86_400_000), now)).toBe('2026-11-20 12:00:00');
  });
});
