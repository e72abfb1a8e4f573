// What a log in memory has made durable. It outlives the MemoryLog that wrote it, as a disk outlives a process.
import type {
  AppendGroup,
  AuditHeader,
  AuditQuery,
  AuditRow,
  AuditVerdict,
  CheckpointRow,
  EndedJob,
  JobQuery,
  ListedJob,
  LogHead,
  StoredJob,
} from '#ports/log.ts';
import { checkGroup, duplicateJob } from './check.ts';
import { firstCrc, firstHash, nextCrc, nextHash } from './chain.ts';
import { compactedAway, damagedRecord, LogError } from './errors.ts';

const nothing = new Uint8Array(0);

export class MemoryDisk {
  /** While true every append fails as on a disk without room. */
  full = false;
  /** Backups by name. */
  readonly backups = new Map<string, MemoryDisk>();

  #droppedRevision = 0;
  #droppedCrc = firstCrc;
  #checkpointRevision = 0;
  /** Of record droppedRevision + 1 and on. */
  #bodies: (Uint8Array | undefined)[] = [];
  #crcs: number[] = [];
  #audit: AuditHeader[] = [];
  /** Computed when somebody looks: a simulation that never does should not pay for SHA-256. */
  #hashes: string[] = [];
  readonly #jobs = new Map<number, StoredJob>();
  readonly #uidsByName = new Map<string, number[]>();
  /** Ascending. */
  #uids: number[] = [];
  readonly #ended = new Map<number, EndedJob>();
  readonly #rows = new Map<string, Map<string, CheckpointRow>>();

  get head(): LogHead {
    return {
      lastRevision: this.#lastRevision,
      oldestRevision: this.#droppedRevision + 1,
      checkpointRevision: this.#checkpointRevision,
    };
  }

