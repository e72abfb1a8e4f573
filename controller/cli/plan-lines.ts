// A plan for a person: what is made, what changes, field by field.
import { harmless, type Paint } from './paint.ts';
import type { Difference, Plan } from './resource-api.ts';

export function planLines({ kind, id, action, differences }: Plan, paint: Paint): string[] {
  const title = `${kind} ${id}`;
  if (action === 'nothing') return [`  ${title} is as the file says`];
  const lines = differences.flatMap((one) => differenceLines(one, action, paint));
  return [
    action === 'create' ? paint(`+ ${title}`, 'good') : paint(`~ ${title}`, 'warn'),
    ...lines,
  ];
}

function differenceLines(
  { field, before, after }: Difference,
  action: Plan['action'],
  paint: Paint,
): string[] {
  const lines: string[] = [];
  if (action === 'update') lines.push(paint(`  - ${field}: ${shown(before)}`, 'bad'));
  lines.push(paint(`  + ${field}: ${shown(after)}`, 'good'));
  return lines;
}

/** What is not there has its default, which the API does not print. */
function shown(value: unknown): string {
  if (value === undefined) return '(default)';
  return harmless(typeof value === 'string' ? value : JSON.stringify(value));
}
