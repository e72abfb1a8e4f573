// The few words in which tests describe tenants, data centers, nodes and jobs, and what they stand for.
import type {
  DataCenter as DataCenterEntity,
  DeviceNeed,
  JobClass,
  Node,
  Tenant as TenantEntity,
} from '#gen/isobar/log/v1/entity.ts';
import { classKeyOf } from './class-key.ts';
import type { SubmitItem } from './command.ts';
import { DIGEST_BYTES } from './job-table.ts';

export interface NodeWords {
  readonly cpu?: number;
  readonly memoryMib?: number;
  readonly storageMib?: number;
  readonly extra?: Readonly<Record<string, number>>;
  /** Models, each with `model` or `model:memoryMib`. */
  readonly devices?: readonly string[];
  readonly role?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What a task needs of devices. */
export interface DeviceWords {
  readonly model?: string;
  readonly count?: number;
  /** Thousandths; a whole device when it is not said. */
  readonly share?: number;
  readonly memoryMib?: number;
}

interface GroupWords {
  readonly cpu?: number;
  readonly memoryMib?: number;
  readonly storageMib?: number;
  readonly extra?: Readonly<Record<string, number>>;
  readonly devices?: readonly DeviceWords[];
  readonly replicas?: number;
}

export interface JobWords extends GroupWords {
  readonly id: string;
  readonly tenant?: string;
  readonly jobSet?: string;
  /** Several groups instead of the one that the words above describe. */
  readonly groups?: readonly GroupWords[];
  readonly held?: boolean;
  /** Ids; with a `?` behind it the job may end anyhow. */
  readonly after?: readonly string[];
  readonly key?: string;
  /** Stands for all of the specification that the scheduler does not read. */
  readonly command?: string;
  /** All else that a class says. */
  readonly wants?: Partial<Omit<JobClass, 'number' | 'tenant' | 'groups'>>;
}

export function toTenant(id: string, words: Partial<Omit<TenantEntity, 'id'>> = {}): TenantEntity {
  return {
    id,
    displayName: '',
    parent: '',
    weight: 100,
    homeRegion: '',
    defaultClassification: 1,
    clearance: 3,
    quota: undefined,
    maxQueuedJobs: 1_000_000,
    createMs: 0,
    ...words,
  };
}

/** A quota of CPUs. */
export function quota(cpu: number, memoryMib = 0): NonNullable<TenantEntity['quota']> {
  return { cpuMillis: cpu * 1000, memoryMib, storageMib: 0, extra: {}, deviceThousandths: 0 };
}

export function toDataCenter(
  id: string,
  words: Partial<Omit<DataCenterEntity, 'id'>> = {},
): DataCenterEntity {
  return {
    id,
    displayName: '',
    class: 1,
    region: 'r1',
    latitude: 0,
    longitude: 0,
    owner: '',
    labels: {},
    clearance: 3,
    accepts: [],
    offers: [],
    leaseMs: 600_000,
    priceMicrosPerCpuHour: 0,
    createMs: 0,
    ...words,
  };
}

/** `n1`, `n2` … when only their number is said. Ten CPUs each unless said otherwise. */
export function toNodes(
  nodes: number | Readonly<Record<string, NodeWords>>,
  all: NodeWords,
): Node[] {
  if (typeof nodes === 'number') {
    return Array.from({ length: nodes }, (_, i) => toNode(`n${i + 1}`, all));
  }
  return Object.entries(nodes).map(([id, words]) => toNode(id, words));
}

function toNode(id: string, words: NodeWords): Node {
  const devices = (words.devices ?? []).map((text) => {
    const [model = '', memoryMib = '0'] = text.split(':');
    return { model, memoryMib: Number(memoryMib) };
  });
  return {
    id,
    role: words.role ?? 'general',
    labels: { ...words.labels },
    allocatable: {
      cpuMillis: (words.cpu ?? 10) * 1000,
      memoryMib: words.memoryMib ?? 1_000_000,
      storageMib: words.storageMib ?? 0,
      extra: { ...words.extra },
      deviceThousandths: 0,
    },
    devices,
  };
}

/** One CPU unless said otherwise. */
export function toShape(words: JobWords): Omit<JobClass, 'number' | 'tenant'> {
  const groups = (words.groups ?? [words]).map((group) => ({
    replicas: group.replicas ?? 1,
    resources: {
      cpuMillis: Math.round((group.cpu ?? 1) * 1000),
      memoryMib: group.memoryMib ?? 0,
      storageMib: group.storageMib ?? 0,
      extra: { ...group.extra },
      deviceThousandths: 0,
    },
    devices: (group.devices ?? []).map(toNeed),
  }));
  return {
    priority: 0,
    groups,
    dataCenters: [],
    notDataCenters: [],
    regions: [],
    classes: [],
    offers: [],
    dataCenterLabels: {},
    nodeLabels: {},
    nodeRoles: [],
    classification: 1,
    unreachable: 1,
    maxAttempts: 1,
    retryExitCodes: [],
    backoffMs: 10_000,
    maxBackoffMs: 600_000,
    ...words.wants,
  };
}

function toNeed(words: DeviceWords): DeviceNeed {
  const { model = '', count = 1, share = 1000, memoryMib = 0 } = words;
  return { model, count, thousandths: share, memoryMib };
}

export function toItem(tenant: string, words: JobWords): SubmitItem {
  const jobClass = toShape(words);
  const { id, jobSet = '', held = false, after = [], key, command = '' } = words;
  const classKey = classKeyOf(jobClass);
  return {
    id,
    jobSet,
    jobClass,
    classKey,
    specDigest: bytesOf(JSON.stringify([classKey, jobSet, held, after, command])),
    keyDigest: key === undefined ? new Uint8Array() : bytesOf(JSON.stringify([tenant, key])),
    expectedRunMs: 0,
    held,
    after: after.map((job) => ({ job: job.replace('?', ''), any: job.endsWith('?') })),
    spec: new Uint8Array(),
    labels: '',
  };
}

/** Not a good digest, but another one for each text that a test thinks of (FNV-1a, four times). */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(DIGEST_BYTES);
  const view = new DataView(bytes.buffer);
  for (let lane = 0; lane < DIGEST_BYTES / 4; lane++) {
    let hash = 0x811c9dc5 ^ lane;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    view.setUint32(4 * lane, hash >>> 0);
  }
  return bytes;
}
