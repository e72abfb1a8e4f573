// Reads records, specifications and the checkpoint, and lets nothing through whose CRC is wrong.
import type { DatabaseSync } from 'node:sqlite';
import { crcOfJob, crcOfRow, nextCrc } from './chain.ts';
import { Query } from './database.ts';
import { compactedAway, damagedRecord, LogError } from './errors.ts';
import { Packer } from './pack.ts';
import { Turns } from './walk.ts';

/** What is handed over at once: large enough that the handing over costs nothing, some milliseconds to read. */
const batchBytes = 1024 * 1024;
/** A watch that is behind gets at most this at a time. */
const answerBytes = 4 * 1024 * 1024;

type RowTuple = [key: string, revision: number, crc: number, body: Uint8Array];

export class RecordReader {
  readonly #records: Query<[revision: number, crc: number, body: Uint8Array]>;
  readonly #crc: Query<[number]>;
  readonly #last: Query<[number | null]>;
  readonly #meta: Query<[number]>;
  readonly #spec: Query<[spec: Uint8Array, crc: number]>;
  readonly #firstRows: Query<RowTuple>;
  readonly #nextRows: Query<RowTuple>;
  readonly #firstKind: Query<[string | null]>;
  readonly #nextKind: Query<[string | null]>;

  constructor(database: DatabaseSync) {
    this.#records = new Query(
      database,
      'SELECT revision, crc, body FROM records WHERE revision > ? ORDER BY revision LIMIT ?',
    );
    this.#crc = new Query(database, 'SELECT crc FROM records WHERE revision = ?');
    this.#last = new Query(database, 'SELECT max(revision) FROM records');
    this.#meta = new Query(database, 'SELECT value FROM meta WHERE key = ?');
    this.#spec = new Query(database, 'SELECT spec, spec_crc FROM jobs WHERE uid = ?');
    this.#firstRows = new Query(
      database,
      'SELECT key, revision, crc, body FROM checkpoint WHERE kind = ? ORDER BY key',
    );
    this.#nextRows = new Query(
      database,
      'SELECT key, revision, crc, body FROM checkpoint WHERE kind = ? AND key > ? ORDER BY key',
    );
    this.#firstKind = new Query(database, 'SELECT min(kind) FROM checkpoint');
    this.#nextKind = new Query(database, 'SELECT min(kind) FROM checkpoint WHERE kind > ?');
  }

  /** Undefined: compacted away. */
  readRecords(afterRevision: number, limit: number): ArrayBuffer | undefined {
    const crc = this.#crcAt(afterRevision);
    if (crc === 'compacted') return undefined;
    const pack = new Packer();
    if (crc === 'end') return pack.finish();
    const read = this.#take(afterRevision, crc, limit, answerBytes, pack);
    return read === 'compacted' ? undefined : pack.finish();
  }

  *replay(afterRevision: number): Generator<ArrayBuffer> {
    let revision = afterRevision;
    let crc = this.#crcAt(afterRevision);
    for (;;) {
      if (crc === 'end') return;
      const pack = new Packer();
      pack.number(revision + 1);
      const read =
        crc === 'compacted' ? crc : this.#take(revision, crc, Infinity, batchBytes, pack);
      if (read === 'compacted') throw compactedAway(revision, this.#dropped() + 1);
      if (read.revision === revision) return;
      yield pack.finish();
      ({ revision, crc } = read);
    }
  }

  /** Packs verified records, and answers where it stopped. */
  #take(
    afterRevision: number,
    afterCrc: number,
    limit: number,
    maxBytes: number,
    pack: Packer,
  ): { readonly revision: number; readonly crc: number } | 'compacted' {
    let revision = afterRevision;
    let crc = afterCrc;
    const rows = Math.min(limit, Number.MAX_SAFE_INTEGER);
    for (const [found, stored, body] of this.#records.each(afterRevision, rows)) {
      revision++;
      if (found !== revision) {
        if (this.#dropped() >= revision) return 'compacted';
        throw damagedRecord(revision, 'missing');
      }
      crc = nextCrc(crc, body);
      if (crc !== stored) throw damagedRecord(revision, 'damaged');
      pack.bytes(body);
      if (pack.sizeBytes >= maxBytes) break;
    }
    return { revision, crc };
  }

  #crcAt(revision: number): number | 'compacted' | 'end' {
    const dropped = this.#dropped();
    if (revision < dropped) return 'compacted';
    if (revision === dropped) return this.#meta.get('dropped_crc')?.[0] ?? 0;
    const [crc] = this.#crc.get(revision) ?? [];
    if (crc !== undefined) return crc;
    const [last] = this.#last.get() ?? [];
    if (last !== undefined && last !== null && last > revision) {
      throw damagedRecord(revision, 'missing');
    }
    return 'end';
  }

  #dropped(): number {
    return this.#meta.get('dropped_revision')?.[0] ?? 0;
  }

  /** For each uid 1 and the specification, or 0. */
  async readSpecs(uids: readonly number[]): Promise<ArrayBuffer> {
    const turns = new Turns();
    const pack = new Packer();
    for (const uid of uids) {
      const spec = this.spec(uid);
      pack.number(spec === undefined ? 0 : 1);
      if (spec !== undefined) pack.bytes(spec);
      await turns.pass();
    }
    return pack.finish();
  }

  spec(uid: number): Uint8Array | undefined {
    const [spec, crc] = this.#spec.get(uid) ?? [];
    if (spec !== undefined && crcOfJob(uid, spec) !== crc) {
      throw new LogError('damaged', `the specification of job ${uid} is damaged: restore a backup`);
    }
    return spec;
  }

  /** Batches of rows: kind, key, revision, body. */
  *loadCheckpoint(kinds: readonly string[]): Generator<ArrayBuffer> {
    const named = new Set(kinds);
    for (const kind of named) yield* this.#loadKind(kind);
    let [kind] = this.#firstKind.get() ?? [];
    while (kind !== undefined && kind !== null) {
      if (!named.has(kind)) yield* this.#loadKind(kind);
      [kind] = this.#nextKind.get(kind) ?? [];
    }
  }

  *#loadKind(kind: string): Generator<ArrayBuffer> {
    for (let last: string | undefined; ;) {
      const before = last;
      const pack = new Packer();
      const rows =
        last === undefined ? this.#firstRows.each(kind) : this.#nextRows.each(kind, last);
      for (const [key, revision, crc, body] of rows) {
        if (crcOfRow(kind, key, revision, body) !== crc) {
          throw new LogError(
            'damaged',
            `checkpoint row ${kind}/${key} is damaged: restore a backup`,
          );
        }
        pack.text(0, kind);
        pack.text(1, key);
        pack.number(revision);
        pack.bytes(body);
        last = key;
        if (pack.sizeBytes >= batchBytes) break;
      }
      if (last === before) return;
      yield pack.finish();
    }
  }
}
