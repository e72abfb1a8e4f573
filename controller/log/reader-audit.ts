// Lists of the audit, and the proof that nobody changed it.
import type { DatabaseSync } from 'node:sqlite';
import type { AuditQuery, AuditRow, AuditVerdict } from '#ports/log.ts';
import { firstHash, nextHash } from './chain.ts';
import { hashOf, keyOf, Query } from './database.ts';
import { Turns, walkDown } from './walk.ts';

type AuditTuple = [
  revision: number,
  timeMs: number,
  actor: string,
  method: string,
  requestId: string,
  tenant: string,
  resource: string,
  eventCount: number,
  hash: Uint8Array,
];

const columns = 'revision, time_ms, actor, method, request_id, tenant, resource, event_count, hash';

const accessPaths = {
  tenants: ['INDEXED BY audit_by_tenant', 'tenant_key IN (SELECT value FROM json_each($keys))'],
  people: ['INDEXED BY audit_of_people', "actor <> 'controller' AND $keys IS NOT NULL"],
  all: ['NOT INDEXED', '$keys IS NOT NULL'],
} as const;

function listSql(path: keyof typeof accessPaths): string {
  const [index, condition] = accessPaths[path];
  return `SELECT ${columns} FROM audit ${index}
    WHERE revision >= $first AND revision < $before AND ${condition}
      AND ($tenants IS NULL OR tenant IN (SELECT value FROM json_each($tenants)))
      AND ($peopleOnly = 0 OR actor <> 'controller')
    ORDER BY revision DESC LIMIT $limit`;
}

/** Entries hashed in one statement: a few milliseconds. */
const verifyRows = 4096;

export class AuditReader {
  readonly #lists: Readonly<Record<keyof typeof accessPaths, Query<AuditTuple>>>;
  readonly #newest: Query<[number | null]>;
  readonly #newestOfPeople: Query<[number | null]>;
  readonly #forward: Query<AuditTuple>;

  constructor(database: DatabaseSync) {
    this.#lists = {
      tenants: new Query(database, listSql('tenants')),
      people: new Query(database, listSql('people')),
      all: new Query(database, listSql('all')),
    };
    this.#newest = new Query(database, 'SELECT max(revision) FROM audit WHERE revision < ?');
    this.#newestOfPeople = new Query(
      database,
      "SELECT max(revision) FROM audit WHERE actor <> 'controller' AND revision < ?",
    );
    this.#forward = new Query(
      database,
      `SELECT ${columns} FROM audit WHERE revision > ? ORDER BY revision LIMIT ?`,
    );
  }

  async listAudit(query: AuditQuery): Promise<AuditRow[]> {
    if (query.tenants?.length === 0) return [];
    const path = query.tenants !== undefined ? 'tenants' : query.peopleOnly ? 'people' : 'all';
    const newest = query.peopleOnly ? this.#newestOfPeople : this.#newest;
    const hashes = [...new Set(query.tenants)].map((tenant) => hashOf(tenant));
    const parameters = {
      $tenants: query.tenants === undefined ? null : JSON.stringify(query.tenants),
      $peopleOnly: query.peopleOnly ? 1 : 0,
    };
    const found = await walkDown(
      { before: query.beforeRevision, limit: query.limit, window: query.limit * 2 },
      (before) => newest.get(before)?.[0],
      (first, before, limit) =>
        this.#lists[path].all({
          ...parameters,
          $first: first,
          $before: before,
          $limit: limit,
          $keys: JSON.stringify(hashes.map((hash) => keyOf(first, hash))),
        }),
    );
    return found.map(toRow);
  }

  async verifyAudit(): Promise<AuditVerdict> {
    const turns = new Turns();
    let previous = firstHash;
    let entries = 0;
    let firstBadRevision: number | undefined;
    for (let after = 0; ;) {
      const rows = this.#forward.all(after, verifyRows);
      for (const row of rows) {
        const { revision, hash, ...header } = toRow(row);
        const stored = Buffer.from(hash).toString('hex');
        if (firstBadRevision === undefined) {
          if (revision !== entries + 1) firstBadRevision = entries + 1;
          else if (nextHash(previous, revision, header) !== stored) firstBadRevision = revision;
        }
        previous = stored;
        entries++;
        after = revision;
      }
      if (rows.length < verifyRows) return { entries, firstBadRevision };
      await turns.pass();
    }
  }
}

function toRow(row: AuditTuple): AuditRow {
  const [revision, timeMs, actor, method, requestId, tenant, resource, eventCount, hash] = row;
  return { revision, timeMs, actor, method, requestId, tenant, resource, eventCount, hash };
}
