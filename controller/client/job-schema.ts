// The words of a job: which keys there are, what each may hold, and what people write instead.
import { DependencyCondition, type EnvVar, type FileContent } from '#gen/isobar/v1/job.ts';
import {
  cpuMillis,
  decimal,
  durationMs,
  flag,
  id,
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

const gpu = object({
  model: text,
  count: whole(1, 64),
  share: decimal(0.001, 1),
  memory: sizeMib,
});
type Gpu = Parsed<typeof gpu>;

/** `2`, `0.5` (a share of one), `{model: A100}` or a list of such. */
const gpus: Parser<Gpu[]> = (value, place) => {
  if (value === 0) return [];
  if (typeof value === 'number' && (value < 0 || value >= 1)) {
    const count = whole(1, 64)(value, place);
    return count === undefined ? undefined : [{ count }];
  }
  if (Array.isArray(value)) return list(gpu)(value, place);
  const one = gpu(typeof value === 'number' ? { share: value } : value, place);
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

/** What each task of a group needs and does. */
export const groupShape = {
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

export const jobSchema = object(
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
export type ParsedJob = Parsed<typeof jobSchema>;
export type ParsedGroup = Parsed<typeof group>;
