// isobar logs: what a task of a job wrote.
import type { Command } from 'commander';
import { wholeNumber } from './options.ts';
import { type Act, examples } from './verb.ts';
import { bytes } from './units.ts';

interface LogsOptions {
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly run?: number;
  readonly rank: number;
  readonly tail?: number;
}

export function configure(command: Command, act: Act): void {
  command
    .argument('<job>', 'id or name of the job')
    .option('-f, --follow', 'go on until the task ends')
    .option('-p, --previous', 'of the run before the newest')
    .option('--run <epoch>', 'of this run', wholeNumber(1, 2 ** 31))
    .option(
      '--rank <number>',
      'of this task, counted over all groups from 0',
      wholeNumber(0, 160_000),
      0,
    )
    .option('--tail <lines>', 'only the last lines', wholeNumber(1, 1_000_000))
    .action(
      act<LogsOptions>(async (session, [job = ''], options) => {
        const client = await session.client();
        const pieces = client.jobs.logs(job, {
          follow: options.follow,
          previous: options.previous,
          epoch: options.run,
          rank: options.rank,
          tailLines: options.tail,
          signal: session.signal,
        });
        for await (const { data, skippedBytes } of pieces) {
          if (skippedBytes > 0) {
            await session.note(`(${bytes(skippedBytes)} before this are no longer kept)`);
          }
          await session.io.stdout.write(data);
        }
      }),
    );
  examples(
    command,
    'isobar logs train-7',
    'isobar logs train-7 -f --rank 2',
    'isobar logs train-7 --previous --tail 50',
  );
}
