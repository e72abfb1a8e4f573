// The log as a simple book-keeper understands it: every record that became durable is read once, and checked against what must
// never happen. It shares no code with the core but the tables of states and the shadow that it folds beside itself.
import type {
  Event,
  JobChanged,
  RunChanged,
  RunReserved,
  UsageBooked,
} from '#gen/isobar/log/v1/event.ts';
import type { JobClass, Tenant } from '#gen/isobar/log/v1/entity.ts';
import { Record as LogRecord } from '#gen/isobar/log/v1/record.ts';
import { foldRecord } from '#core/fold.ts';
import { emptyState } from '#core/state.ts';
import {
  isJobFinal,
  isRunFinal,
  JobState,
  mayJobMove,
  mayRunMove,
  RunState,
} from '#domain/states.ts';
import type { AppendGroup, AuditHeader } from '#ports/log.ts';
import { Archive, type End } from './archive.ts';
import { checkDepartures, checkDrains, checkOpen } from './closings.ts';
import { Ledger } from './ledger.ts';
import {
  noteDataCenter,
  type DataCenterEvents,
  type ModelDataCenter,
} from './model-data-centers.ts';
import { check } from './violation.ts';

export interface ModelRun {
  readonly epoch: number;
  readonly index: number;
  readonly reserveMs: number;
  readonly parts: RunReserved['parts'];
  readonly dataCenter: string;
  state: RunState;
}

export interface ModelJob {
  readonly uid: number;
  readonly tenant: string;
  readonly id: string;
  readonly key: string;
  readonly digest: string;
  classNumber: number;
  state: JobState;
  epoch: number;
  run: ModelRun | undefined;
  reason: string;
}

/** What others want to know of a record, once it is understood. */
export interface ModelEvents extends DataCenterEvents {
  jobChanged(job: ModelJob, before: JobState, event: JobChanged): void;
  runReserved(job: ModelJob, run: ModelRun): void;
  runChanged(
    job: ModelJob,
    run: ModelRun,
    before: RunState,
    event: RunChanged,
    actor: string,
  ): void;
  record(record: LogRecord): void;
}

export class Model {
  readonly jobs = new Map<number, ModelJob>();
  readonly #byName = new Map<string, ModelJob>();
  readonly #byKey = new Map<string, ModelJob>();
  readonly classes = new Map<number, JobClass>();
  readonly tenants = new Map<string, Tenant>();
  readonly dataCenters = new Map<string, ModelDataCenter>();
  readonly forgotten = new Set<number>();
  readonly ledger = new Ledger();
  /** Specifications as they were stored, by uid. */
  readonly specs = new Map<number, Uint8Array>();
  /** The real fold over what is durable, never restarted. */
  readonly shadow = emptyState();
  readonly archive = new Archive();
  readonly #events: ModelEvents;
  revision = 0;
  timeMs = 0;
  /** What the audit must say of each record, by revision − 1. */
  readonly audited: Omit<AuditHeader, 'resource'>[] = [];
  /** Runs that end with the record that is read. */
  readonly #runEnds = new Map<number, RunChanged>();
  #booking:
    | { readonly job: ModelJob; readonly run: ModelRun; readonly event: RunChanged }
    | undefined;

  constructor(events: ModelEvents) {
    this.#events = events;
  }

  named(tenant: string, id: string): ModelJob | undefined {
    return this.#byName.get(`${tenant}/${id}`);
  }

