// What has gathered for the next append: records in order with all that goes to disk beside them.
import type { Context } from '#core/command.ts';
import { Record as LogRecord } from '#gen/isobar/log/v1/record.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import type {
  AppendGroup,
  AppendRecord,
  CheckpointSlice,
  EndedJob,
  StoredJob,
} from '#ports/log.ts';
import { encode } from './encode.ts';

interface Limits {
  readonly records: number;
  readonly bytes: number;
}

/** Larger groups only make everybody wait longer for the same fsync. */
const GROUP_LIMITS: Limits = { records: 4096, bytes: 4 * 1024 * 1024 };

export class Group {
  #firstRevision = 0;
  #records: AppendRecord[] = [];
  #submitted: StoredJob[] = [];
  #ended: EndedJob[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  get isFull(): boolean {
    return this.#records.length >= GROUP_LIMITS.records || this.#bytes >= GROUP_LIMITS.bytes;
  }

  /** Answers the record as it will lie on disk. */
  add(
    revision: number,
    context: Context,
    events: readonly Event[],
    submitted: readonly StoredJob[],
    ended: readonly EndedJob[],
  ): Uint8Array {
    const { nowMs: timeMs, actor, method, requestId } = context;
    const { tenant, resource } = subjectOf(events);
    const record = { revision, timeMs, actor, method, requestId, tenant, events: [...events] };
    const body = encode(LogRecord, record);
    if (this.#records.length === 0) this.#firstRevision = revision;
    this.#records.push({
      body,
      audit: { timeMs, actor, method, requestId, tenant, resource, eventCount: events.length },
    });
    this.#bytes += body.length;
    for (const job of submitted) {
      this.#submitted.push(job);
      this.#bytes += job.spec.length;
    }
    for (const job of ended) this.#ended.push(job);
    return body;
  }

  /** Everything so far, and empty again. */
  take(checkpoint: CheckpointSlice | undefined): AppendGroup {
    const group: AppendGroup = {
      firstRevision: this.#firstRevision,
      records: this.#records,
      submitted: this.#submitted,
      ended: this.#ended,
      checkpoint,
    };
    this.#records = [];
    this.#submitted = [];
    this.#ended = [];
    this.#bytes = 0;
    return group;
  }
}

/** Whom and what a record concerns, for the audit: the first event tells. */
function subjectOf(events: readonly Event[]): {
  readonly tenant: string;
  readonly resource: string;
} {
  for (const { kind } of events) {
    switch (kind?.$case) {
      case undefined:
      case 'classDefined':
      case 'usageBooked':
      case 'jobForgotten':
        continue;
      case 'jobSubmitted':
      case 'jobChanged':
      case 'jobReclassed':
      case 'runReserved':
      case 'runChanged':
        return {
          tenant: kind.value.tenant,
          resource: `tenants/${kind.value.tenant}/jobs/${kind.value.job}`,
        };
      case 'tenantPut':
      case 'tenantDeleted':
        return { tenant: kind.value.id, resource: `tenants/${kind.value.id}` };
      case 'userPut': {
        const { tenant, id } = kind.value;
        return {
          tenant,
          resource: tenant === '' ? `operators/${id}` : `tenants/${tenant}/users/${id}`,
        };
      }
      case 'dataCenterPut':
      case 'dataCenterDeleted':
        return { tenant: '', resource: `dataCenters/${kind.value.id}` };
      case 'dataCenterStateChanged':
      case 'nodesPut':
      case 'nodesRemoved':
        return { tenant: '', resource: `dataCenters/${kind.value.dataCenter}` };
      case 'nodeCordoned':
        return {
          tenant: '',
          resource: `dataCenters/${kind.value.dataCenter}/nodes/${kind.value.node}`,
        };
      case 'linkPut':
      case 'linkDeleted':
        return { tenant: '', resource: `links/${kind.value.id}` };
      case 'tokenCreated':
      case 'tokenUsed':
        return { tenant: '', resource: `tokens/${kind.value.id}` };
      case 'certificateIssued':
        return { tenant: '', resource: kind.value.identity };
      case 'federationFounded':
        return { tenant: '', resource: 'federation' };
      default:
        kind satisfies never;
    }
  }
  return { tenant: '', resource: '' };
}
