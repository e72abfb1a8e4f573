// Decided state as the API shows it: resources with their names. Read at one moment, encoded by the edge or for the archive.
import { sentenceOf, type Reason as DomainReason } from '#domain/reasons.ts';
import {
  dataCenterName,
  jobName,
  linkName,
  nodeName,
  runName,
  tenantName,
  userName,
} from '#domain/names.ts';
import { JobState, RunState } from '#domain/states.ts';
import { NONE } from '#core/columns.ts';
import { classOf } from '#core/queue.ts';
import { fromReasonEntity } from '#core/run-events.ts';
import {
  allocationsOf,
  type Amounts,
  type DataCenter,
  type Entity,
  type State,
  type Tenant,
} from '#core/state.ts';
import type {
  Link as LinkEntity,
  Reason as ReasonEntity,
  RunPart as RunPartEntity,
  User as UserEntity,
} from '#gen/isobar/log/v1/entity.ts';
import type { RunChanged } from '#gen/isobar/log/v1/event.ts';
import type { DataCenter as DataCenterView } from '#gen/isobar/v1/data_center.ts';
import type { Job as JobView } from '#gen/isobar/v1/job.ts';
import type { Link as LinkView } from '#gen/isobar/v1/link.ts';
import type { Node as NodeView } from '#gen/isobar/v1/node.ts';
import type { Reason, Resources } from '#gen/isobar/v1/resources.ts';
import type { Run as RunView, RunPart } from '#gen/isobar/v1/run.ts';
import type { Tenant as TenantView } from '#gen/isobar/v1/tenant.ts';
import type { User as UserView } from '#gen/isobar/v1/user.ts';

function toDate(ms: number): Date | undefined {
  return ms > 0 ? new Date(ms) : undefined;
}

export function toReason(reason: DomainReason): Reason {
  return { ...reason, message: sentenceOf(reason) };
}

export function toReasonView(entity: ReasonEntity | undefined): Reason | undefined {
  if (entity === undefined) return undefined;
  const known = toReason(fromReasonEntity(entity));
  return entity.message === '' ? known : { ...known, message: entity.message };
}

export function toResources(amounts: Amounts): Resources {
  return {
    cpuMillis: amounts[0]!,
    memoryMib: amounts[1]!,
    storageMib: amounts[2]!,
    deviceThousandths: amounts[3]!,
    extra: {},
    devices: [],
  };
}

/** A job that the state still knows, without its specification and labels. */
export function toJobView(state: State, row: number): JobView {
  const { jobs } = state;
  const tenant = jobs.tenantOf(row);
  const reason = jobs.reasons.get(row);
  const run = jobs.run[row]!;
  return {
    name: jobName(tenant, jobs.idOf(row)),
    uid: jobs.uid[row]!,
    spec: undefined,
    user: userName(tenant, jobs.userOf(row)),
    jobSet: jobs.jobSetOf(row),
    labels: {},
    state: jobs.stateOf(row),
    priority: classOf(state, row).entity.priority,
    epoch: jobs.epoch[row]!,
    run: run === NONE ? undefined : toRunView(state, run),
    reason: reason === undefined ? undefined : toReason(reason),
    createTime: toDate(jobs.createMs[row]!),
    startTime: run === NONE ? undefined : toDate(state.runs.startMs[run]!),
    endTime: toDate(jobs.endMs[row]!),
    exitCode: jobs.exitCode[row]!,
    revision: state.revision,
  };
}

export function toRunView(state: State, run: number): RunView {
  const { jobs, runs } = state;
  const job = runs.job[run]!;
  const index = runs.index[run]!;
  const epoch = jobs.epoch[job]!;
  return {
    name: runName(jobs.tenantOf(job), jobs.idOf(job), index, epoch),
    index,
    epoch,
    state: runs.stateOf(run),
    parts: partsOf(state, run),
    reason: undefined,
    reserveTime: toDate(runs.reserveMs[run]!),
    startTime: toDate(runs.startMs[run]!),
    endTime: undefined,
    exitCode: 0,
    lastLines: [],
    decision: runs.decision[run] ?? '',
  };
}

/** A run as it ended: what the state knew of it a moment before, and what its last event says. */
export function toEndedRunView(before: RunView, event: RunChanged): RunView {
  return {
    ...before,
    // Only run states are ever written into events.
    state: event.state as RunState,
    reason: toReasonView(event.reason),
    startTime: toDate(event.startMs),
    endTime: toDate(event.timeMs),
    exitCode: event.exitCode,
    lastLines: event.lastLines,
  };
}

export function partsOf(state: State, run: number): RunPart[] {
  return partEntitiesOf(state, run).map((part) => ({
    dataCenter: part.dataCenter,
    allocations: part.allocations.map(({ devices, thousandths, ...rest }) => ({
      ...rest,
      devices: devices.map((device, i) => ({ device, thousandths: thousandths[i] ?? 0 })),
    })),
  }));
}

/** Where the tasks of a run are, as the log holds it; allocations in the order in which they were made. */
export function partEntitiesOf(state: State, run: number): RunPartEntity[] {
  const { nodes, allocations } = state;
  const parts = new Map<number, RunPartEntity>();
  for (const allocation of [...allocationsOf(state, run)].toReversed()) {
    const node = allocations.node[allocation]!;
    const dataCenter = nodes.dataCenter[node]!;
    let part = parts.get(dataCenter);
    if (part === undefined) {
      part = { dataCenter: state.dataCenterList[dataCenter]?.entity.id ?? '', allocations: [] };
      parts.set(dataCenter, part);
    }
    const held = allocations.devices.get(allocation) ?? [];
    part.allocations.push({
      node: nodes.id[node]!,
      group: allocations.group[allocation]!,
      tasks: allocations.tasks[allocation]!,
      devices: held.map(({ device }) => device),
      thousandths: held.map(({ thousandths }) => thousandths),
    });
  }
  return [...parts.values()];
}

