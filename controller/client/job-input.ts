// A job as a person writes it: short where a job is simple, and with units. The same words serve TypeScript (camelCase)
// and jobs files (snake_case).

/** `2`, `0.5` or `'500m'`. */
type CpuInput = number | string;
/** `'512Mi'`, `'4Gi'`, `'1T'`: always with its unit. */
type SizeInput = string;
/** `'90s'`, `'10m'`, `'1h30m'`. */
type DurationInput = string;

interface SecretInput {
  /** Name of a secret that lies in the data center. */
  readonly secret: string;
  readonly key: string;
}

interface GpuInput {
  /** For example `A100`. Left out: any. */
  readonly model?: string;
  /** Default 1. */
  readonly count?: number;
  /** Of one device, above 0 up to 1. Default 1: whole and otherwise untouched. */
  readonly share?: number;
  /** At least this much on each device. */
  readonly memory?: SizeInput;
}

/** Equal tasks. */
interface GroupInput {
  readonly name?: string;
  /** Program and its first arguments. */
  readonly command: readonly string[];
  readonly args?: readonly string[];
  /** Container image; the data center must offer `image`. */
  readonly image?: string;
  /** Of each task. Default 1. */
  readonly cpu?: CpuInput;
  /** Of each task. Default 512Mi. */
  readonly memory?: SizeInput;
  /** Scratch on the node, of each task. */
  readonly storage?: SizeInput;
  /** How many whole devices, or which. */
  readonly gpus?: number | GpuInput | readonly GpuInput[];
  /** Other countable resources, for example `{'licences/matlab': 1}`. */
  readonly extra?: Readonly<Record<string, number>>;
  /** Number of tasks. Default 1. */
  readonly replicas?: number;
  readonly env?: Readonly<Record<string, string | SecretInput>>;
  /** Path in the task's directory → content. */
  readonly files?: Readonly<Record<string, string | FileInput>>;
}

type FileInput = (
  | { readonly content: string }
  | { readonly secret: string; readonly key: string }
) & {
  /** Permission bits in octal, for example `'0755'`. Default 0644. */
  readonly mode?: string | number;
};

/** Where a job may run. What is left out allows all. */
interface WhereInput {
  readonly dataCenters?: readonly string[];
  readonly notDataCenters?: readonly string[];
  readonly regions?: readonly string[];
  readonly classes?: readonly ('national' | 'regional' | 'agency')[];
  readonly offers?: readonly string[];
  /** Of the data center. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Of each node. */
  readonly nodeLabels?: Readonly<Record<string, string>>;
  /** Of each node, one of: general, storage, hpc, gpu. */
  readonly roles?: readonly string[];
}

interface RetryInput {
  /** Runs at most. Default 1. */
  readonly attempts?: number;
  /** Which exit codes are tried again. Default all but 0. */
  readonly exitCodes?: readonly number[];
  /** Before the second attempt, doubled for each further one. Default 10s. */
  readonly backoff?: DurationInput;
  /** Default 10m. */
  readonly maxBackoff?: DurationInput;
}

interface JobCommon {
  /** Within the tenant. Left out: the controller makes one. */
  readonly id?: string;
  /** Default: the tenant of the context. */
  readonly tenant?: string;
  /** Makes sending it twice harmless. Left out: the id serves, or the client makes one. */
  readonly idempotencyKey?: string;
  /** Job set, for watching and changing jobs together. */
  readonly set?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** -1000 to 1000, higher goes first within the tenant. */
  readonly priority?: number;
  /** Ids of jobs that must succeed first, or end in any way. */
  readonly after?: readonly (
    | string
    | { readonly job: string; readonly condition?: 'succeeded' | 'ended' }
  )[];
  readonly where?: WhereInput;
  readonly classification?: 'public' | 'internal' | 'confidential' | 'secret';
  /** What to do when its data center cannot be reached. Default replace. */
  readonly unreachable?: 'replace' | 'wait' | 'fail';
  readonly expectedRunTime?: DurationInput;
  readonly maxRunTime?: DurationInput;
  readonly retry?: RetryInput;
  readonly stop?: { readonly signal?: string; readonly grace?: DurationInput };
  /** Start held. */
  readonly hold?: boolean;
}

/** One group in short, or several in `groups`. */
export type JobInput = JobCommon & (GroupInput | { readonly groups: readonly GroupInput[] });
