// The part of the contract about checkpoints, which are fuzzy, and about compaction, which never goes beyond one.
import { expect, test } from 'vitest';
import type { Harness } from './contract.ts';
import { append, appendMore, groupAfter, recordsAfter, replayed } from './groups.contract.ts';
import { rowOf, rowsOf, sliceOf } from './groups.contract.ts';

export function checkpointContract(at: Harness): void {
  test('rows are loaded in the order of kinds asked for, others last', async () => {
    await appendMore(at.log, 3, {
      checkpoint: sliceOf({
        rows: [
          rowOf('job', '1', 2),
          rowOf('other', 'x', 3),
          rowOf('tenant', 'b', 1),
          rowOf('tenant', 'a', 3),
        ],
        completeFrom: 3,
      }),
    });
    await at.reopen();
    const rows = await rowsOf(at.log, ['tenant', 'absent', 'job', 'tenant']);
    expect(rows.map((row) => row.kind)).toEqual(['tenant', 'tenant', 'job', 'other']);
    expect(rows.filter((row) => row.key === 'a')).toEqual([rowOf('tenant', 'a', 3)]);
    expect(at.log.head.checkpointRevision).toBe(3);
  });

  test('a checkpoint is complete only with its last slice', async () => {
    await appendMore(at.log, 5, { checkpoint: sliceOf({ rows: [rowOf('tenant', 'a', 5)] }) });
    await at.reopen();
    expect(at.log.head.checkpointRevision).toBe(0);
    await appendMore(at.log, 1, {
      checkpoint: sliceOf({ rows: [rowOf('tenant', 'b', 6)], completeFrom: 5 }),
    });
    expect(at.log.head.checkpointRevision).toBe(5);
    await at.reopen();
    expect(at.log.head.checkpointRevision).toBe(5);
    expect(await rowsOf(at.log)).toHaveLength(2);
  });

  test('a later checkpoint that was cut short has left newer rows, and taken some away', async () => {
    await appendMore(at.log, 2, {
      checkpoint: sliceOf({
        rows: [rowOf('job', '1', 1), rowOf('job', '2', 2), rowOf('job', '3', 2)],
        completeFrom: 2,
      }),
    });
    await appendMore(at.log, 8, {
      checkpoint: sliceOf({
        rows: [rowOf('job', '2', 9), rowOf('job', '4', 10)],
        deleted: [
          { kind: 'job', key: '3' },
          { kind: 'job', key: 'never there' },
        ],
      }),
    });
    await at.reopen();
    expect(at.log.head.checkpointRevision).toBe(2);
    const rows = (await rowsOf(at.log)).toSorted((a, b) => (a.key < b.key ? -1 : 1));
    expect(rows).toEqual([rowOf('job', '1', 1), rowOf('job', '2', 9), rowOf('job', '4', 10)]);
    expect(await replayed(at.log, 2)).toHaveLength(8);
  });

  test('what is taken away and written in one slice stays', async () => {
    await appendMore(at.log, 2, {
      checkpoint: sliceOf({
        rows: [rowOf('job', '1', 2)],
        deleted: [{ kind: 'job', key: '1' }],
      }),
    });
    expect(await rowsOf(at.log)).toEqual([rowOf('job', '1', 2)]);
  });

  test('many rows come all', async () => {
    for (let slice = 0; slice < 4; slice++) {
      const rows = Array.from({ length: 2500 }, (_, index) =>
        rowOf(`kind-${index % 3}`, `${slice}-${index}`, slice + 1),
      );
      await appendMore(at.log, 1, { checkpoint: sliceOf({ rows }) });
    }
    await at.reopen();
    const rows = await rowsOf(at.log, ['kind-2', 'kind-1']);
    expect(rows).toHaveLength(10_000);
    expect(new Set(rows.map((row) => row.key)).size).toBe(10_000);
    const kinds = rows.map((row) => row.kind);
    expect(kinds).toEqual([
      ...kinds.filter((kind) => kind === 'kind-2'),
      ...kinds.filter((kind) => kind === 'kind-1'),
      ...kinds.filter((kind) => kind === 'kind-0'),
    ]);
  });

  test.each([
    ['has a row from further ahead', sliceOf({ rows: [rowOf('job', '1', 4)] })],
    ['begins further ahead', sliceOf({ completeFrom: 4 })],
    ['begins before the last one', sliceOf({ completeFrom: 1 })],
  ])('a slice that %s is refused', async (_, checkpoint) => {
    await appendMore(at.log, 2, { checkpoint: sliceOf({ completeFrom: 2 }) });
    const group = groupAfter(2, 1, { checkpoint });
    await expect(append(at.log, group)).rejects.toMatchObject({ kind: 'refused' });
  });

  test('compaction drops records up to the checkpoint, and no further', async () => {
    await appendMore(at.log, 3000);
    await at.log.compact(100);
    expect(at.log.head.oldestRevision).toBe(1);

    await appendMore(at.log, 0, { checkpoint: sliceOf({ completeFrom: 2500 }) });
    await at.log.compact(2000);
    expect(at.log.head.oldestRevision).toBe(2001);
    await at.log.compact(1000);
    expect(at.log.head.oldestRevision).toBe(2001);
    await at.log.compact(9999);
    expect(at.log.head).toEqual({
      lastRevision: 3000,
      oldestRevision: 2501,
      checkpointRevision: 2500,
    });

    await at.reopen();
    expect(at.log.head.oldestRevision).toBe(2501);
    expect(await recordsAfter(at.log, 2499)).toBeUndefined();
    expect(await recordsAfter(at.log, 0)).toBeUndefined();
    expect(await recordsAfter(at.log, 2500, 1)).toEqual(['record 2501']);
    await expect(replayed(at.log, 2499)).rejects.toMatchObject({ kind: 'compacted' });
    expect(await replayed(at.log, 2500)).toHaveLength(500);
  });

  test('a log may be compacted to nothing and goes on from there', async () => {
    await appendMore(at.log, 7, { checkpoint: sliceOf({ completeFrom: 7 }) });
    await at.log.compact(7);
    await at.reopen();
    expect(at.log.head).toEqual({ lastRevision: 7, oldestRevision: 8, checkpointRevision: 7 });
    expect(await replayed(at.log, 7)).toEqual([]);
    await appendMore(at.log, 2);
    expect(await recordsAfter(at.log, 7)).toEqual(['record 8', 'record 9']);
    await at.reopen();
    expect(await replayed(at.log, 7)).toHaveLength(2);
  });

  test('damage after compaction is still seen at the first record that is left', async () => {
    await appendMore(at.log, 9, { checkpoint: sliceOf({ completeFrom: 5 }) });
    await at.log.compact(5);
    await at.reopenAfter((place) => place.damageRecord(6, 'changed'));
    await expect(replayed(at.log, 5)).rejects.toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining('record 6 '),
    });
  });

  test('appends and reads go on during a compaction', async () => {
    for (let group = 0; group < 5; group++) await appendMore(at.log, 1000);
    await appendMore(at.log, 0, { checkpoint: sliceOf({ completeFrom: 5000 }) });
    const compacted = at.log.compact(4000);
    for (let group = 0; group < 20; group++) await appendMore(at.log, 1);
    expect(await recordsAfter(at.log, 5018)).toEqual(['record 5019', 'record 5020']);
    await compacted;
    expect(at.log.head.oldestRevision).toBe(4001);
  });
}
