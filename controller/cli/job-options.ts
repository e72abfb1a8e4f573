// Jobs from the command line: a file of them, or one in flags with its command after `--`.
import type { Command } from 'commander';
import type { BuiltJob } from '#client/job-builder.ts';
import type { JobInput } from '#client/job-input.ts';
import { UsageError } from './exit.ts';
import { keyValue, keyValues, wholeNumber, words } from './options.ts';
import { inputName, readInput, type Session } from './session.ts';

export interface JobOptions {
  readonly file?: readonly string[];
  readonly id?: string;
  readonly set?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly priority?: number;
  readonly cpu?: string;
  readonly memory?: string;
  readonly storage?: string;
  readonly gpus?: string;
  readonly image?: string;
  readonly replicas?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly after?: readonly string[];
  readonly in?: readonly string[];
  readonly region?: readonly string[];
  readonly offers?: readonly string[];
  readonly maxRunTime?: string;
  readonly expectedRunTime?: string;
  readonly retries?: number;
  readonly unreachable?: string;
  readonly hold?: boolean;
}

export function jobOptions(command: Command): Command {
  const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];
  return command
    .usage('(-f FILE | [options] -- COMMAND [ARG...])')
    .argument('[command...]', 'after --: the program and its arguments')
    .option(
      '-f, --file <file>',
      'jobs file, YAML or JSON; - is standard input; may be repeated',
      collect,
    )
    .option('--id <id>', 'id of the job')
    .option('--set <id>', 'job set')
    .option('-l, --label <key=value,...>', 'labels', keyValues)
    .option(
      '--priority <number>',
      '-1000 to 1000, higher goes first within the tenant',
      wholeNumber(-1000, 1000),
    )
    .option('--cpu <amount>', 'CPUs of each task, such as 2 or 500m; default 1')
    .option(
      '--memory <size>',
      'memory of each task, such as 4Gi; default 512Mi; one that takes more is ended',
    )
    .option('--storage <size>', 'scratch storage of each task')
    .option('--gpus <[model:]count>', 'GPUs of each task, such as 1, 0.5 or A100:2')
    .option('--image <image>', 'container image')
    .option('--replicas <number>', 'number of tasks; default 1', wholeNumber(1, 10_000))
    .option('-e, --env <key=value>', 'environment of the tasks; may be repeated', keyValue)
    .option('--after <job,...>', 'jobs that must succeed first', words)
    .option('--in <data-center,...>', 'data centers, one of which it must be', words)
    .option('--region <region,...>', 'regions, one of which it must be in', words)
    .option('--offers <thing,...>', 'what the data center must offer', words)
    .option('--max-run-time <duration>', 'fail after this long')
    .option('--expected-run-time <duration>', 'how long it probably runs')
    .option('--retries <number>', 'try again this often', wholeNumber(0, 99))
    .option(
      '--unreachable <policy>',
      'when its data center cannot be reached: replace, wait or fail',
    )
    .option('--hold', 'start held');
}

/** With `-f` the jobs of the files, else the one that the flags and the command make. */
export async function readJobs(
  session: Session,
  args: readonly string[],
  options: JobOptions,
): Promise<(BuiltJob | JobInput)[]> {
  const { file: files } = options;
  if (files === undefined) {
    if (args.length === 0) {
      throw new UsageError('no job', 'name a file with -f, or write the command after --');
    }
    return [jobOfFlags(session, args, options)];
  }
  if (args.length > 0) throw new UsageError('a file or a command after --, not both');
  const { parseJobsFile } = await import('#client/jobs-file.ts');
  const jobs: BuiltJob[] = [];
  for (const file of files) {
    jobs.push(...parseJobsFile(await readInput(session, file), inputName(file)));
  }
  // -n on the command line is meant for all that do not say otherwise.
  const tenant = await session.tenant();
  return jobs.map((job) => ({ ...job, tenant: job.tenant || tenant }));
}

function jobOfFlags(session: Session, args: readonly string[], options: JobOptions): JobInput {
  const { in: dataCenters, region: regions, offers, retries, label: labels } = options;
  const { tenant } = session.options;
  const gpus = options.gpus === undefined ? undefined : gpusOf(options.gpus);
  const where = { ...defined({ dataCenters, regions, offers }) };
  const { id, set, priority, cpu, memory, storage, image, replicas, env } = options;
  const { after, maxRunTime, expectedRunTime, unreachable, hold } = options;
  const sizes = { cpu, memory, storage, gpus, image, replicas, env };
  const rest = { id, set, tenant, labels, priority, after, maxRunTime, expectedRunTime, hold };
  return {
    command: args,
    ...defined({ ...sizes, ...rest }),
    ...(Object.keys(where).length > 0 && { where }),
    ...(retries !== undefined && { retry: { attempts: retries + 1 } }),
    ...(unreachable !== undefined && { unreachable: unreachable as 'wait' }), // the builder checks the word
  };
}

/** `2`, `0.5` (a share of one), `A100` or `A100:2`. */
function gpusOf(text: string): JobInputGpus {
  const match = /^(?:([A-Za-z][\w.-]*))?(?:(?:^|:)(\d+(?:\.\d+)?))?$/.exec(text);
  const [, model, amount] = match ?? [];
  if (match === null || text === '') {
    throw new UsageError(
      `--gpus ${text}: expected a number, a model or MODEL:NUMBER, such as A100:2`,
    );
  }
  const count = amount === undefined ? 1 : Number(amount);
  if (count > 0 && count < 1) return { ...defined({ model }), share: count };
  return model === undefined ? count : { model, count };
}

type JobInputGpus = number | { model?: string; count?: number; share?: number };

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what was not given: a flag that is absent is not a flag that is undefined. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
