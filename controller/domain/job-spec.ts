// What a job may say: the shape of isobar.v1.JobSpec, to which the generated type is assignable, and its defaults. The rules
// that a specification must keep are in job-rules.ts.
import { sortedMap, type Labels } from './labels.ts';
import { WHOLE_DEVICE } from './resources.ts';

export interface Duration {
  readonly seconds: number;
  readonly nanos: number;
}

export interface DeviceRequest {
  readonly model: string;
  readonly count: number;
  readonly shareThousandths: number;
  readonly memoryMib: number;
}

export interface ResourceRequest {
  readonly cpuMillis: number;
  readonly memoryMib: number;
  readonly storageMib: number;
  readonly extra: { [name: string]: number };
  readonly deviceThousandths: number;
  readonly devices: DeviceRequest[];
}

export interface SecretRef {
  readonly secret: string;
  readonly key: string;
}

export interface EnvVar {
  readonly name: string;
  readonly source:
    | { readonly $case: 'value'; readonly value: string }
    | { readonly $case: 'secret'; readonly value: SecretRef }
    | undefined;
}

export interface FileContent {
  readonly path: string;
  readonly mode: number;
  readonly source:
    | { readonly $case: 'content'; readonly value: Uint8Array }
    | { readonly $case: 'secret'; readonly value: SecretRef }
    | undefined;
}

export interface TaskGroup {
  readonly name: string;
  readonly command: string[];
  readonly args: string[];
  readonly image: string;
  readonly resources: ResourceRequest | undefined;
  readonly replicas: number;
  readonly env: EnvVar[];
  readonly files: FileContent[];
}

interface RetryPolicy {
  readonly maxAttempts: number;
  readonly exitCodes: number[];
  readonly backoff: Duration | undefined;
  readonly maxBackoff: Duration | undefined;
}

interface Dependency {
  readonly job: string;
  readonly condition: -1 | 0 | 1 | 2;
}

export interface Constraints {
  readonly dataCenters: string[];
  readonly notDataCenters: string[];
  readonly regions: string[];
  readonly classes: string[];
  readonly offers: string[];
  readonly dataCenterLabels: Labels;
  readonly nodeLabels: Labels;
  readonly nodeRoles: string[];
}

/** Numbers of isobar.v1.Classification; -1 is one that this release does not know. */
export type Classification = -1 | 0 | 1 | 2 | 3 | 4;
/** Numbers of isobar.v1.UnreachablePolicy, likewise. */
type UnreachablePolicy = -1 | 0 | 1 | 2 | 3;

export interface JobSpec {
  readonly groups: TaskGroup[];
  readonly jobSet: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly expectedRunTime: Duration | undefined;
  readonly maxRunTime: Duration | undefined;
  readonly retry: RetryPolicy | undefined;
  readonly after: Dependency[];
  readonly constraints: Constraints | undefined;
  readonly classification: Classification;
  readonly unreachable: UnreachablePolicy;
  readonly stopSignal: string;
  readonly stopGrace: Duration | undefined;
  readonly hold: boolean;
}

const PUBLIC = 1;
const SUCCEEDED = 1;
const REPLACE = 1;
const DEFAULT_CPU_MILLIS = 1000;
const DEFAULT_MEMORY_MIB = 512;
const DEFAULT_MODE = 0o644;
const DEFAULT_STOP_GRACE: Duration = { seconds: 10, nanos: 0 };
const DEFAULT_BACKOFF: Duration = { seconds: 10, nanos: 0 };
const DEFAULT_MAX_BACKOFF: Duration = { seconds: 600, nanos: 0 };
const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 1,
  exitCodes: [],
  backoff: DEFAULT_BACKOFF,
  maxBackoff: DEFAULT_MAX_BACKOFF,
};
const DEFAULT_RESOURCES: ResourceRequest = {
  cpuMillis: DEFAULT_CPU_MILLIS,
  memoryMib: DEFAULT_MEMORY_MIB,
  storageMib: 0,
  extra: {},
  deviceThousandths: 0,
  devices: [],
};

