// isobar hold, release, requeue, reprioritize, cancel: what people do to jobs.
import type { Command } from 'commander';
import type { Jobs, Selection } from '#client/jobs.ts';
import type { WriteOptions } from '#client/connection.ts';
import type { ChangeJobsResponse } from '#client/types.ts';
import { EXIT, UsageError } from './exit.ts';
import { jobSelection, type SelectionOptions, selectionOptions } from './job-selection.ts';
import { wholeNumber } from './options.ts';
import { harmless } from './paint.ts';
import { type Act, examples, type VerbModule } from './verb.ts';
import { reasonText } from './words.ts';

interface ChangeOptions extends SelectionOptions {
  readonly dryRun?: boolean;
  readonly message?: string;
  readonly priority?: number;
}

interface Change {
  readonly done: string;
  readonly would: string;
  readonly examples: readonly string[];
  run(
    jobs: Jobs,
    which: Selection,
    options: ChangeOptions,
    how: WriteOptions,
  ): Promise<ChangeJobsResponse>;
}

const CHANGES = {
  hold: {
    done: 'held',
    would: 'would be held',
    examples: ['isobar hold train-7', 'isobar hold --set night'],
    run: (jobs, which, _, how) => jobs.hold(which, how),
  },
  release: {
    done: 'released',
    would: 'would be released',
    examples: ['isobar release train-7', 'isobar release --set night'],
    run: (jobs, which, _, how) => jobs.release(which, how),
  },
  requeue: {
    done: 'queued again',
    would: 'would be stopped and queued again',
    examples: ['isobar requeue train-7', 'isobar requeue --set night --dry-run'],
    run: (jobs, which, _, how) => jobs.requeue(which, how),
  },
  reprioritize: {
    done: 'reprioritized',
    would: 'would be reprioritized',
    examples: [
      'isobar reprioritize train-7 --priority 100',
      'isobar reprioritize --set night --priority -50',
    ],
    run: (jobs, which, { priority }, how) => {
      if (priority === undefined) throw new UsageError('--priority is missing: -1000 to 1000');
      return jobs.reprioritize(which, priority, how);
    },
  },
  cancel: {
    done: 'cancelled',
    would: 'would be cancelled',
    examples: ['isobar cancel train-7 train-8', 'isobar cancel --set night --message "wrong data"'],
    run: (jobs, which, { message }, how) => jobs.cancel(which, { ...how, message }),
  },
} as const satisfies Record<string, Change>;

export function changeJobs(verb: keyof typeof CHANGES): VerbModule {
  const change: Change = CHANGES[verb];
  return {
    configure(command: Command, act: Act): void {
      selectionOptions(command).option('--dry-run', 'check only, change nothing');
      if (verb === 'cancel') command.option('-m, --message <text>', 'why, kept with the job');
      if (verb === 'reprioritize') {
        command.requiredOption('--priority <number>', '-1000 to 1000', wholeNumber(-1000, 1000));
      }
      command.action(
        act<ChangeOptions>(async (session, args, options) => {
          const which = await jobSelection(session, args, options);
          const client = await session.client();
          const how = { validateOnly: options.dryRun, signal: session.signal };
          const { changed, refused } = await change.run(client.jobs, which, options, how);
          const word = options.dryRun === true ? change.would : change.done;
          for (const id of changed.slice(0, SHOWN))
            await session.print(`job ${harmless(id)} ${word}`);
          if (changed.length > SHOWN) {
            await session.print(`${changed.length} jobs ${word}, of these ${SHOWN} shown`);
          }
          for (const { jobId, reason } of refused) {
            await session.note(
              `job ${harmless(jobId)} not changed: ${harmless(reasonText(reason))}`,
            );
          }
          if (changed.length === 0 && refused.length === 0) await session.note('no job matches');
          return exitOfChange(refused);
        }),
      );
      examples(command, ...change.examples);
    },
  };
}

const SHOWN = 50;

/** Only missing jobs: not found. Anything else that was refused: refused. */
function exitOfChange(refused: ChangeJobsResponse['refused']): number {
  if (refused.length === 0) return EXIT.OK;
  const missing = refused.every(({ reason }) => reason?.code === 'JOB_NOT_FOUND');
  return missing ? EXIT.NOT_FOUND : EXIT.REFUSED;
}
