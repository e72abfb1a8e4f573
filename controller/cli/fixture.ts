// A small federation for tests: three data centers, a handful of jobs.
import {
  Classification,
  DataCenter,
  DataCenterClass,
  DataCenterState,
  DependencyCondition,
  Event,
  ExplainJobResponse,
  Federation,
  Job,
  JobState,
  Link,
  Node,
  Placement,
  QueryUsageResponse,
  Role,
  Run,
  RunState,
  Tenant,
  User,
} from '#client/types.ts';
import { ago } from './testbed.ts';

const GIB = 1024;
const TIB = 1024 * GIB;

export const NORTH = DataCenter.create({
  name: 'dataCenters/north-1',
  displayName: 'Northern computing center',
  class: DataCenterClass.NATIONAL,
  region: 'north',
  location: { latitude: 54.3, longitude: 10.1 },
  labels: { tier: 'one', cooling: 'water' },
  clearance: Classification.SECRET,
  offers: ['image', 'mpi'],
  lease: { seconds: 600, nanos: 0 },
  priceMicrosPerCpuHour: 21_000,
  state: DataCenterState.ACTIVE,
  reachable: true,
  executor: 'kubernetes',
  placement: Placement.ADVISORY,
  nodeCount: 12,
  capacity: {
    cpuMillis: 384_000,
    memoryMib: 1.5 * TIB,
    storageMib: 20 * TIB,
    deviceThousandths: 8000,
  },
  allocated: { cpuMillis: 150_500, memoryMib: 600 * GIB, storageMib: TIB, deviceThousandths: 3500 },
  foreign: { cpuMillis: 12_000, memoryMib: 40 * GIB },
  runCount: 34,
  createTime: ago(40 * 86_400),
  etag: 'e1',
});

export const SOUTH = DataCenter.create({
  name: 'dataCenters/south-1',
  class: DataCenterClass.REGIONAL,
  region: 'south',
  owner: 'tenants/energy',
  state: DataCenterState.CORDONED,
  reachable: true,
  executor: 'slurm',
  nodeCount: 2,
  capacity: { cpuMillis: 128_000, memoryMib: 512 * GIB },
  allocated: { cpuMillis: 126_000, memoryMib: 500 * GIB },
  runCount: 4,
  createTime: ago(9 * 86_400),
});

export const COAST = DataCenter.create({
  name: 'dataCenters/coast-1',
  class: DataCenterClass.AGENCY,
  region: 'west',
  state: DataCenterState.ACTIVE,
  reachable: false,
  executor: 'local',
  nodeCount: 1,
  capacity: { cpuMillis: 8000, memoryMib: 32 * GIB },
  createTime: ago(3600),
});

export const NODE = Node.create({
  name: 'dataCenters/north-1/nodes/n01',
  role: 'gpu',
  labels: { disk: 'nvme' },
  allocatable: { cpuMillis: 64_000, memoryMib: 256 * GIB },
  devices: [
    { model: 'A100', memoryMib: 40 * GIB, freeThousandths: 1000 },
    { model: 'A100', memoryMib: 40 * GIB, freeThousandths: 500 },
  ],
  foreign: { cpuMillis: 2000, memoryMib: 8 * GIB },
  free: { cpuMillis: 12_500, memoryMib: 64 * GIB },
});
export const NODE_2 = Node.create({
  name: 'dataCenters/north-1/nodes/n02',
  role: 'general',
  allocatable: { cpuMillis: 32_000, memoryMib: 128 * GIB },
  free: { cpuMillis: 32_000, memoryMib: 128 * GIB },
  cordoned: true,
});

export const RUN = Run.create({
  name: 'tenants/health/jobs/train-7/runs/0-2',
  epoch: 2,
  state: RunState.RUNNING,
  parts: [
    {
      dataCenter: 'north-1',
      allocations: [
        { node: 'n01', group: 0, tasks: 2, devices: [{ device: 0, thousandths: 1000 }] },
        { node: 'n03', group: 0, tasks: 1, devices: [{ device: 1, thousandths: 250 }] },
      ],
    },
  ],
  reserveTime: ago(200),
  startTime: ago(192),
  decision: 'room 0.41, balance 0.30, distance 0.10',
});

export const TRAIN = Job.create({
  name: 'tenants/health/jobs/train-7',
  uid: 4711,
  user: 'tenants/health/users/anna',
  jobSet: 'night',
  labels: { team: 'vision' },
  state: JobState.RUNNING,
  priority: 10,
  epoch: 2,
  run: RUN,
  createTime: ago(4000),
  startTime: ago(192),
  revision: 900,
  spec: {
    groups: [
      {
        command: ['python', 'train.py'],
        args: ['--note', "it's night"],
        image: 'train:1',
        resources: {
          cpuMillis: 4000,
          memoryMib: 16 * GIB,
          devices: [{ model: 'A100', count: 1, shareThousandths: 0 }],
        },
        replicas: 3,
        env: [
          { name: 'MODE', source: { $case: 'value', value: 'full' } },
          {
            name: 'TOKEN',
            source: { $case: 'secret', value: { secret: 'registry', key: 'token' } },
          },
        ],
      },
    ],
    jobSet: 'night',
    maxRunTime: { seconds: 7200, nanos: 0 },
    retry: { maxAttempts: 3, exitCodes: [75] },
    after: [{ job: 'prepare', condition: DependencyCondition.SUCCEEDED }],
    constraints: { regions: ['north'], nodeLabels: { disk: 'nvme' } },
  },
});

export const EVALUATE = Job.create({
  name: 'tenants/health/jobs/evaluate',
  uid: 4712,
  user: 'tenants/health/users/anna',
  labels: { team: 'vision' },
  state: JobState.QUEUED,
  createTime: ago(192),
  reason: {
    code: 'NO_DATA_CENTER',
    message: 'fits in no data center now; ask why for each',
  },
  revision: 900,
});

