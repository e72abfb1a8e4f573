// The part of the contract about the audit: exactly one entry a record, listed, and seen when somebody changes one.
import { expect, test } from 'vitest';
import type { AuditHeader, AuditQuery } from '#ports/log.ts';
import { firstHash, nextHash } from './chain.ts';
import type { Harness } from './contract.ts';
import { append, appendMore, encode, groupAfter, sliceOf, within } from './groups.contract.ts';

const query = (more: Partial<AuditQuery> = {}): AuditQuery => ({
  tenants: undefined,
  peopleOnly: false,
  beforeRevision: 0,
  limit: 100,
  ...more,
});

const header = (more: Partial<AuditHeader>): AuditHeader => ({
  timeMs: 1_800_000_000_000,
  actor: 'controller',
  method: 'scheduler/place',
  requestId: '',
  tenant: '',
  resource: '',
  eventCount: 2,
  ...more,
});

/** Revisions 1 to 6. */
const headers = [
  header({ actor: 'ana', tenant: 'health', method: 'SubmitJobs' }),
  header({ tenant: 'health' }),
  header({ actor: 'ben', tenant: 'energy' }),
  header({}),
  header({ tenant: 'energy' }),
  header({ actor: 'ana "the\n admin" é', tenant: 'health', resource: 'x' }),
];

const lists: readonly [what: string, query: Partial<AuditQuery>, revisions: readonly number[]][] = [
  ['everything, newest first', {}, [6, 5, 4, 3, 2, 1]],
  ['a tenant', { tenants: ['health'] }, [6, 2, 1]],
  ['several tenants', { tenants: ['health', 'energy'] }, [6, 5, 3, 2, 1]],
  ['the federation', { tenants: [''] }, [4]],
  ['no tenant', { tenants: [] }, []],
  ['people only', { peopleOnly: true }, [6, 3, 1]],
  ['people of a tenant', { tenants: ['energy'], peopleOnly: true }, [3]],
  ['a page', { limit: 2, beforeRevision: 5 }, [4, 3]],
  ['a page of people', { limit: 1, beforeRevision: 6, peopleOnly: true }, [3]],
  ['a page of tenants', { tenants: ['health', 'energy'], limit: 2, beforeRevision: 6 }, [5, 3]],
];

export function auditContract(at: Harness): void {
  const fill = (): Promise<void> =>
    append(at.log, {
      ...groupAfter(0, 0),
      records: headers.map((audit) => ({ body: encode('x'), audit })),
    });

  test('entries are selected, ordered and paged', async () => {
    await fill();
    await at.reopen();
    for (const [what, more, revisions] of lists) {
      const rows = await within('listAudit', at.log.listAudit(query(more)));
      const found = rows.map((row) => row.revision);
      expect({ what, found }).toEqual({ what, found: revisions });
    }
  });

  test('entries say what was appended, with a chain that anybody can compute', async () => {
    await fill();
    await at.reopen();
    const rows = await at.log.listAudit(query());
    let hash = firstHash;
    for (const [index, audit] of headers.entries()) {
      hash = nextHash(hash, index + 1, audit);
      expect(rows[headers.length - 1 - index]).toEqual({
        ...audit,
        revision: index + 1,
        hash: expect.objectContaining({ length: 32 }),
      });
      expect(Buffer.from(rows[headers.length - 1 - index]?.hash ?? []).toString('hex')).toBe(hash);
    }
  });

  test('the chain goes on over groups, reopening and compaction', async () => {
    await appendMore(at.log, 10);
    await at.reopen();
    await appendMore(at.log, 10, { checkpoint: sliceOf({ completeFrom: 20 }) });
    await at.log.compact(20);
    await at.reopen();
    await appendMore(at.log, 1);
    expect(await at.log.verifyAudit()).toEqual({ entries: 21, firstBadRevision: undefined });
    expect(await at.log.listAudit(query({ limit: 5, beforeRevision: 4 }))).toHaveLength(3);
  });

  test('an empty audit is in order', async () => {
    expect(await at.log.verifyAudit()).toEqual({ entries: 0, firstBadRevision: undefined });
  });

  const changes: readonly Partial<AuditHeader>[] = [
    { timeMs: 1 },
    { actor: 'somebody else' },
    { method: 'DeleteTenant' },
    { requestId: 'other' },
    { tenant: 'energy' },
    { resource: '' },
    { eventCount: 7 },
  ];
  test('tampering with any field is seen and named', async () => {
    const group = groupAfter(0, 9);
    await append(at.log, group);
    for (const change of changes) {
      await at.reopenAfter(async (place) => {
        await place.tamperAudit(4, group.records[3]?.audit ?? {});
        await place.tamperAudit(4, change);
      });
      const verdict = await at.log.verifyAudit();
      expect({ change, ...verdict }).toEqual({ change, entries: 9, firstBadRevision: 4 });
    }
    await at.reopenAfter((place) => place.tamperAudit(4, group.records[3]?.audit ?? {}));
    expect((await at.log.verifyAudit()).firstBadRevision).toBeUndefined();
  });
}
