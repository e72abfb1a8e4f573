// Entities of decided state as rows of a checkpoint, and back.
import { userName } from '#domain/names.ts';
import { isJobFinal, type JobState, type RunState } from '#domain/states.ts';
import { addClass } from '#core/classes.ts';
import { NONE } from '#core/columns.ts';
import { toReasonEntity } from '#core/command.ts';
import { addDataCenter } from '#core/data-centers.ts';
import { putNode } from '#core/nodes.ts';
import { fromReasonEntity } from '#core/run-events.ts';
import { addRun } from '#core/runs.ts';
import type { DataCenter, JobClass, State, UsageCell } from '#core/state.ts';
import { addTenant } from '#core/tenants.ts';
import { usageKey } from '#core/usage.ts';
import {
  DataCenterRow,
  FederationRow,
  Job,
  JobClass as JobClassEntity,
  Link,
  NodeRow,
  Tenant,
  Token,
  UsageCell as UsageCellEntity,
  User,
} from '#gen/isobar/log/v1/entity.ts';
import type { CheckpointRow } from '#ports/log.ts';
import { encode } from './encode.ts';
import { partEntitiesOf } from './views.ts';

/** In the order in which a restart must load them: what is named comes before what names it. */
export const KINDS = [
  'federation',
  'tenant',
  'user',
  'token',
  'dataCenter',
  'node',
  'link',
  'class',
  'job',
  'usage',
] as const;

/** Everything that changed after a revision, kind by kind. */
export function* rowsSince(state: State, revision: number): Iterable<CheckpointRow> {
  yield federationRow(state);
  for (const tenant of parentsFirst(state)) {
    if (tenant.revision > revision)
      yield row('tenant', tenant.entity.id, tenant.revision, encode(Tenant, tenant.entity));
  }
  for (const [name, user] of state.users) {
    if (user.revision > revision) yield row('user', name, user.revision, encode(User, user.entity));
  }
  for (const [id, token] of state.tokens) {
    if (token.revision > revision)
      yield row('token', id, token.revision, encode(Token, token.entity));
  }
  for (const dataCenter of state.dataCenters.values()) {
    if (dataCenter.revision > revision) yield dataCenterRow(dataCenter);
    for (const node of dataCenter.nodes.values()) {
      if (state.nodes.revision[node]! > revision) yield nodeRow(state, dataCenter, node);
    }
  }
  for (const [id, link] of state.links) {
    if (link.revision > revision) yield row('link', id, link.revision, encode(Link, link.entity));
  }
  for (const jobClass of state.classes.values()) {
    if (jobClass.revision > revision) yield classRow(jobClass);
  }
  for (let at = 0; at < state.jobs.end; at++) {
    if (state.jobs.uid[at] !== NONE && state.jobs.revision[at]! > revision) yield jobRow(state, at);
  }
  for (const [key, cell] of state.usage) {
    if (cell.revision > revision) yield usageRow(key, cell);
  }
}

function row(
  kind: (typeof KINDS)[number],
  key: string,
  revision: number,
  body: Uint8Array,
): CheckpointRow {
  return { kind, key, revision, body };
}

function* parentsFirst(state: State) {
  // A tenant is created after its parent, and the map keeps the order.
  yield* state.tenants.values();
}

function federationRow(state: State): CheckpointRow {
  const { federation, incarnation, nextJob, nextClass, timeMs } = state;
  return row(
    'federation',
    '',
    state.revision,
    encode(FederationRow, { federation, incarnation, nextJob, nextClass, timeMs }),
  );
}

function dataCenterRow(dataCenter: DataCenter): CheckpointRow {
  const { entity, state, executor, placement, executorOffers, revision } = dataCenter;
  const body = {
    dataCenter: entity,
    state,
    executor,
    placement,
    executorOffers: [...executorOffers],
  };
  return row('dataCenter', entity.id, revision, encode(DataCenterRow, body));
}

function nodeRow(state: State, dataCenter: DataCenter, at: number): CheckpointRow {
  const { id, role, labels, cpuMillis, memoryMib, storageMib, extra, devices } =
    state.nodes.descriptionOf(at);
  const allocatable = { cpuMillis, memoryMib, storageMib, extra, deviceThousandths: 0 };
  const body = {
    dataCenter: dataCenter.entity.id,
    node: { id, role, labels, allocatable, devices: [...devices] },
    cordoned: state.nodes.cordoned[at] === 1,
    removed: state.nodes.removed[at] === 1,
  };
  return row(
    'node',
    `${dataCenter.entity.id}/${id}`,
    state.nodes.revision[at]!,
    encode(NodeRow, body),
  );
}

function classRow(jobClass: JobClass): CheckpointRow {
  return row(
    'class',
    String(jobClass.entity.number),
    jobClass.revision,
    encode(JobClassEntity, jobClass.entity),
  );
}

function usageRow(key: string, cell: UsageCell): CheckpointRow {
  const { tenant, dataCenter, hour, reserved, granted, wasted, runs } = cell;
  const body = {
    tenant,
    dataCenter,
    hour,
    runs,
    reserved: [...reserved],
    granted: [...granted],
    wasted: [...wasted],
  };
  return row('usage', key, cell.revision, encode(UsageCellEntity, body));
}