/**
 * A specification that keeps the rules, with everything in it that it leaves open and its maps sorted: equal jobs are then
 * equal bytes. `classification` is the tenant's, for a job that names none.
 */
export function withDefaults(spec: JobSpec, classification: Classification): JobSpec {
  return {
    groups: spec.groups.map(withGroupDefaults),
    jobSet: spec.jobSet,
    labels: sortedMap(spec.labels),
    priority: spec.priority,
    expectedRunTime: spec.expectedRunTime,
    maxRunTime: spec.maxRunTime,
    retry: spec.retry === undefined ? DEFAULT_RETRY : withRetryDefaults(spec.retry),
    after: spec.after.map(({ job, condition }) => ({
      job,
      condition: condition === 0 ? SUCCEEDED : condition,
    })),
    constraints: spec.constraints && withSortedMaps(spec.constraints),
    classification:
      spec.classification !== 0
        ? spec.classification
        : classification === 0
          ? PUBLIC
          : classification,
    unreachable: spec.unreachable === 0 ? REPLACE : spec.unreachable,
    stopSignal: spec.stopSignal === '' ? 'SIGTERM' : spec.stopSignal,
    stopGrace: spec.stopGrace ?? DEFAULT_STOP_GRACE,
    hold: spec.hold,
  };
}

function withGroupDefaults(group: TaskGroup): TaskGroup {
  return {
    // Only a single group may be without a name.
    name: group.name === '' ? 'main' : group.name,
    command: group.command,
    args: group.args,
    image: group.image,
    resources:
      group.resources === undefined ? DEFAULT_RESOURCES : withResourceDefaults(group.resources),
    replicas: group.replicas === 0 ? 1 : group.replicas,
    env: group.env,
    files: group.files.length === 0 ? group.files : group.files.map(withFileDefaults),
  };
}

function withResourceDefaults(asked: ResourceRequest): ResourceRequest {
  return {
    cpuMillis: asked.cpuMillis === 0 ? DEFAULT_CPU_MILLIS : asked.cpuMillis,
    memoryMib: asked.memoryMib === 0 ? DEFAULT_MEMORY_MIB : asked.memoryMib,
    storageMib: asked.storageMib,
    extra: sortedMap(asked.extra),
    deviceThousandths: 0,
    devices: asked.devices.length === 0 ? asked.devices : asked.devices.map(withDeviceDefaults),
  };
}

function withDeviceDefaults(device: DeviceRequest): DeviceRequest {
  return device.shareThousandths === 0 ? { ...device, shareThousandths: WHOLE_DEVICE } : device;
}

function withFileDefaults(file: FileContent): FileContent {
  return file.mode === 0 ? { ...file, mode: DEFAULT_MODE } : file;
}

function withRetryDefaults(retry: RetryPolicy): RetryPolicy {
  const backoff = retry.backoff ?? DEFAULT_BACKOFF;
  // Whoever asks for a first wait above the usual longest one means that wait.
  const longest = millisOf(backoff) > millisOf(DEFAULT_MAX_BACKOFF) ? backoff : DEFAULT_MAX_BACKOFF;
  return {
    maxAttempts: retry.maxAttempts === 0 ? 1 : retry.maxAttempts,
    exitCodes: retry.exitCodes,
    backoff,
    maxBackoff: retry.maxBackoff ?? longest,
  };
}

/** Constraints that constrain nothing are none. */
function withSortedMaps(constraints: Constraints): Constraints | undefined {
  const { dataCenters, notDataCenters, regions, classes, offers, nodeRoles } = constraints;
  const dataCenterLabels = sortedMap(constraints.dataCenterLabels);
  const nodeLabels = sortedMap(constraints.nodeLabels);
  const lists = [dataCenters, notDataCenters, regions, classes, offers, nodeRoles];
  const isEmpty =
    lists.every((list) => list.length === 0) &&
    Object.keys(dataCenterLabels).length === 0 &&
    Object.keys(nodeLabels).length === 0;
  return isEmpty ? undefined : { ...constraints, dataCenterLabels, nodeLabels };
}

export function millisOf(duration: Duration): number {
  return duration.seconds * 1000 + Math.floor(duration.nanos / 1_000_000);
}
