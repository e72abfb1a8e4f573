// From a job as a person writes it to the job that the API takes. Checks shape, words and units; what depends on the
// federation (quotas, existing ids, what is offered) is the controller's to judge.
import { Classification } from '#gen/isobar/v1/resources.ts';
import {
  Constraints,
  DependencyCondition,
  EnvVar,
  FileContent,
  JobSpec,
  JobSubmission,
  RetryPolicy,
  TaskGroup,
  UnreachablePolicy,
} from '#gen/isobar/v1/job.ts';
import {
  cpuMillis,
  decimal,
  durationMs,
  type Finding,
  flag,
  id,
  inside,
  isMapping,
  list,
  mapOf,
  object,
  oneOf,
  type Parsed,
  type Parser,
  type Place,
  report,
  sizeMib,
  text,
  whole,
} from './fields.ts';
import type { JobInput } from './job-input.ts';
import { toDuration } from './quantities.ts';

export interface BuiltJob {
  /** Empty: the caller's own tenant. */
  readonly tenant: string;
  readonly submission: JobSubmission;
}

/** From TypeScript. Findings are empty when a job came out. */
export function buildJob(input: JobInput): { job: BuiltJob | undefined; findings: Finding[] } {
  return readJob(input, [], 'camel');
}

/** From anything, for example a document of a file, whose place in the file is `path`. */
export function readJob(
  value: unknown,
  path: Place['path'],
  keys: Place['keys'],
): { job: BuiltJob | undefined; findings: Finding[] } {
  const place: Place = { path, keys, findings: [] };
  const job = parseJob(value, place);
  return { job: place.findings.length === 0 ? job : undefined, findings: place.findings };
}

const gpu = object({
  model: text,
  count: whole(1, 64),
  share: decimal(0.001, 1),
  memory: sizeMib,
});
type Gpu = Parsed<typeof gpu>;

/** `2`, `{model: A100}` or a list of such. */
const gpus: Parser<Gpu[]> = (value, place) => {
  if (value === 0) return [];
  if (typeof value === 'number') {
    const count = whole(1, 64)(value, place);
    return count === undefined ? undefined : [{ count }];
  }
  if (Array.isArray(value)) return list(gpu)(value, place);
  const one = gpu(value, place);
  return one === undefined ? undefined : [one];
};

const secretRef = object({ secret: text, key: text });

const envVar: Parser<EnvVar['source']> = (value, place) => {
  if (!isMapping(value)) {
    const plain = text(value, place);
    return plain === undefined ? undefined : { $case: 'value', value: plain };
  }
  return secretOf(secretRef(value, place), place);
};

const fileObject = object({
  content: text,
  secret: text,
  key: text,
  mode: (value, place) => {
    const digits = typeof value === 'number' ? `0${value.toString(8)}` : text(value, place);
    if (digits === undefined) return undefined;
    return /^0?o?[0-7]{3,4}$/.test(digits)
      ? Number.parseInt(digits.replace('o', ''), 8)
      : report(place, `expected octal permission bits such as '0755', found ${digits}`);
  },
});

const file: Parser<Omit<FileContent, 'path'>> = (value, place) => {
  if (!isMapping(value)) {
    const content = text(value, place);
    if (content === undefined) return undefined;
    return { mode: 0, source: { $case: 'content', value: Buffer.from(content) } };
  }
  const parsed = fileObject(value, place);
  if (parsed === undefined) return undefined;
  const mode = parsed.mode ?? 0;
  if (parsed.content === undefined) return { mode, source: secretOf(parsed, place) };
  if (parsed.secret !== undefined) return report(place, 'content or secret, not both');
  return { mode, source: { $case: 'content', value: Buffer.from(parsed.content) } };
};

function secretOf(
  from: { secret?: string; key?: string } | undefined,
  place: Place,
): { $case: 'secret'; value: { secret: string; key: string } } | undefined {
  if (from === undefined) return undefined;
  const { secret, key } = from;
  if (secret === undefined || key === undefined) {
    return report(place, 'a secret needs both: secret (its name) and key');
  }
  return { $case: 'secret', value: { secret, key } };
}

