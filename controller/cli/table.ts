// Tables for people: aligned, right-aligned numbers, cut to the terminal where one column allows it.
import { harmless, type Paint, type Tone } from './paint.ts';
import type { Output } from './io.ts';

export type Cell = string | number | { readonly text: string; readonly tone: Tone | undefined };

export interface Column<T> {
  readonly title: string;
  /** Numbers and amounts. */
  readonly right?: boolean;
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  /** Width that later rows of a stream probably need. */
  readonly atLeast?: number;
  /** Cut with an ellipsis when the terminal is too narrow, sentences at the end, names in the middle; the last first. */
  readonly shrinks?: 'end' | 'middle';
  /** Not part of what a watch compares: an age is different at every look. */
  readonly restless?: boolean;
  cell(item: T): Cell;
}

const GAP = '  ';
const NARROWEST = 8;

export class Table<T> {
  readonly #columns: readonly Column<T>[];
  readonly #output: Output;
  readonly #paint: Paint;
  #widths: number[] | undefined;

  constructor(columns: readonly Column<T>[], output: Output, paint: Paint) {
    this.#columns = columns;
    this.#output = output;
    this.#paint = paint;
  }

  /** The header the first time, then the rows. The first call fixes the widths, so that later rows stay in line. */
  lines(items: readonly T[]): string[] {
    const rows = items.map((item) => this.#columns.map((column) => cellOf(column, item)));
    if (this.#widths !== undefined) return rows.map((row) => this.#line(row));
    this.#widths = this.#measure(rows);
    const header = this.#columns.map(({ title }): Cell => ({ text: title, tone: 'dim' }));
    return [header, ...rows].map((row) => this.#line(row));
  }

  /** What of a row is worth a new line when it changes. */
  fingerprint(item: T): string {
    return this.#columns
      .filter(({ restless }) => restless !== true)
      .map((column) => textOf(cellOf(column, item)))
      .join('\n');
  }

  #measure(rows: readonly (readonly Cell[])[]): number[] {
    const widths = this.#columns.map(({ title, atLeast = 0 }, index) =>
      Math.max(title.length, atLeast, ...rows.map((row) => lengthOf(textOf(row[index] ?? '')))),
    );
    if (!this.#output.isTerminal) return widths;
    let excess =
      widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) -
      this.#output.columns;
    for (let index = widths.length - 1; index >= 0 && excess > 0; index--) {
      const width = widths[index] ?? 0;
      if (this.#columns[index]?.shrinks === undefined) continue;
      const narrowed = Math.min(width, Math.max(NARROWEST, width - excess));
      widths[index] = narrowed;
      excess -= width - narrowed;
    }
    return widths;
  }

  #line(row: readonly Cell[]): string {
    const cells = row.map((cell, index) => {
      const column = this.#columns[index];
      const width = this.#widths?.[index] ?? 0;
      const text = this.#output.isTerminal
        ? cut(textOf(cell), width, column?.shrinks)
        : textOf(cell);
      const padding = ' '.repeat(Math.max(0, width - lengthOf(text)));
      const painted = this.#paint(text, typeof cell === 'object' ? cell.tone : undefined);
      return column?.right ? padding + painted : painted + padding;
    });
    return cells.join(GAP).trimEnd();
  }
}

/** A sentence that is not there is nothing; a value that is not there is a dash, so that columns can be counted. */
function cellOf<T>(column: Column<T>, item: T): Cell {
  const value = column.cell(item);
  return value === '' && column.shrinks !== 'end' ? '-' : value;
}

function textOf(cell: Cell): string {
  return harmless(String(typeof cell === 'object' ? cell.text : cell));
}

/** In code points: near enough to columns for names, and without the cost of a segmenter for each cell. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

function cut(text: string, width: number, where: 'end' | 'middle' | undefined): string {
  const letters = Array.from(text);
  if (where === undefined || letters.length <= width) return text;
  if (where === 'end') return `${letters.slice(0, width - 1).join('')}…`;
  // The end of a name tells more than its middle: it holds the number.
  const tail = Math.floor((width - 1) / 2);
  return `${letters.slice(0, width - 1 - tail).join('')}…${letters.slice(-tail).join('')}`;
}
