// Which jobs: names, or a set.
import type { Command } from 'commander';
import type { Selection } from '#client/jobs.ts';
import { UsageError } from './exit.ts';
import type { Session } from './session.ts';

export interface SelectionOptions {
  readonly set?: string;
}

export function selectionOptions(command: Command): Command {
  return command
    .argument('[job...]', 'ids or names of jobs')
    .option('--set <id>', 'instead of names: all jobs of a set');
}

export async function jobSelection(
  session: Session,
  jobs: readonly string[],
  { set }: SelectionOptions,
): Promise<Selection> {
  if (set !== undefined && jobs.length > 0) throw new UsageError('names or --set, not both');
  if (set !== undefined) return { set, tenant: await session.tenant() };
  if (jobs.length === 0) throw new UsageError('no job', 'name jobs, or a set with --set');
  return jobs;
}