  get #lastRevision(): number {
    return this.#droppedRevision + this.#bodies.length;
  }

  /** Why a group cannot be taken: what a database would refuse by its keys. */
  check(group: AppendGroup): LogError | undefined {
    const refusal = checkGroup(this.head, group);
    if (refusal !== undefined) return refusal;
    const seen = new Set<number>();
    for (const { uid } of group.submitted) {
      if (this.#jobs.has(uid) || seen.has(uid)) {
        return duplicateJob(uid);
      }
      seen.add(uid);
    }
    return undefined;
  }

  write(group: AppendGroup): void {
    for (const { body, audit } of group.records) {
      this.#bodies.push(body);
      this.#crcs.push(nextCrc(this.#crcs.at(-1) ?? this.#droppedCrc, body));
      this.enterAudit(audit);
    }
    for (const job of group.submitted) this.#insert(job);
    for (const end of group.ended) this.#ended.set(end.uid, end);
    if (group.checkpoint === undefined) return;
    for (const { kind, key } of group.checkpoint.deleted) this.#rows.get(kind)?.delete(key);
    for (const row of group.checkpoint.rows) {
      const ofKind = this.#rows.get(row.kind) ?? new Map<string, CheckpointRow>();
      this.#rows.set(row.kind, ofKind.set(row.key, row));
    }
    this.#checkpointRevision = group.checkpoint.completeFrom ?? this.#checkpointRevision;
  }

  /** One entry for each record, in the same transaction. */
  enterAudit(header: AuditHeader): void {
    this.#audit.push(header);
  }

  #insert(job: StoredJob): void {
    this.#jobs.set(job.uid, job);
    if (job.uid > (this.#uids.at(-1) ?? 0)) this.#uids.push(job.uid);
    else this.#uids = [...this.#uids, job.uid].toSorted((a, b) => a - b);
    const name = nameOf(job.tenant, job.job);
    const uids = this.#uidsByName.get(name);
    if (uids === undefined) this.#uidsByName.set(name, [job.uid]);
    else uids.push(job.uid);
  }

  /** Bodies after a revision, verified; undefined: compacted away. */
  read(afterRevision: number, limit: number): Uint8Array[] | undefined {
    if (afterRevision < this.#droppedRevision) return undefined;
    const from = afterRevision - this.#droppedRevision;
    const bodies: Uint8Array[] = [];
    for (let at = from; at < Math.min(from + limit, this.#bodies.length); at++) {
      const body = this.#bodies[at];
      const revision = this.#droppedRevision + at + 1;
      if (body === undefined) throw damagedRecord(revision, 'missing');
      const before = at === 0 ? this.#droppedCrc : (this.#crcs[at - 1] ?? firstCrc);
      if (nextCrc(before, body) !== this.#crcs[at]) throw damagedRecord(revision, 'damaged');
      bodies.push(body);
    }
    return bodies;
  }

  replay(
    afterRevision: number,
    onRecords: (firstRevision: number, bodies: readonly Uint8Array[]) => void,
  ): void {
    const batch = 1000;
    for (let after = afterRevision; ; after += batch) {
      const bodies = this.read(after, batch);
      if (bodies === undefined) throw compactedAway(after, this.#droppedRevision + 1);
      if (bodies.length === 0) return;
      onRecords(after + 1, bodies);
    }
  }

  loadCheckpoint(kinds: readonly string[], onRows: (rows: readonly CheckpointRow[]) => void): void {
    const others = [...this.#rows.keys()].filter((kind) => !kinds.includes(kind));
    for (const kind of [...new Set(kinds), ...others]) {
      const rows = [...(this.#rows.get(kind)?.values() ?? [])];
      if (rows.length > 0) onRows(rows);
    }
  }

  spec(uid: number): Uint8Array | undefined {
    return this.#jobs.get(uid)?.spec;
  }

  listJobs(query: JobQuery): ListedJob[] {
    const listed: ListedJob[] = [];
    const tenants = query.tenants && new Set(query.tenants);
    for (let at = this.#uids.length - 1; at >= 0 && listed.length < query.limit; at--) {
      const job = this.#jobs.get(this.#uids[at] ?? 0);
      if (job === undefined || (query.beforeUid !== 0 && job.uid >= query.beforeUid)) continue;
      if (tenants !== undefined && !tenants.has(job.tenant)) continue;
      if (query.jobSet !== '' && job.jobSet !== query.jobSet) continue;
      if (query.user !== '' && job.user !== query.user) continue;
      if (query.labels.length > 0) {
        const labels = job.labels.split('\n');
        if (!query.labels.every((label) => labels.includes(label))) continue;
      }
      listed.push(this.#listed(job, query.withSpec));
    }
    return listed;
  }

  getJob(tenant: string, job: string): ListedJob | undefined {
    const uids = this.#uidsByName.get(nameOf(tenant, job)) ?? [];
    const newest = this.#jobs.get(uids.reduce((a, b) => Math.max(a, b), 0));
    return newest && this.#listed(newest, true);
  }

  #listed(job: StoredJob, withSpec: boolean): ListedJob {
    return { ...job, spec: withSpec ? job.spec : nothing, ended: this.#ended.get(job.uid) };
  }

  listAudit(query: AuditQuery): AuditRow[] {
    this.#seal();
    const tenants = query.tenants && new Set(query.tenants);
    const before = query.beforeRevision === 0 ? Infinity : query.beforeRevision;
    const rows: AuditRow[] = [];
    for (let at = Math.min(before - 1, this.#audit.length); at > 0; at--) {
      const header = this.#audit[at - 1];
      if (header === undefined || rows.length >= query.limit) break;
      if (tenants !== undefined && !tenants.has(header.tenant)) continue;
      if (query.peopleOnly && header.actor === 'controller') continue;
      rows.push({
        ...header,
        revision: at,
        hash: Uint8Array.from(Buffer.from(this.#hashes[at - 1] ?? '', 'hex')),
      });
    }
    return rows;
  }

  verifyAudit(): AuditVerdict {
    this.#seal();
    let previous = firstHash;
    for (const [at, header] of this.#audit.entries()) {
      const computed = nextHash(previous, at + 1, header);
      if (computed !== this.#hashes[at]) {
        return { entries: this.#audit.length, firstBadRevision: at + 1 };
      }
      previous = computed;
    }
    return { entries: this.#audit.length, firstBadRevision: undefined };
  }

  #seal(): void {
    for (let at = this.#hashes.length; at < this.#audit.length; at++) {
      const header = this.#audit[at];
      if (header === undefined) return;
      this.#hashes.push(nextHash(this.#hashes[at - 1] ?? firstHash, at + 1, header));
    }
  }

  compact(throughRevision: number): void {
    const through = Math.min(throughRevision, this.#checkpointRevision);
    const count = through - this.#droppedRevision;
    if (count <= 0) return;
    this.#droppedCrc = this.#crcs[count - 1] ?? this.#droppedCrc;
    this.#bodies = this.#bodies.slice(count);
    this.#crcs = this.#crcs.slice(count);
    this.#droppedRevision = through;
  }

  expireArchive(endedBeforeMs: number): number {
    let expired = 0;
    for (const [uid, end] of this.#ended) {
      if (end.endMs >= endedBeforeMs) continue;
      this.#ended.delete(uid);
      const job = this.#jobs.get(uid);
      if (job === undefined) continue;
      expired++;
      this.#jobs.delete(uid);
      const name = nameOf(job.tenant, job.job);
      const left = (this.#uidsByName.get(name) ?? []).filter((other) => other !== uid);
      if (left.length > 0) this.#uidsByName.set(name, left);
      else this.#uidsByName.delete(name);
    }
    if (expired > 0) this.#uids = this.#uids.filter((uid) => this.#jobs.has(uid));
    return expired;
  }

  /** An independent copy of everything; what is in it is never changed, so it is shared. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk();
    copy.#droppedRevision = this.#droppedRevision;
    copy.#droppedCrc = this.#droppedCrc;
    copy.#checkpointRevision = this.#checkpointRevision;
    copy.#bodies = [...this.#bodies];
    copy.#crcs = [...this.#crcs];
    copy.#audit = [...this.#audit];
    copy.#hashes = [...this.#hashes];
    for (const uid of this.#uids) copy.#insert(this.#jobs.get(uid) as StoredJob); // uids are the keys of jobs
    for (const [uid, end] of this.#ended) copy.#ended.set(uid, end);
    for (const [kind, rows] of this.#rows) copy.#rows.set(kind, new Map(rows));
    return copy;
  }

  /** Verifies all records and the audit, as whoever restores a backup must. */
  verify(): void {
    this.read(this.#droppedRevision, Infinity);
    const { firstBadRevision } = this.verifyAudit();
    if (firstBadRevision !== undefined) {
      throw new LogError('damaged', `audit entry ${firstBadRevision} is not what was written`);
    }
  }

  /** For tests: a record's bytes change, or it vanishes. */
  damageRecord(revision: number, how: 'changed' | 'missing'): void {
    const at = revision - this.#droppedRevision - 1;
    const body = this.#bodies[at]?.slice();
    if (body?.[0] === undefined) throw new Error(`there is no record ${revision} with a body`);
    body[0] ^= 1;
    this.#bodies[at] = how === 'changed' ? body : undefined;
  }

  /** For tests: an audit entry says something else than when it was written. */
  tamperAudit(revision: number, change: Partial<AuditHeader>): void {
    this.#seal();
    const header = this.#audit[revision - 1];
    if (header === undefined) throw new Error(`there is no audit entry ${revision}`);
    this.#audit[revision - 1] = { ...header, ...change };
  }
}

function nameOf(tenant: string, job: string): string {
  return `${tenant}/${job}`;
}
