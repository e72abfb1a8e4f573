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
  /** Cut with an ellipsis when the terminal is too narrow. */
  readonly shrinks?: boolean;
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
    const total = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
    const shrinking = this.#columns.findIndex(({ shrinks }) => shrinks);
    const width = widths[shrinking];
    if (width === undefined || total <= this.#output.columns) return widths;
    return widths.with(shrinking, Math.max(NARROWEST, width - (total - this.#output.columns)));
  }

  #line(row: readonly Cell[]): string {
    const cells = row.map((cell, index) => {
      const column = this.#columns[index];
      const width = this.#widths?.[index] ?? 0;
      const text =
        column?.shrinks && this.#output.isTerminal ? cut(textOf(cell), width) : textOf(cell);
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
  return value === '' && column.shrinks !== true ? '-' : value;
}

function textOf(cell: Cell): string {
  return harmless(String(typeof cell === 'object' ? cell.text : cell));
}

/** In code points: near enough to columns for names, and without the cost of a segmenter for each cell. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

function cut(text: string, width: number): string {
  const letters = Array.from(text);
  return letters.length <= width ? text : `${letters.slice(0, width - 1).join('')}…`;
}
