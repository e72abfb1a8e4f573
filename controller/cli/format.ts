// `-o`: the formats that answers can have.
import type { Command } from 'commander';
import { nearMiss } from '#client/near-miss.ts';
import { UsageError } from './exit.ts';
import type { Session } from './session.ts';

const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type Format = (typeof FORMATS)[number];

export function outputOption(command: Command, formats: readonly Format[] = FORMATS): Command {
  const parse = (text: string): Format => {
    const format = formats.find((one) => one === text);
    if (format !== undefined) return format;
    const near = nearMiss(text, formats);
    const meant = near === undefined ? '' : `; did you mean ${near}?`;
    throw new UsageError(`-o ${text}: expected one of ${formats.join(', ')}${meant}`);
  };
  return command.option('-o, --output <format>', formats.join(', '), parse, 'table');
}

/** One value as JSON or YAML; what a person sees is the caller's business. */
export async function printValue(
  session: Session,
  format: 'json' | 'yaml',
  value: unknown,
): Promise<void> {
  if (format === 'json') {
    await session.print(JSON.stringify(value, undefined, 2));
    return;
  }
  const { stringify } = await import('yaml');
  await session.io.stdout.write(stringify(value, { lineWidth: 100 }));
}

/** A list of any length, written as it comes: `{"items": [...]}`. */
export async function printItems(
  session: Session,
  format: 'json' | 'yaml',
  items: AsyncIterable<unknown>,
): Promise<void> {
  const { stringify } = await import('yaml');
  let first = true;
  for await (const item of items) {
    if (format === 'json') {
      const text = JSON.stringify(item, undefined, 2).replaceAll('\n', '\n    ');
      await session.io.stdout.write(`${first ? '{\n  "items": [\n    ' : ',\n    '}${text}`);
    } else {
      const text = stringify([item], { lineWidth: 100 }).replaceAll(/^(?=.)/gm, '  ');
      await session.io.stdout.write(`${first ? 'items:\n' : ''}${text}`);
    }
    first = false;
  }
  if (first) await session.print(format === 'json' ? '{\n  "items": []\n}' : 'items: []');
  else if (format === 'json') await session.print('\n  ]\n}');
}