const groupShape = {
  command: list(text),
  args: list(text),
  image: text,
  cpu: cpuMillis,
  memory: sizeMib,
  storage: sizeMib,
  gpus,
  extra: mapOf(whole(1, Number.MAX_SAFE_INTEGER)),
  replicas: whole(1, 10_000),
  env: mapOf(envVar),
  files: mapOf(file),
};

const resourceHints = {
  resources: 'write cpu, memory, storage and gpus beside it',
  mem: 'write memory',
  gpu: 'write gpus',
  tasks: 'write replicas',
  parallelism: 'write replicas',
};
const group = object({ name: id, ...groupShape }, resourceHints);

const dependency: Parser<{ job: string; condition: DependencyCondition }> = (value, place) => {
  const parsed = isMapping(value)
    ? object({ job: id, condition: oneOf(['succeeded', 'ended']) })(value, place)
    : { job: id(value, place) };
  if (parsed?.job === undefined) {
    return isMapping(value)
      ? report(place, 'a dependency needs job, the id it waits for')
      : undefined;
  }
  const ended = 'condition' in parsed && parsed.condition === 'ended';
  return {
    job: parsed.job,
    condition: ended ? DependencyCondition.ENDED : DependencyCondition.SUCCEEDED,
  };
};

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

const job = object(
  {
    id,
    tenant: id,
    idempotencyKey: text,
    set: id,
    labels: mapOf(text),
    priority: whole(-1000, 1000),
    ...groupShape,
    groups: list(group),
    after: list(dependency),
    where: object(
      {
        dataCenters: list(id),
        notDataCenters: list(id),
        regions: list(id),
        classes: list(oneOf(['national', 'regional', 'agency'])),
        offers: list(text),
        labels: mapOf(text),
        nodeLabels: mapOf(text),
        roles: list(oneOf(['general', 'storage', 'hpc', 'gpu'])),
      },
      { data_center: 'write data_centers: [...]', region: 'write regions: [...]' },
    ),
    classification: oneOf(['public', 'internal', 'confidential', 'secret']),
    unreachable: oneOf(['replace', 'wait', 'fail']),
    expectedRunTime: durationMs,
    maxRunTime: durationMs,
    retry: object({
      attempts: whole(1, 100),
      exitCodes: list(whole(1, 255)),
      backoff: durationMs,
      maxBackoff: durationMs,
    }),
    stop: object({ signal: oneOf(SIGNALS), grace: durationMs }),
    hold: flag,
  },
  {
    ...resourceHints,
    name: 'a job is called by its id',
    job_id: 'write id',
    job_set: 'write set',
    depends_on: 'write after',
    dependencies: 'write after',
    constraints: 'write where',
    timeout: 'write max_run_time',
    retries: 'write retry: {attempts: N}',
  },
);
type ParsedJob = Parsed<typeof job>;
type ParsedGroup = Parsed<typeof group>;

const parseJob: Parser<BuiltJob> = (value, place) => {
  const parsed = job(value, place);
  if (parsed === undefined) return undefined;
  const groups = groupsOf(parsed, isMapping(value) ? value : {}, place);
  return {
    tenant: parsed.tenant ?? '',
    submission: JobSubmission.create({
      jobId: parsed.id ?? '',
      idempotencyKey: parsed.idempotencyKey ?? '',
      spec: specOf(parsed, groups),
    }),
  };
};

/** The short form is a single group; keys of both forms in one job say two things. */
function groupsOf(
  parsed: ParsedJob,
  written: Readonly<Record<string, unknown>>,
  place: Place,
): TaskGroup[] {
  if (!('groups' in written)) return [toGroup(parsed, '', place)];
  for (const key of Object.keys(groupShape)) {
    if (key in written) {
      report(inside(place, key), `${key} belongs into each of groups, or leave groups out`, true);
    }
  }
  const groups = parsed.groups ?? [];
  if (groups.length === 0) report(inside(place, 'groups'), 'expected at least one group');
  return groups.map((one, index) =>
    toGroup(one, one.name ?? '', inside(inside(place, 'groups'), index)),
  );
}

