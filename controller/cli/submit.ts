// isobar submit: jobs from files or flags; with --wait until they have ended.
import type { Command } from 'commander';
import { idOf, tenantNameOf } from '#client/names.ts';
import { codeName, IsobarError } from '#client/isobar-error.ts';
import type { BuiltJob } from '#client/job-builder.ts';
import type { JobInput } from '#client/job-input.ts';
import type { SubmitJobsResponse } from '#client/types.ts';
import { EXIT } from './exit.ts';
import { type Format, outputOption, printValue } from './format.ts';
import { type JobOptions, jobOptions, readJobs } from './job-options.ts';
import { harmless } from './paint.ts';
import type { Session } from './session.ts';
import { type Act, examples } from './verb.ts';
import { exitOfJobs, waitFor } from './waiting.ts';

interface SubmitOptions extends JobOptions {
  readonly output: Format;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
  readonly allOrNothing?: boolean;
}

/** The API's limit of one call; larger files go in several, each all or nothing for itself only. */
const BATCH = 10_000;

export function configure(command: Command, act: Act): void {
  outputOption(jobOptions(command), ['table', 'json', 'yaml', 'name'])
    .option('--wait', 'wait until the jobs have ended, and exit with their exit code')
    .option('--dry-run', 'check only, submit nothing')
    .option('--all-or-nothing', 'accept all jobs or none')
    .action(act<SubmitOptions>(submit));
  examples(
    command,
    'isobar submit --cpu 2 --memory 4Gi --replicas 3 -- python train.py --epochs 10',
    'isobar submit -f jobs.yaml --wait',
    'generate-jobs | isobar submit -f -',
    'isobar submit --gpus A100:2 --max-run-time 2h --wait -- ./evaluate',
  );
}

interface Submitted {
  readonly name: string;
  readonly outcome: 'submitted' | 'exists' | 'valid' | 'refused';
  readonly error: IsobarError | undefined;
}

async function submit(
  session: Session,
  args: readonly string[],
  options: SubmitOptions,
): Promise<number> {
  const jobs = await readJobs(session, args, options);
  const submitted = await submitAll(session, jobs, options);
  await show(session, submitted, options);
  const accepted = submitted.filter(({ error }) => error === undefined);
  if (options.wait !== true || options.dryRun === true) {
    return accepted.length === submitted.length ? EXIT.OK : EXIT.REFUSED;
  }
  const names = accepted.map(({ name }) => name);
  const ended = await waitFor(session, names, names.length > 1);
  return accepted.length === submitted.length ? exitOfJobs(ended) : EXIT.REFUSED;
}

async function submitAll(
  session: Session,
  jobs: readonly (BuiltJob | JobInput)[],
  { dryRun: validateOnly, allOrNothing }: SubmitOptions,
): Promise<Submitted[]> {
  const client = await session.client();
  const { signal } = session;
  const [only] = jobs;
  if (jobs.length === 1 && only !== undefined) {
    // A refusal of the one job is the answer itself, with all its details.
    const { name, jobSet: _ } = await client.jobs.submit(only, { validateOnly, signal });
    return [{ name, outcome: validateOnly === true ? 'valid' : 'submitted', error: undefined }];
  }
  const submitted: Submitted[] = [];
  for (const [tenant, own] of Map.groupBy(jobs, (job) => job.tenant || client.tenant)) {
    for (let start = 0; start < own.length; start += BATCH) {
      const batch = own.slice(start, start + BATCH);
      const answer = await client.jobs.submitBatch(batch, { validateOnly, allOrNothing, signal });
      submitted.push(...answer.results.map((result) => toSubmitted(tenant, result, validateOnly)));
    }
  }
  return submitted;
}

function toSubmitted(
  tenant: string,
  { jobId, existed, error }: SubmitJobsResponse['results'][number],
  validateOnly = false,
): Submitted {
  const name = `${tenantNameOf(tenant)}/jobs/${jobId}`;
  if (error === undefined) {
    const outcome = validateOnly ? 'valid' : existed ? 'exists' : 'submitted';
    return { name, outcome, error: undefined };
  }
  const { code, reason, message, fieldViolations: violations } = error;
  const refusal = new IsobarError(message, { code: codeName(code), reason, violations });
  return { name, outcome: 'refused', error: refusal };
}

/** More lines than this say less than their number. */
const SHOWN = 50;

async function show(
  session: Session,
  submitted: readonly Submitted[],
  { output }: SubmitOptions,
): Promise<void> {
  if (output === 'json' || output === 'yaml') {
    const items = submitted.map(({ name, outcome, error }) => ({
      name,
      outcome,
      ...(error && { reason: error.reason, message: error.message, violations: error.violations }),
    }));
    await printValue(session, output, { items });
    return;
  }
  const good = submitted.filter(({ error }) => error === undefined);
  for (const { name, outcome } of good.slice(0, output === 'name' ? good.length : SHOWN)) {
    await session.print(output === 'name' ? name : line(name, outcome));
  }
  if (output !== 'name' && good.length > SHOWN) {
    await session.print(`and ${good.length - SHOWN} more`);
  }
  await showRefusals(session, submitted);
}

async function showRefusals(session: Session, submitted: readonly Submitted[]): Promise<void> {
  const refused = submitted.flatMap(({ name, error }) => (error ? [{ name, error }] : []));
  for (const { name, error } of refused.slice(0, SHOWN)) {
    await session.note(`job ${idOf(name) || '(without id)'} refused: ${harmless(error.message)}`);
    for (const { field, description } of error.violations) {
      await session.note(`  ${harmless(`${field}: ${description}`)}`);
    }
  }
  if (refused.length > 0) {
    await session.note(`${refused.length} of ${submitted.length} jobs refused`);
  }
}

const OUTCOMES: Readonly<Record<Submitted['outcome'], string>> = {
  submitted: 'submitted',
  exists: 'exists already, unchanged',
  valid: 'would be accepted',
  refused: 'refused',
};

function line(name: string, outcome: Submitted['outcome']): string {
  return `job ${harmless(idOf(name))} ${OUTCOMES[outcome]}`;
}
