// Events of the log as watchers see them. The log's events carry all that is shown, so this needs nothing but the record.
import { dataCenterName, jobName, linkName, nodeName, runName, tenantName } from '#domain/names.ts';
import { DataCenterState, JobState, nameOf, RunState } from '#domain/states.ts';
import type { Event as LogEvent } from '#gen/isobar/log/v1/event.ts';
import type { Event } from '#gen/isobar/v1/event.ts';
import type { Published } from '#loop/hub.ts';
import { toReasonView } from '#loop/views.ts';

/** An event with what filters look at; ids, empty where there is none. */
export interface Shown {
  readonly event: Event;
  /** Empty: of the federation, for every member. */
  readonly tenant: string;
  readonly jobSet: string;
  readonly job: string;
}

type Words = Partial<Omit<Event, 'revision' | 'time' | 'actor' | 'tenant' | 'jobSet'>>;

/** What of a record is shown to anybody; people, tokens, classes and the ledger have lists of their own. */
export function shownOf(record: Published): readonly Shown[] {
  const shown: Shown[] = [];
  for (const event of record.events) {
    const one = toShown(record, event);
    if (one !== undefined) shown.push(one);
  }
  return shown;
}

function toShown(record: Published, { kind }: LogEvent): Shown | undefined {
  switch (kind?.$case) {
    case 'jobSubmitted': {
      const state = nameOf(JobState, kind.value.held ? JobState.HELD : JobState.QUEUED);
      return ofJob(record, kind.value, { kind: 'JOB_SUBMITTED', state });
    }
    case 'jobChanged': {
      const { state, reason, exitCode } = kind.value;
      return ofJob(record, kind.value, {
        kind: 'JOB_CHANGED',
        // Only states of the tables are ever written into events, here and below.
        state: nameOf(JobState, state as JobState),
        reason: toReasonView(reason),
        exitCode,
      });
    }
    case 'jobReclassed':
      return ofJob(record, kind.value, { kind: 'JOB_REPRIORITIZED' });
    case 'runReserved': {
      const { tenant, job, index, epoch, parts } = kind.value;
      return ofJob(record, kind.value, {
        kind: 'RUN_RESERVED',
        resource: runName(tenant, job, index, epoch),
        state: nameOf(RunState, RunState.RESERVED),
        dataCenter: parts[0]?.dataCenter ?? '',
        epoch,
      });
    }
    case 'runChanged': {
      const { tenant, job, index, epoch, state, dataCenter, reason, exitCode } = kind.value;
      return ofJob(record, kind.value, {
        kind: 'RUN_CHANGED',
        resource: runName(tenant, job, index, epoch),
        state: nameOf(RunState, state as RunState),
        dataCenter,
        epoch,
        reason: toReasonView(reason),
        exitCode,
      });
    }
    case 'dataCenterPut':
      return ofDataCenter(record, kind.value.id, { kind: 'DATA_CENTER_PUT' });
    case 'dataCenterDeleted':
      return ofDataCenter(record, kind.value.id, { kind: 'DATA_CENTER_DELETED' });
    case 'dataCenterStateChanged': {
      const state = nameOf(DataCenterState, kind.value.state as DataCenterState);
      return ofDataCenter(record, kind.value.dataCenter, {
        kind: 'DATA_CENTER_STATE_CHANGED',
        state,
      });
    }
    case 'nodesPut':
      return ofDataCenter(record, kind.value.dataCenter, { kind: 'NODES_PUT' });
    case 'nodesRemoved':
      return ofDataCenter(record, kind.value.dataCenter, { kind: 'NODES_REMOVED' });
    case 'nodeCordoned': {
      const { dataCenter, node, cordoned } = kind.value;
      const words = {
        kind: cordoned ? 'NODE_CORDONED' : 'NODE_UNCORDONED',
        resource: nodeName(dataCenter, node),
      };
      return ofDataCenter(record, dataCenter, words);
    }
    case 'linkPut':
      return ofFederation(record, { kind: 'LINK_PUT', resource: linkName(kind.value.id) });
    case 'linkDeleted':
      return ofFederation(record, { kind: 'LINK_DELETED', resource: linkName(kind.value.id) });
    case 'federationFounded':
    case 'tenantPut':
    case 'tenantDeleted':
    case 'userPut':
    case 'tokenCreated':
    case 'tokenUsed':
    case 'certificateIssued':
    case 'classDefined':
    case 'jobForgotten':
    case 'usageBooked':
    case undefined:
      return undefined;
    default:
      return kind satisfies never;
  }
}

function ofJob(
  record: Published,
  {
    tenant,
    job,
    jobSet,
  }: { readonly tenant: string; readonly job: string; readonly jobSet: string },
  words: Words,
): Shown {
  const resource = words.resource ?? jobName(tenant, job);
  const event = { ...blank(record), ...words, resource, tenant: tenantName(tenant), jobSet };
  return { event, tenant, jobSet, job };
}

function ofDataCenter(record: Published, dataCenter: string, words: Words): Shown {
  return ofFederation(record, { resource: dataCenterName(dataCenter), dataCenter, ...words });
}

function ofFederation(record: Published, words: Words): Shown {
  return { event: { ...blank(record), ...words }, tenant: '', jobSet: '', job: '' };
}

function blank({ revision, timeMs, actor }: Published): Event {
  return {
    revision,
    time: new Date(timeMs),
    kind: '',
    resource: '',
    tenant: '',
    jobSet: '',
    state: '',
    dataCenter: '',
    epoch: 0,
    reason: undefined,
    exitCode: 0,
    actor,
  };
}
