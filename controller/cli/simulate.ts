// isobar simulate: what would happen to jobs now.
import type { Command } from 'commander';
import { toApiJson } from '#client/json.ts';
import { SimulateJobsResponse } from '#client/types.ts';
import { nearestOf } from './advice.ts';
import { EXIT } from './exit.ts';
import { type Format, outputOption, printValue } from './format.ts';
import { type JobOptions, jobOptions, readJobs } from './job-options.ts';
import { Table } from './table.ts';
import { type Act, examples } from './verb.ts';
import { reasonText } from './words.ts';

export function configure(command: Command, act: Act): void {
  outputOption(jobOptions(command), ['table', 'json', 'yaml']).action(
    act<JobOptions & { output: Format }>(async (session, args, options) => {
      const jobs = await readJobs(session, args, options);
      const client = await session.client();
      const answer = await client.jobs.simulate(jobs, { signal: session.signal });
      if (options.output === 'json' || options.output === 'yaml') {
        await printValue(session, options.output, toApiJson(SimulateJobsResponse, answer));
      } else {
        const table = new Table<(typeof answer.jobs)[number]>(
          [
            { title: 'JOB', cell: ({ jobId }) => jobId },
            {
              title: 'WOULD',
              cell: ({ dataCenter }) =>
                dataCenter === ''
                  ? { text: 'wait', tone: 'warn' }
                  : { text: `run in ${dataCenter}`, tone: 'good' },
            },
            { title: 'BECAUSE', shrinks: 'end', cell: (job) => because(job) },
          ],
          session.io.stdout,
          session.paint,
        );
        await session.print(table.lines(answer.jobs).join('\n'));
      }
      return answer.jobs.every(({ dataCenter }) => dataCenter !== '') ? EXIT.OK : EXIT.FAILED;
    }),
  );
  examples(
    command,
    'isobar simulate -f jobs.yaml',
    'isobar simulate --cpu 64 --memory 1Ti --replicas 8 -- solve',
  );
}

function because(job: SimulateJobsResponse['jobs'][number]): string {
  if (job.dataCenter === '') {
    // "Fits in no data center" sends its reader here: say what is nearest to fitting.
    const nearest = job.reason?.code === 'NO_DATA_CENTER' ? nearestOf(job.verdicts) : undefined;
    if (nearest === undefined) return reasonText(job.reason);
    return `nearest is ${nearest.dataCenter}: ${reasonText(nearest.reason)}`;
  }
  const fits = job.verdicts.filter(({ feasible }) => feasible);
  const terms = fits.find(({ dataCenter }) => dataCenter === job.dataCenter)?.terms ?? [];
  const score = terms.map(({ name, value }) => `${name} ${value.toFixed(2)}`).join(', ');
  const best = fits.length === 1 ? 'the only one with room' : `the best of ${fits.length}`;
  return score === '' ? best : `${best}: ${score}`;
}
