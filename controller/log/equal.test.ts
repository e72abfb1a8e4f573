// Both adapters, given the same random story, answer the same.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AppendGroup, Log } from '#ports/log.ts';
import { append, encode, groupAfter, jobOf, queryOf, recordsAfter } from './groups.contract.ts';
import { replayed, rowOf, rowsOf, sliceOf, specsOf } from './groups.contract.ts';
import { MemoryDisk } from './memory-disk.ts';
import { MemoryLog } from './memory.ts';
import { SqliteLog } from './sqlite.ts';

/** Numbers are taken modulo what there is when a step runs, so that every story makes sense. */
type Step =
  | { readonly do: 'append'; readonly records: number; readonly picks: readonly number[] }
  | { readonly do: 'checkpoint'; readonly picks: readonly number[]; readonly complete: boolean }
  | { readonly do: 'reopen' }
  | { readonly do: 'compact'; readonly through: number }
  | { readonly do: 'expire'; readonly before: number };

const picks = fc.array(fc.nat(999), { maxLength: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), records: fc.nat(4), picks }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('checkpoint' as const), picks, complete: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('compact' as const), through: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expire' as const), before: fc.nat(60) }) },
);

/** Just below the border of a segment. */
const firstUid = 8180;
const tenants = ['health', 'energy', 'größe'];
const users = ['ana', 'ben', 'controller'];

/** The group that a step appends; uids go up by more than one, over the borders of segments. */
function groupOf(last: Step, head: Log['head'], nextUid: number): AppendGroup {
  const { lastRevision, checkpointRevision } = head;
  if (last.do === 'checkpoint') {
    const through = lastRevision;
    const keys = last.picks.map((pick) => `key-${pick % 7}`);
    return groupAfter(lastRevision, 0, {
      checkpoint: sliceOf({
        rows: keys.slice(1).map((key, at) => rowOf(at % 2 === 0 ? 'job' : 'tenant', key, through)),
        deleted: keys.slice(0, 1).map((key) => ({ kind: 'job', key })),
        completeFrom: last.complete
          ? Math.max(checkpointRevision, through - keys.length)
          : undefined,
      }),
    });
  }
  if (last.do !== 'append') throw new Error(`${last.do} appends nothing`);
  const group = groupAfter(lastRevision, last.records, {
    submitted: last.picks.slice(0, 4).map((pick, at) =>
      jobOf(nextUid + at, {
        tenant: tenants[pick % 3] ?? '',
        job: `job-${pick % 5}`,
        user: users[pick % 2] ?? '',
        jobSet: pick % 4 === 0 ? 'night' : '',
        labels: pick % 3 === 0 ? 'a=1\nb=2' : 'b=2',
      }),
    ),
    ended: last.picks.slice(4).map((pick) => ({
      uid: firstUid + (pick % 40),
      state: 5,
      endMs: pick % 50,
      body: encode(`end ${pick}`),
    })),
  });
  const records = group.records.map((record, at) => ({
    ...record,
    audit: {
      ...record.audit,
      tenant: tenants[(lastRevision + at) % 3] ?? '',
      actor: users[(lastRevision + at * 2) % 3] ?? '',
    },
  }));
  return { ...group, records };
}

/** Everything that can be asked. */
async function answers(log: Log): Promise<unknown> {
  const { head } = log;
  const uids = (await log.listJobs(queryOf({ limit: 10_000 }))).map((job) => job.uid);
  const byKey = <T extends { kind: string; key: string }>(a: T, b: T): number =>
    `${a.kind} ${a.key}` < `${b.kind} ${b.key}` ? -1 : 1;
  return {
    head,
    records: await replayed(log, head.oldestRevision - 1),
    page: await recordsAfter(log, head.oldestRevision + 1, 3),
    compacted: await recordsAfter(log, head.oldestRevision - 2),
    rows: (await rowsOf(log, ['tenant'])).toSorted(byKey),
    specs: await specsOf(log, [0, ...uids, 7]),
    all: await log.listJobs(queryOf({ limit: 10_000, withSpec: true })),
    byTenant: await log.listJobs(queryOf({ tenants: ['health', 'größe'], limit: 3 })),
    byUser: await log.listJobs(queryOf({ user: 'ana', beforeUid: uids[1] ?? 0 })),
    bySet: await log.listJobs(queryOf({ jobSet: 'night', labels: ['a=1'] })),
    named: await Promise.all(tenants.map((tenant) => log.getJob(tenant, 'job-1'))),
    audit: await log.listAudit({
      tenants: ['energy', 'health'],
      peopleOnly: true,
      beforeRevision: 0,
      limit: 5,
    }),
    people: await log.listAudit({
      tenants: undefined,
      peopleOnly: true,
      beforeRevision: head.lastRevision,
      limit: 5,
    }),
    verdict: await log.verifyAudit(),
  };
}

/** Bytes as text, which is compared and shown sooner. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, field: unknown) =>
      ArrayBuffer.isView(field) ? Buffer.from(field as Uint8Array).toString('hex') : field,
    ),
  );
}

test('a random story gives equal answers', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (story) => {
      const directory = mkdtempSync(join(tmpdir(), 'isobar-equal-'));
      const disk = new MemoryDisk();
      let memory: Log = new MemoryLog({ disk });
      let sqlite: Log = await SqliteLog.open(directory);
      try {
        let nextUid = firstUid;
        const expired: Record<'memory' | 'sqlite', number[]> = { memory: [], sqlite: [] };
        for (const now of story) {
          if (now.do === 'reopen') {
            await Promise.all([memory.close(), sqlite.close()]);
            memory = new MemoryLog({ disk });
            sqlite = await SqliteLog.open(directory);
          } else if (now.do === 'compact') {
            await Promise.all([memory.compact(now.through), sqlite.compact(now.through)]);
          } else if (now.do === 'expire') {
            expired.memory.push(await memory.expireArchive(now.before));
            expired.sqlite.push(await sqlite.expireArchive(now.before));
          } else {
            const group = groupOf(now, memory.head, nextUid);
            nextUid += group.submitted.length * 3;
            await Promise.all([append(memory, group), append(sqlite, group)]);
          }
          expect(sqlite.head).toEqual(memory.head);
        }
        expect(expired.sqlite).toEqual(expired.memory);
        expect(plain(await answers(sqlite))).toEqual(plain(await answers(memory)));
      } finally {
        await Promise.all([memory.close(), sqlite.close()]);
        rmSync(directory, { recursive: true, force: true });
      }
    }),
    { numRuns: 25 },
  );
});
