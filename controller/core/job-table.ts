// Jobs in columns: what decide and plan read of a job, about 150 bytes each with its id. The specification is not here.
import type { Reason } from '#domain/reasons.ts';
import type { JobState } from '#domain/states.ts';
import { grown, Interned, NONE, NumberIndex, Rows } from './columns.ts';

export interface NewJob {
  readonly uid: number;
  readonly tenant: string;
  readonly id: string;
  readonly jobSet: string;
  readonly user: string;
  readonly classNumber: number;
  readonly specDigest: Uint8Array;
  readonly keyDigest: Uint8Array;
  readonly expectedRunMs: number;
  readonly createMs: number;
  readonly state: JobState;
}

/** Other jobs that must end first: uids, and for each whether it may end in any way. */
export interface After {
  readonly uids: readonly number[];
  readonly any: readonly boolean[];
}

export const DIGEST_BYTES = 16;

export class JobTable extends Rows {
  /** NONE: the row is free. */
  uid = new Float64Array();
  state = new Uint8Array();
  classNumber = new Uint32Array();
  epoch = new Uint32Array();
  failures = new Uint16Array();
  /** Row of the live run, or NONE. */
  run = new Int32Array();
  createMs = new Float64Array();
  /** 0: not ended. */
  endMs = new Float64Array();
  notBeforeMs = new Float64Array();
  expectedRunMs = new Float64Array();
  exitCode = new Int32Array();
  /** Revision of the last change: what a checkpoint must write again. */
  revision = new Float64Array();
  tenant = new Uint32Array();
  jobSet = new Uint32Array();
  user = new Uint32Array();
  /** Neighbours in the queue of the class, or NONE. */
  previous = new Int32Array();
  next = new Int32Array();
  /** 1: in the queue of its class. */
  queued = new Uint8Array();
  digests = new Uint8Array();
  readonly id: string[] = [];

  readonly tenants = new Interned();
  readonly jobSets = new Interned();
  readonly users = new Interned();
  /** Rare things, by row. */
  readonly reasons = new Map<number, Reason>();
  readonly after = new Map<number, After>();
  readonly #keys = new Map<number, string>();
  readonly #byUid = new NumberIndex();
  /** Per tenant, from id to row. */
  readonly #byId = new Map<string, Map<string, number>>();
  /** From the hexadecimal digest of tenant and idempotency key to row. */
  readonly #byKey = new Map<string, number>();

  add(job: NewJob): number {
    const row = this.takeRow();
    this.uid[row] = job.uid;
    this.state[row] = job.state;
    this.classNumber[row] = job.classNumber;
    this.epoch[row] = 0;
    this.failures[row] = 0;
    this.run[row] = NONE;
    this.createMs[row] = job.createMs;
    this.endMs[row] = 0;
    this.notBeforeMs[row] = 0;
    this.expectedRunMs[row] = job.expectedRunMs;
    this.exitCode[row] = 0;
    this.tenant[row] = this.tenants.numberOf(job.tenant);
    this.jobSet[row] = this.jobSets.numberOf(job.jobSet);
    this.user[row] = this.users.numberOf(job.user);
    this.previous[row] = NONE;
    this.next[row] = NONE;
    this.queued[row] = 0;
    this.id[row] = job.id;
    this.digests.set(job.specDigest, row * DIGEST_BYTES);
    this.#byUid.set(job.uid, row);
    let ids = this.#byId.get(job.tenant);
    if (ids === undefined) this.#byId.set(job.tenant, (ids = new Map()));
    if (this.#isNewest(job.uid, ids.get(job.id))) ids.set(job.id, row);
    if (job.keyDigest.length > 0) {
      const key = toHex(job.keyDigest);
      this.#keys.set(row, key);
      if (this.#isNewest(job.uid, this.#byKey.get(key))) this.#byKey.set(key, row);
    }
    return row;
  }

  remove(row: number): void {
    this.#byUid.delete(this.uid[row] ?? 0);
    const tenant = this.tenantOf(row);
    const ids = this.#byId.get(tenant);
    if (ids?.get(this.idOf(row)) === row) ids.delete(this.idOf(row));
    if (ids?.size === 0) this.#byId.delete(tenant);
    const key = this.#keys.get(row);
    if (key !== undefined && this.#byKey.get(key) === row) this.#byKey.delete(key);
    this.#keys.delete(row);
    this.reasons.delete(row);
    this.after.delete(row);
    this.uid[row] = NONE;
    this.id[row] = '';
    this.freeRow(row);
  }

  /** While a restart folds, a job that is forgotten later on may be there beside the newer one of the same name. */
  #isNewest(uid: number, other: number | undefined): boolean {
    return other === undefined || this.uid[other]! < uid;
  }

  rowOf(uid: number): number | undefined {
    return this.#byUid.get(uid);
  }

  rowOfId(tenant: string, id: string): number | undefined {
    return this.#byId.get(tenant)?.get(id);
  }

  /** The job that was submitted with this idempotency key. */
  rowOfKey(keyDigest: Uint8Array): number | undefined {
    return this.#byKey.size === 0 ? undefined : this.#byKey.get(toHex(keyDigest));
  }

  keyOf(row: number): Uint8Array {
    return fromHex(this.#keys.get(row) ?? '');
  }

  /** Rows of a tenant's jobs, ended ones that are remembered too. */
  rowsOfTenant(tenant: string): Iterable<number> {
    return this.#byId.get(tenant)?.values() ?? [];
  }

  tenantOf(row: number): string {
    return this.tenants.valueOf(this.tenant[row] ?? 0);
  }

  jobSetOf(row: number): string {
    return this.jobSets.valueOf(this.jobSet[row] ?? 0);
  }

  userOf(row: number): string {
    return this.users.valueOf(this.user[row] ?? 0);
  }

  idOf(row: number): string {
    return this.id[row] ?? '';
  }

  stateOf(row: number): JobState {
    // Only job states are ever written to the column.
    return this.state[row] as JobState;
  }

  digestOf(row: number): Uint8Array {
    return this.digests.slice(row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES);
  }

  hasDigest(row: number, digest: Uint8Array): boolean {
    const at = row * DIGEST_BYTES;
    for (let i = 0; i < DIGEST_BYTES; i++) if (this.digests[at + i] !== digest[i]) return false;
    return true;
  }

  protected grow(capacity: number): void {
    this.uid = grown(this.uid, capacity);
    this.state = grown(this.state, capacity);
    this.classNumber = grown(this.classNumber, capacity);
    this.epoch = grown(this.epoch, capacity);
    this.failures = grown(this.failures, capacity);
    this.run = grown(this.run, capacity);
    this.createMs = grown(this.createMs, capacity);
    this.endMs = grown(this.endMs, capacity);
    this.notBeforeMs = grown(this.notBeforeMs, capacity);
    this.expectedRunMs = grown(this.expectedRunMs, capacity);
    this.exitCode = grown(this.exitCode, capacity);
    this.revision = grown(this.revision, capacity);
    this.tenant = grown(this.tenant, capacity);
    this.jobSet = grown(this.jobSet, capacity);
    this.user = grown(this.user, capacity);
    this.previous = grown(this.previous, capacity);
    this.next = grown(this.next, capacity);
    this.queued = grown(this.queued, capacity);
    this.digests = grown(this.digests, capacity * DIGEST_BYTES);
  }
}

function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