function toGroup(from: Omit<ParsedGroup, 'name'>, name: string, place: Place): TaskGroup {
  if ((from.command ?? []).length === 0 && !place.findings.some(isAboutCommand(place))) {
    report(place, 'command is missing: the program and its arguments, such as [python, train.py]');
  }
  return TaskGroup.create({
    name,
    command: from.command ?? [],
    args: from.args ?? [],
    image: from.image ?? '',
    resources: {
      cpuMillis: from.cpu ?? 0,
      memoryMib: from.memory ?? 0,
      storageMib: from.storage ?? 0,
      extra: from.extra ?? {},
      devices: (from.gpus ?? []).map((one) => ({
        model: one.model ?? '',
        count: one.count ?? 1,
        shareThousandths: one.share === undefined ? 0 : Math.round(one.share * 1000),
        memoryMib: one.memory ?? 0,
      })),
    },
    replicas: from.replicas ?? 0,
    env: Object.entries(from.env ?? {}).map(([key, source]) =>
      EnvVar.create({ name: key, ...(source && { source }) }),
    ),
    files: Object.entries(from.files ?? {}).map(([path, content]) =>
      FileContent.create({
        path,
        mode: content.mode,
        ...(content.source && { source: content.source }),
      }),
    ),
  });
}

/** Somebody who misspelt the key, or gave it a wrong value, has been told already. */
function isAboutCommand(place: Place): (finding: Finding) => boolean {
  return ({ path, message }) =>
    place.path.every((step, depth) => path[depth] === step) &&
    (path[place.path.length] === 'command' || message.endsWith('did you mean command?'));
}

function specOf(parsed: ParsedJob, groups: TaskGroup[]): JobSpec {
  const { where, retry, stop } = parsed;
  return JobSpec.create({
    groups,
    jobSet: parsed.set ?? '',
    labels: parsed.labels ?? {},
    priority: parsed.priority ?? 0,
    ...durationField('expectedRunTime', parsed.expectedRunTime),
    ...durationField('maxRunTime', parsed.maxRunTime),
    ...(retry && {
      retry: RetryPolicy.create({
        maxAttempts: retry.attempts ?? 0,
        exitCodes: retry.exitCodes ?? [],
        ...durationField('backoff', retry.backoff),
        ...durationField('maxBackoff', retry.maxBackoff),
      }),
    }),
    after: parsed.after ?? [],
    ...(where && {
      constraints: Constraints.create({
        dataCenters: where.dataCenters ?? [],
        notDataCenters: where.notDataCenters ?? [],
        regions: where.regions ?? [],
        classes: (where.classes ?? []).map((word) => word.toUpperCase()),
        offers: where.offers ?? [],
        dataCenterLabels: where.labels ?? {},
        nodeLabels: where.nodeLabels ?? {},
        nodeRoles: where.roles ?? [],
      }),
    }),
    classification: Classification[upper(parsed.classification ?? 'unspecified')],
    unreachable: UnreachablePolicy[upper(parsed.unreachable ?? 'unspecified')],
    stopSignal: stop?.signal ?? '',
    ...durationField('stopGrace', stop?.grace),
    hold: parsed.hold ?? false,
  });
}

function durationField<K extends string>(key: K, ms: number | undefined) {
  return (ms === undefined ? {} : { [key]: toDuration(ms) }) as {
    [P in K]?: ReturnType<typeof toDuration>; // the one key, or none
  };
}

function upper<T extends string>(word: T): Uppercase<T> {
  return word.toUpperCase() as Uppercase<T>; // what toUpperCase does, in the type too
}