function jobRow(state: State, at: number): CheckpointRow {
  const { jobs } = state;
  const after = jobs.after.get(at);
  const reason = jobs.reasons.get(at);
  const body: Job = {
    uid: jobs.uid[at]!,
    tenant: jobs.tenantOf(at),
    job: jobs.idOf(at),
    jobSet: jobs.jobSetOf(at),
    user: jobs.userOf(at),
    class: jobs.classNumber[at]!,
    specDigest: jobs.digestOf(at),
    keyDigest: jobs.keyOf(at),
    expectedRunMs: jobs.expectedRunMs[at]!,
    after: [...(after?.uids ?? [])],
    afterAny: [...(after?.any ?? [])],
    state: jobs.state[at]!,
    reason: reason === undefined ? undefined : toReasonEntity(reason),
    epoch: jobs.epoch[at]!,
    failures: jobs.failures[at]!,
    notBeforeMs: jobs.notBeforeMs[at]!,
    createMs: jobs.createMs[at]!,
    endMs: jobs.endMs[at]!,
    exitCode: jobs.exitCode[at]!,
    run: liveRunOf(state, at),
  };
  return row('job', String(body.uid), jobs.revision[at]!, encode(Job, body));
}

function liveRunOf(state: State, job: number): Job['run'] {
  const run = state.jobs.run[job]!;
  if (run === NONE) return undefined;
  const { runs } = state;
  return {
    state: runs.state[run]!,
    index: runs.index[run]!,
    parts: partEntitiesOf(state, run),
    reserveMs: runs.reserveMs[run]!,
    startMs: runs.startMs[run]!,
    decision: runs.decision[run] ?? '',
  };
}

/** Puts a row into a state whose derived part is not live. */
export function loadRow(state: State, { kind, key, revision, body }: CheckpointRow): void {
  switch (kind as (typeof KINDS)[number]) {
    case 'federation':
      Object.assign(state, FederationRow.decode(body));
      return;
    case 'tenant':
      addTenant(state, Tenant.decode(body), revision);
      return;
    case 'user': {
      const entity = User.decode(body);
      state.users.set(userName(entity.tenant, entity.id), { entity, revision });
      return;
    }
    case 'token':
      state.tokens.set(key, { entity: Token.decode(body), revision });
      return;
    case 'dataCenter':
      return loadDataCenter(state, DataCenterRow.decode(body), revision);
    case 'node':
      return loadNode(state, NodeRow.decode(body), revision);
    case 'link':
      state.links.set(key, { entity: Link.decode(body), revision });
      return;
    case 'class':
      addClass(state, JobClassEntity.decode(body), revision);
      return;
    case 'job':
      return loadJob(state, Job.decode(body), revision);
    case 'usage': {
      const cell = UsageCellEntity.decode(body);
      const { tenant, dataCenter, hour, runs } = cell;
      state.usage.set(usageKey(tenant, dataCenter, hour), {
        tenant,
        dataCenter,
        hour,
        runs,
        revision,
        reserved: Float64Array.from(cell.reserved),
        granted: Float64Array.from(cell.granted),
        wasted: Float64Array.from(cell.wasted),
      });
      return;
    }
    default:
      throw new Error(
        `the checkpoint holds a row of kind ${kind}, which this release does not know`,
      );
  }
}

function loadDataCenter(state: State, loaded: DataCenterRow, revision: number): void {
  if (loaded.dataCenter === undefined)
    throw new Error('a data center of the checkpoint has no description');
  const dataCenter = addDataCenter(state, loaded.dataCenter, revision);
  // Only states of the table are ever written.
  dataCenter.state = loaded.state as DataCenter['state'];
  dataCenter.executor = loaded.executor;
  dataCenter.placement = loaded.placement;
  dataCenter.executorOffers = loaded.executorOffers;
}

function loadNode(state: State, loaded: NodeRow, revision: number): void {
  const dataCenter = state.dataCenters.get(loaded.dataCenter);
  // Its data center went while the checkpoint was written; the records after it say so too.
  if (dataCenter === undefined || loaded.node === undefined) return;
  const at = putNode(state, dataCenter, loaded.node, revision);
  state.nodes.cordoned[at] = loaded.cordoned ? 1 : 0;
  state.nodes.removed[at] = loaded.removed ? 1 : 0;
}

function loadJob(state: State, job: Job, revision: number): void {
  const { jobs } = state;
  const at = jobs.add({
    ...job,
    id: job.job,
    classNumber: job.class,
    // Only states of the table are ever written.
    state: job.state as JobState,
  });
  jobs.revision[at] = revision;
  jobs.epoch[at] = job.epoch;
  jobs.failures[at] = job.failures;
  jobs.notBeforeMs[at] = job.notBeforeMs;
  jobs.endMs[at] = job.endMs;
  jobs.exitCode[at] = job.exitCode;
  if (job.after.length > 0) jobs.after.set(at, { uids: job.after, any: job.afterAny });
  if (job.reason !== undefined) jobs.reasons.set(at, fromReasonEntity(job.reason));
  if (job.run === undefined || isJobFinal(jobs.stateOf(at))) return;
  const run = addRun(
    state,
    at,
    job.run.index,
    job.run.parts,
    job.run.state as RunState,
    job.run.reserveMs,
  );
  state.runs.startMs[run] = job.run.startMs;
  state.runs.decision[run] = job.run.decision;
}
