// From a job as a person writes it to the job that the API takes. Checks shape, words and units; what depends on the
// federation (quotas, existing ids, what is offered) is the controller's to judge.
import { Classification } from '#gen/isobar/v1/resources.ts';
import {
  Constraints,
  EnvVar,
  FileContent,
  JobSpec,
  JobSubmission,
  RetryPolicy,
  TaskGroup,
  UnreachablePolicy,
} from '#gen/isobar/v1/job.ts';
import { type Finding, inside, isMapping, type Parser, type Place, report } from './fields.ts';
import type { JobInput } from './job-input.ts';
import { groupShape, jobSchema, type ParsedGroup, type ParsedJob } from './job-schema.ts';
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

const parseJob: Parser<BuiltJob> = (value, place) => {
  const parsed = jobSchema(value, place);
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