export const BROKEN = Job.create({
  name: 'tenants/health/jobs/broken',
  uid: 4700,
  user: 'tenants/health/users/bert',
  state: JobState.FAILED,
  epoch: 1,
  run: {
    name: 'tenants/health/jobs/broken/runs/0-1',
    epoch: 1,
    state: RunState.FAILED,
    parts: [{ dataCenter: 'south-1' }],
    startTime: ago(9000),
    endTime: ago(8988),
    exitCode: 3,
    lastLines: ['loading', 'no such table: \u001B[31mpatients'],
  },
  createTime: ago(9100),
  startTime: ago(9000),
  endTime: ago(8988),
  exitCode: 3,
  reason: { code: 'EXITED', message: 'exit code 3' },
  revision: 900,
});

export const HEALTH = Tenant.create({
  name: 'tenants/health',
  displayName: 'Ministry of Health',
  weight: 200,
  clearance: Classification.CONFIDENTIAL,
  quota: { cpuMillis: 500_000, memoryMib: 2 * TIB },
  allocated: { cpuMillis: 410_000, memoryMib: 700 * GIB },
  queuedJobs: 12,
  runningJobs: 30,
  createTime: ago(40 * 86_400),
  etag: 'h1',
});
export const CLINICS = Tenant.create({
  name: 'tenants/clinics',
  parent: 'tenants/health',
  createTime: ago(86_400),
});

export const LINK = Link.create({
  name: 'links/north-south',
  source: 'dataCenters/north-1',
  target: 'dataCenters/south-1',
  bandwidthMbps: 100_000,
  latencyMicros: 4200,
  priceMicrosPerGib: 5000,
});

export const ANNA = User.create({
  name: 'tenants/health/users/anna',
  roles: [Role.SUBMITTER, Role.TENANT_ADMIN],
  createTime: ago(86_400 * 3),
});
export const OLGA = User.create({
  name: 'operators/olga',
  roles: [Role.OPERATOR],
  revoked: true,
  createTime: ago(86_400 * 30),
});

export const FEDERATION = Federation.create({
  id: 'f00d',
  incarnation: 1,
  revision: 905,
  version: '0.1.0',
  reachableDataCenters: 2,
  dataCenters: 3,
  queuedJobs: 12,
  runningJobs: 30,
});

const jobEvent = (
  revision: number,
  kind: string,
  state: string,
  more: Partial<Event> = {},
): Event =>
  Event.create({
    revision,
    kind,
    state,
    time: ago(4000 - revision),
    resource: 'tenants/health/jobs/train-7',
    tenant: 'tenants/health',
    jobSet: 'night',
    ...more,
  });

export const HISTORY: readonly Event[] = [
  jobEvent(700, 'JOB_SUBMITTED', 'QUEUED', {
    actor: 'spiffe://isobar.internal/tenant/health/user/anna',
  }),
  jobEvent(710, 'RUN_RESERVED', 'RESERVED', {
    dataCenter: 'coast-1',
    epoch: 1,
    actor: 'controller',
  }),
  jobEvent(720, 'RUN_CHANGED', 'UNKNOWN', {
    dataCenter: 'coast-1',
    epoch: 1,
    actor: 'controller',
    reason: {
      code: 'LEASE_EXPIRED',
      dataCenter: 'coast-1',
      subject: '',
      needed: 0,
      available: 0,
      message: 'its data center was not heard from for longer than its lease',
    },
  }),
  jobEvent(730, 'RUN_RESERVED', 'RESERVED', {
    dataCenter: 'north-1',
    epoch: 2,
    actor: 'controller',
  }),
  jobEvent(740, 'RUN_CHANGED', 'RUNNING', { dataCenter: 'north-1', epoch: 2, actor: 'controller' }),
];

export const WHY = ExplainJobResponse.create({
  job: EVALUATE,
  jobsAhead: 4,
  verdicts: [
    {
      dataCenter: 'south-1',
      reason: {
        code: 'INSUFFICIENT',
        dataCenter: 'south-1',
        subject: 'cpuMillis',
        needed: 16_000,
        available: 2000,
        message: 'no node has room now: 16000 cpuMillis needed, the freest has 2000',
      },
    },
    {
      dataCenter: 'north-1',
      reason: {
        code: 'INSUFFICIENT',
        dataCenter: 'north-1',
        subject: 'cpuMillis',
        needed: 16_000,
        available: 12_500,
        message: 'no node has room now: 16000 cpuMillis needed, the freest has 12500',
      },
    },
    {
      dataCenter: 'coast-1',
      reason: {
        code: 'TOO_LARGE',
        dataCenter: 'coast-1',
        subject: 'cpuMillis',
        needed: 16_000,
        available: 8000,
        message: 'no node is large enough: 16000 cpuMillis needed, the largest has 8000',
      },
    },
  ],
});

const hour = 3_600_000;
export const USAGE = QueryUsageResponse.create({
  rows: [
    {
      tenant: 'tenants/health',
      dataCenter: 'dataCenters/north-1',
      startTime: ago(86_400),
      reserved: { cpuMilliSeconds: 130 * hour, memoryMibSeconds: 0 },
      granted: {
        cpuMilliSeconds: 125.5 * hour,
        memoryMibSeconds: 1024 * 3600 * 400,
        deviceMilliSeconds: 12 * hour,
      },
      wasted: { cpuMilliSeconds: 2.25 * hour },
      runs: 41,
    },
    {
      tenant: 'tenants/clinics',
      dataCenter: 'dataCenters/south-1',
      startTime: ago(86_400),
      granted: { cpuMilliSeconds: 8 * hour },
      runs: 2,
    },
  ],
});
