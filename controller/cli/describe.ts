// isobar describe: everything about one thing.
import type { Command } from 'commander';
import { findOne } from './get.ts';
import { kindList, kindOf, KINDS } from './kind.ts';
import { sectionLines } from './sections.ts';
import { type Act, examples } from './verb.ts';

const DESCRIBABLE = KINDS.map(({ plural }) => plural).filter((plural) => plural !== 'events');

export function configure(command: Command, act: Act): void {
  command
    .argument('<kind>', kindList(KINDS.filter(({ plural }) => DESCRIBABLE.includes(plural))))
    .argument('<name...>', 'ids or names')
    .action(
      act(async (session, [kindWord = '', ...names]) => {
        const kind = kindOf(kindWord, DESCRIBABLE);
        const view = await kind.load();
        const client = await session.client();
        for (const [index, name] of names.entries()) {
          const item = await findOne(session, kind.singular, view, name);
          const sections = (await view.describe?.(client, session, item)) ?? [];
          const lines = sectionLines(sections, session.io.stdout, session.paint);
          if (index > 0) await session.print();
          await session.print(lines.join('\n'));
        }
      }),
    );
  examples(
    command,
    'isobar describe job train-7',
    'isobar describe dc north-1',
    'isobar describe node north-1/n042',
  );
}
