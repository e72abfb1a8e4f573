// isobar forget: declares a run gone for good.
import type { Command } from 'commander';
import { harmless } from './paint.ts';
import { type Act, examples } from './verb.ts';
import { placesOf } from './words.ts';

export function configure(command: Command, act: Act): void {
  command
    .argument('<run>', 'JOB/EPOCH, JOB/INDEX-EPOCH or its full name; see isobar get runs')
    .option('--dry-run', 'check only, change nothing')
    .action(
      act<{ dryRun?: boolean }>(async (session, [name = ''], { dryRun: validateOnly }) => {
        const client = await session.client();
        const run = await client.runs.forget(name, { validateOnly, signal: session.signal });
        const where = placesOf(run);
        const would = validateOnly === true ? 'would be ' : '';
        await session.print(
          `run ${harmless(run.name)} ${would}forgotten; its job may run elsewhere`,
        );
        if (where !== '') {
          await session.note(
            `if it is alive after all, it works beside the new one until the agent of ${where} is back`,
          );
        }
      }),
    );
  command.addHelpText(
    'after',
    '\nOnly when the data center is known to be dead: a run that is alive after all works beside the new one. A run that\nmay still be on its way there is refused until nothing was heard for longer than the lease.',
  );
  examples(command, 'isobar forget train-7/3', 'isobar forget health/train-7/0-3 --dry-run');
}
