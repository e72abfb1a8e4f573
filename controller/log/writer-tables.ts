// Writes one append into the tables, as one transaction.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crcOfJob, crcOfRow, nextCrc, nextHash } from './chain.ts';
import { duplicateJob } from './check.ts';
import { hashOf, hashOfName, isSqliteError, keyOf } from './database.ts';
import type { GroupSink } from './frame.ts';
import { unpackGroup } from './frame.ts';

/** Where the chains stand: what the next record is chained to. */
export interface ChainEnd {
  revision: number;
  crc: number;
  hash: string;
}

export class GroupWriter implements GroupSink {
  readonly #end: ChainEnd;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #record: StatementSync;
  readonly #audit: StatementSync;
  readonly #job: StatementSync;
  readonly #ended: StatementSync;
  readonly #row: StatementSync;
  readonly #deleteRow: StatementSync;
  readonly #complete: StatementSync;

  constructor(database: DatabaseSync, end: ChainEnd) {
    this.#end = end;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#record = database.prepare('INSERT INTO records VALUES (?, ?, ?)');
    this.#audit = database.prepare('INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#job = database.prepare('INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#ended = database.prepare('INSERT OR REPLACE INTO ended VALUES (?, ?, ?, ?, ?)');
    this.#row = database.prepare('INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?, ?)');
    this.#deleteRow = database.prepare('DELETE FROM checkpoint WHERE kind = ? AND key = ?');
    this.#complete = database.prepare(
      "UPDATE meta SET value = ? WHERE key = 'checkpoint_revision'",
    );
  }

  /** Returns when the group is durable. After an error nothing more may be written: the chain's end is then unknown. */
  write(group: ArrayBuffer): void {
    this.#begin.run();
    unpackGroup(group, this);
    this.#commit.run();
  }

  begin(firstRevision: number): void {
    if (firstRevision !== this.#end.revision + 1) {
      throw new Error(`a group from ${firstRevision} does not follow ${this.#end.revision}`);
    }
  }

  record(
    body: Uint8Array,
    timeMs: number,
    actor: string,
    method: string,
    requestId: string,
    tenant: string,
    resource: string,
    eventCount: number,
  ): void {
    const end = this.#end;
    const revision = end.revision + 1;
    const header = { timeMs, actor, method, requestId, tenant, resource, eventCount };
    end.revision = revision;
    end.crc = nextCrc(end.crc, body);
    end.hash = nextHash(end.hash, revision, header);
    this.#record.run(revision, end.crc, body);
    this.#audit.run(
      revision,
      timeMs,
      actor,
      method,
      requestId,
      tenant,
      resource,
      eventCount,
      Buffer.from(end.hash, 'hex'),
      keyOf(revision, hashOf(tenant)),
    );
  }

  submitted(
    uid: number,
    createMs: number,
    tenant: string,
    job: string,
    jobSet: string,
    user: string,
    labels: string,
    spec: Uint8Array,
  ): void {
    try {
      this.#job.run(
        uid,
        createMs,
        tenant,
        job,
        jobSet,
        user,
        labels,
        keyOf(uid, hashOfName(tenant, job)),
        keyOf(uid, hashOf(tenant)),
        keyOf(uid, hashOf(user)),
        jobSet === '' ? null : keyOf(uid, hashOf(jobSet)),
        crcOfJob(uid, spec),
        spec,
      );
    } catch (error) {
      if (isSqliteError(error) && (error.errcode & 0xff) === sqliteConstraint) {
        throw duplicateJob(uid, error);
      }
      throw error;
    }
  }

  ended(uid: number, state: number, endMs: number, body: Uint8Array): void {
    this.#ended.run(uid, state, endMs, crcOfJob(uid, body), body);
  }

  deletedRow(kind: string, key: string): void {
    this.#deleteRow.run(kind, key);
  }

  row(kind: string, key: string, revision: number, body: Uint8Array): void {
    this.#row.run(kind, key, revision, crcOfRow(kind, key, revision, body), body);
  }

  checkpointComplete(revision: number): void {
    this.#complete.run(revision);
  }
}

const sqliteConstraint = 19;
