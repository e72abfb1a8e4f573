// What `describe` prints: facts in two columns, and sections below them.
import { harmless, type Paint, type Tone } from './paint.ts';
import type { Output } from './io.ts';
import { type Column, Table } from './table.ts';

export type Fact = readonly [
  label: string,
  value: string | number | undefined,
  tone?: Tone | undefined,
];

/** Undefined and empty facts are left out. */
export type SectionText =
  | { readonly kind: 'facts'; readonly title?: string; readonly facts: readonly Fact[] }
  | { readonly kind: 'lines'; readonly title: string; readonly lines: readonly string[] }
  | TableSection;

interface TableSection {
  readonly kind: 'table';
  readonly title: string;
  render(output: Output, paint: Paint): readonly string[];
}

export function facts(list: readonly Fact[], title?: string): SectionText {
  return title === undefined
    ? { kind: 'facts', facts: list }
    : { kind: 'facts', title, facts: list };
}

export function tableSection<T>(
  title: string,
  columns: readonly Column<T>[],
  items: readonly T[],
): SectionText {
  return {
    kind: 'table',
    title,
    render: (output, paint) =>
      items.length === 0 ? [] : new Table(columns, output, paint).lines(items),
  };
}

export function sectionLines(
  sections: readonly SectionText[],
  output: Output,
  paint: Paint,
): string[] {
  const lines: string[] = [];
  for (const section of sections) {
    const body = bodyOf(section, output, paint);
    if (body.length === 0) continue;
    if (section.title === undefined) {
      lines.push(...body);
      continue;
    }
    if (lines.length > 0) lines.push('');
    lines.push(paint(`${section.title}:`, 'strong'), ...body.map((line) => `  ${line}`));
  }
  return lines;
}

function bodyOf(section: SectionText, output: Output, paint: Paint): readonly string[] {
  if (section.kind === 'facts') return factLines(section.facts, paint);
  if (section.kind === 'lines') return section.lines.map(harmless);
  // Indented by two, so it has two characters less.
  return section.render(narrowed(output), paint);
}

function factLines(list: readonly Fact[], paint: Paint): string[] {
  const told = list.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...told.map(([label]) => label.length + 1));
  return told.map(
    ([label, value, tone]) =>
      `${`${label}:`.padEnd(width)}  ${paint(harmless(String(value)), tone)}`,
  );
}

function narrowed(output: Output): Output {
  return {
    write: (chunk) => output.write(chunk),
    isTerminal: output.isTerminal,
    columns: output.columns - 2,
  };
}