export function toDataCenterView(_state: State, dataCenter: DataCenter): DataCenterView {
  const { entity } = dataCenter;
  return {
    name: dataCenterName(entity.id),
    displayName: entity.displayName,
    // The edge lets only values of the enums in.
    class: entity.class as DataCenterView['class'],
    region: entity.region,
    location: { latitude: entity.latitude, longitude: entity.longitude },
    owner: entity.owner === '' ? '' : tenantName(entity.owner),
    labels: entity.labels,
    clearance: entity.clearance as DataCenterView['clearance'],
    accepts: entity.accepts.map(tenantName),
    offers: [...new Set([...entity.offers, ...dataCenter.executorOffers])],
    lease: {
      seconds: Math.floor(entity.leaseMs / 1000),
      nanos: (entity.leaseMs % 1000) * 1_000_000,
    },
    priceMicrosPerCpuHour: entity.priceMicrosPerCpuHour,
    state: dataCenter.state,
    reachable: dataCenter.session !== undefined,
    executor: dataCenter.executor,
    placement: dataCenter.placement as DataCenterView['placement'],
    nodeCount: dataCenter.pool.length,
    capacity: toResources(dataCenter.capacity),
    allocated: toResources(dataCenter.allocated),
    foreign: toResources(dataCenter.foreign),
    runCount: dataCenter.runs.size,
    createTime: toDate(entity.createMs),
    etag: String(dataCenter.revision),
  };
}

export function toNodeView(state: State, dataCenter: DataCenter, row: number): NodeView {
  const { nodes } = state;
  const kind = nodes.kindOf(row);
  const extra = (of: 'allocatable' | 'free') =>
    Object.fromEntries([...(nodes.extras.get(row) ?? [])].map(([name, room]) => [name, room[of]]));
  const devices = nodes.descriptionOf(row).devices.map((device, i) => ({
    ...device,
    freeThousandths: nodes.devices.freeThousandths[nodes.firstDevice[row]! + i]!,
  }));
  const whole = (amount: number) => Math.max(0, amount);
  const resources = (
    cpu: number,
    memory: number,
    storage: number,
    device: number,
    extras: Record<string, number>,
  ): Resources => ({
    cpuMillis: whole(cpu),
    memoryMib: whole(memory),
    storageMib: whole(storage),
    deviceThousandths: device,
    extra: extras,
    devices: [],
  });
  const freeDevices = devices.reduce((sum, device) => sum + device.freeThousandths, 0);
  return {
    name: nodeName(dataCenter.entity.id, nodes.id[row]!),
    role: kind.role,
    labels: kind.labels,
    allocatable: resources(
      nodes.cpuMillis[row]!,
      nodes.memoryMib[row]!,
      nodes.storageMib[row]!,
      devices.length * 1000,
      extra('allocatable'),
    ),
    devices,
    foreign: resources(
      nodes.foreignCpuMillis[row]!,
      nodes.foreignMemoryMib[row]!,
      nodes.foreignStorageMib[row]!,
      0,
      {},
    ),
    free: resources(
      nodes.freeCpuMillis[row]!,
      nodes.freeMemoryMib[row]!,
      nodes.freeStorageMib[row]!,
      freeDevices,
      extra('free'),
    ),
    cordoned: nodes.cordoned[row] === 1,
  };
}

export function toTenantView(tenant: Tenant): TenantView {
  const { entity } = tenant;
  return {
    name: tenantName(entity.id),
    displayName: entity.displayName,
    parent: entity.parent === '' ? '' : tenantName(entity.parent),
    weight: entity.weight,
    homeRegion: entity.homeRegion,
    // The edge lets only values of the enums in.
    defaultClassification: entity.defaultClassification as TenantView['defaultClassification'],
    clearance: entity.clearance as TenantView['clearance'],
    quota: entity.quota === undefined ? undefined : { ...entity.quota, devices: [] },
    maxQueuedJobs: entity.maxQueuedJobs,
    allocated: toResources(tenant.subtreeUsage),
    queuedJobs: tenant.queuedJobs,
    runningJobs: tenant.runningJobs,
    createTime: toDate(entity.createMs),
    etag: String(tenant.revision),
  };
}

export function toLinkView({ entity, revision }: Entity<LinkEntity>): LinkView {
  const { id, source, target, ...rest } = entity;
  return {
    ...rest,
    name: linkName(id),
    source: dataCenterName(source),
    target: dataCenterName(target),
    etag: String(revision),
  };
}

export function toUserView(entity: UserEntity): UserView {
  return {
    name: userName(entity.tenant, entity.id),
    // The edge lets only values of the enum in.
    roles: entity.roles as UserView['roles'],
    revoked: entity.revoked,
    createTime: toDate(entity.createMs),
  };
}

/** States in which a job has not ended, for filters. */
export const LIVE_STATES: readonly JobState[] = [
  JobState.QUEUED,
  JobState.HELD,
  JobState.RUNNING,
  JobState.STOPPING,
];
