// isobar wait: until jobs have ended.
import type { Command } from 'commander';
import { jobSelection, type SelectionOptions, selectionOptions } from './job-selection.ts';
import { type Act, examples } from './verb.ts';
import { exitOfJobs, waitFor } from './waiting.ts';

export function configure(command: Command, act: Act): void {
  selectionOptions(command).action(
    act<SelectionOptions>(async (session, args, options) =>
      exitOfJobs(await waitFor(session, await jobSelection(session, args, options))),
    ),
  );
  examples(
    command,
    'isobar wait train-7 && isobar submit -f evaluate.yaml',
    'isobar wait --set night --timeout 8h',
  );
}