  apply(group: AppendGroup): void {
    const ended: End[] = [];
    const submitted: number[] = [];
    check(
      group.firstRevision === this.revision + 1,
      'order',
      () => `the group after ${this.revision} begins with ${group.firstRevision}`,
    );
    for (const { body } of group.records) {
      const record = LogRecord.decode(body);
      check(
        record.revision === this.revision + 1,
        'order',
        () => `record ${record.revision} follows ${this.revision}`,
      );
      check(
        record.timeMs >= this.timeMs,
        'order',
        () => `time of record ${record.revision} runs backwards`,
      );
      this.revision = record.revision;
      this.timeMs = record.timeMs;
      const { timeMs, actor, method, requestId, tenant, events } = record;
      this.audited.push({ timeMs, actor, method, requestId, tenant, eventCount: events.length });
      this.#runEnds.clear();
      for (const event of record.events) this.#event(event, record.actor, ended, submitted);
      check(
        this.#booking === undefined,
        'ledger',
        () => `record ${record.revision} ends a run and books nothing`,
      );
      checkDrains(this, record);
      foldRecord(this.shadow, record.revision, record.timeMs, record.events);
      this.#events.record(record);
    }
    this.#tables(group, ended, submitted);
    checkDepartures(this);
  }

  /** Rows of the tables beside the records: one for each job that came, one for each that ended. */
  #tables(group: AppendGroup, ended: readonly End[], submitted: readonly number[]): void {
    this.archive.take(ended, group.ended);
    for (const row of group.submitted) this.specs.set(row.uid, row.spec);
    const stored = group.submitted.map((row) => row.uid);
    check(
      sameSet(stored, submitted),
      '1-acknowledged',
      () => `jobs ${submitted.join(' ')} came, ${stored.join(' ')} were stored`,
    );
  }

  #event({ kind }: Event, actor: string, ended: End[], submitted: number[]): void {
    if (this.#booking !== undefined && kind?.$case !== 'usageBooked') {
      check(
        false,
        'ledger',
        () => `${kind?.$case ?? ''} stands between the end of a run and its booking`,
      );
    }
    switch (kind?.$case) {
      case 'tenantPut':
        this.tenants.set(kind.value.id, kind.value);
        return;
      case 'tenantDeleted':
        this.tenants.delete(kind.value.id);
        return;
      case 'dataCenterPut':
      case 'dataCenterDeleted':
      case 'dataCenterStateChanged':
      case 'nodesPut':
      case 'nodesRemoved':
      case 'nodeCordoned':
        return noteDataCenter(this.dataCenters, kind, this.#events);
      case 'classDefined':
        this.classes.set(kind.value.number, kind.value);
        return;
      case 'jobSubmitted': {
        const { uid, tenant, job: id } = kind.value;
        const key = hex(kind.value.keyDigest);
        check(
          this.named(tenant, id) === undefined,
          '2-idempotency',
          () => `a second job ${tenant}/${id}`,
        );
        check(
          key === '' || !this.#byKey.has(key),
          '2-idempotency',
          () => `a second job with the key of ${tenant}/${id}`,
        );
        check(
          !this.jobs.has(uid) && !this.forgotten.has(uid),
          '2-idempotency',
          () => `uid ${uid} was used before`,
        );
        const job: ModelJob = {
          uid,
          tenant,
          id,
          key,
          digest: hex(kind.value.specDigest),
          classNumber: kind.value.class,
          state: kind.value.held ? JobState.HELD : JobState.QUEUED,
          epoch: 0,
          run: undefined,
          reason: '',
        };
        this.jobs.set(uid, job);
        this.#byName.set(`${tenant}/${id}`, job);
        if (key !== '') this.#byKey.set(key, job);
        submitted.push(uid);
        return;
      }
      case 'jobChanged':
        return this.#jobChanged(kind.value, ended);
      case 'jobReclassed':
        this.#job(kind.value.uid).classNumber = kind.value.class;
        return;
      case 'runReserved':
        return this.#runReserved(kind.value);
      case 'runChanged':
        return this.#runChanged(kind.value, actor);
      case 'usageBooked':
        return this.#booked(kind.value);
      case 'jobForgotten':
        for (const uid of kind.value.uids) this.#forget(uid);
        return;
      case 'userPut':
      case 'tokenCreated':
      case 'tokenUsed':
      case 'certificateIssued':
      case 'federationFounded':
      case 'linkPut':
      case 'linkDeleted':
      case undefined:
        return;
      default:
        kind satisfies never;
    }
  }

  #job(uid: number): ModelJob {
    const job = this.jobs.get(uid);
    check(job !== undefined, 'table', () => `an event is about job ${uid}, which is not there`);
    return job;
  }

  #jobChanged(event: JobChanged, ended: End[]): void {
    const job = this.#job(event.uid);
    const before = job.state;
    // Only states of the table are written; others have no move to them.
    const to = event.state as JobState;
    const mayMove =
      mayJobMove(before, to) || (before === JobState.STOPPING && to === JobState.STOPPING);
    check(mayMove, 'table', () => `job ${job.id} moved from ${before} to ${to}`);
    const isFree = to === JobState.QUEUED || to === JobState.HELD || isJobFinal(to);
    check(
      !isFree || job.run === undefined,
      'table',
      () => `job ${job.id} moved to ${to} with a live run`,
    );
    job.state = to;
    job.reason = event.reason?.code ?? '';
    if (isJobFinal(to)) ended.push({ job, event, run: this.#runEnds.get(job.uid) });
    this.#events.jobChanged(job, before, event);
  }

  #runReserved(event: RunReserved): void {
    const job = this.#job(event.uid);
    check(
      job.state === JobState.QUEUED,
      'table',
      () => `job ${job.id} was placed in state ${job.state}`,
    );
    check(job.run === undefined, '3-effects', () => `job ${job.id} has a live run and got another`);
    check(
      event.epoch === job.epoch + 1,
      '3-effects',
      () => `job ${job.id} went from epoch ${job.epoch} to ${event.epoch}`,
    );
    const { epoch, index, parts } = event;
    checkOpen(this, job, parts);
    const dataCenter = parts[0]?.dataCenter ?? '';
    const run: ModelRun = {
      epoch,
      index,
      parts,
      dataCenter,
      reserveMs: this.timeMs,
      state: RunState.RESERVED,
    };
    job.epoch = epoch;
    job.run = run;
    job.state = JobState.RUNNING;
    job.reason = '';
    this.#events.runReserved(job, run);
  }

  #runChanged(event: RunChanged, actor: string): void {
    const job = this.#job(event.uid);
    const { run } = job;
    check(
      run !== undefined && run.epoch === event.epoch,
      '3-effects',
      () => `run ${event.epoch} of job ${job.id} changed, live is ${run?.epoch ?? 'none'}`,
    );
    // Only states of the table are written; others have no move to them.
    const to = event.state as RunState;
    const before = run.state;
    check(
      mayRunMove(before, to),
      'table',
      () => `a run of job ${job.id} moved from ${before} to ${to}`,
    );
    run.state = to;
    if (isRunFinal(to)) {
      job.run = undefined;
      this.#booking = { job, run, event };
      this.#runEnds.set(job.uid, event);
    }
    this.#events.runChanged(job, run, before, event, actor);
  }

  #booked(booked: UsageBooked): void {
    const end = this.#booking;
    this.#booking = undefined;
    check(
      end !== undefined,
      'ledger',
      () => `usage of ${booked.tenant} was booked without the end of a run`,
    );
    const jobClass = this.classes.get(end.job.classNumber);
    this.ledger.book(booked, end.run, end.event, jobClass);
  }

  #forget(uid: number): void {
    const job = this.#job(uid);
    check(
      isJobFinal(job.state),
      '1-acknowledged',
      () => `job ${job.id} was forgotten before it ended`,
    );
    this.jobs.delete(uid);
    this.#byName.delete(`${job.tenant}/${job.id}`);
    if (job.key !== '') this.#byKey.delete(job.key);
    this.forgotten.add(uid);
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function sameSet(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  const all = new Set(a);
  return b.every((item) => all.has(item));
}
