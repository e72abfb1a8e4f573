// What every adapter of the log must do, as one suite. An adapter's test hands it a place where logs lie and how to harm it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditHeader, Log } from '#ports/log.ts';
import { auditContract } from './audit.contract.ts';
import { checkpointContract } from './checkpoint.contract.ts';
import {
  append,
  appendMore,
  groupAfter,
  jobOf,
  recordsAfter,
  replayed,
} from './groups.contract.ts';
import { rowOf, rowsOf, sliceOf, specsOf, uidsOf } from './groups.contract.ts';
import { jobsContract } from './jobs.contract.ts';

/** A place that keeps what a log made durable between two openings. */
export interface LogPlace {
  open(): Promise<Log>;
  /** Harms a record while nothing is open. */
  damageRecord(revision: number, how: 'changed' | 'missing'): Promise<void>;
  /** Changes an audit entry while nothing is open. */
  tamperAudit(revision: number, change: Partial<AuditHeader>): Promise<void>;
  /** A name for a backup that does not exist. */
  backupName(): string;
  /** A new place made from a backup of this one. */
  restore(backup: string): Promise<LogPlace>;
  remove(): Promise<void>;
}

/** What a group of contract tests works with: the log of the moment, reopened at will. */
export interface Harness {
  readonly log: Log;
  readonly place: LogPlace;
  reopen(): Promise<Log>;
  /** Closes, harms the place, and opens. */
  reopenAfter(harm: (place: LogPlace) => Promise<void>): Promise<Log>;
}

export function logContract(name: string, makePlace: () => Promise<LogPlace>): void {
  describe(`${name} keeps the contract of the log`, () => {
    let place: LogPlace;
    let log: Log;
    const harness: Harness = {
      get log() {
        return log;
      },
      get place() {
        return place;
      },
      reopen: () => harness.reopenAfter(async () => {}),
      async reopenAfter(harm) {
        await log.close();
        await harm(place);
        log = await place.open();
        return log;
      },
    };

    beforeEach(async () => {
      place = await makePlace();
      log = await place.open();
    });
    afterEach(async () => {
      await log.close();
      await place.remove();
    });

    describe('records', () => {
      recordsContract(harness);
    });
    describe('jobs', () => {
      jobsContract(harness);
    });
    describe('audit', () => {
      auditContract(harness);
    });
    describe('checkpoint and compaction', () => {
      checkpointContract(harness);
    });
    describe('backup', () => {
      backupContract(harness);
    });
  });
}

function recordsContract(at: Harness): void {
  test('a new log is empty', async () => {
    expect(at.log.head).toEqual({ lastRevision: 0, oldestRevision: 1, checkpointRevision: 0 });
    expect(await replayed(at.log, 0)).toEqual([]);
    expect(await recordsAfter(at.log, 0)).toEqual([]);
    expect(await rowsOf(at.log)).toEqual([]);
    expect(await uidsOf(at.log)).toEqual([]);
  });

  test('appends follow each other, and reopening gives the same', async () => {
    await appendMore(at.log, 3);
    await appendMore(at.log, 1);
    const before = await replayed(at.log, 0);
    expect(before.map(([revision]) => revision)).toEqual([1, 2, 3, 4]);
    expect(at.log.head.lastRevision).toBe(4);
    await at.reopen();
    expect(at.log.head).toEqual({ lastRevision: 4, oldestRevision: 1, checkpointRevision: 0 });
    expect(await replayed(at.log, 0)).toEqual(before);
    await appendMore(at.log, 1);
    expect(await replayed(at.log, 3)).toEqual([
      [4, 'record 4'],
      [5, 'record 5'],
    ]);
  });

  test('many records come in order and whole', async () => {
    for (let group = 0; group < 5; group++) await appendMore(at.log, 1000);
    await at.reopen();
    const found = await replayed(at.log, 1);
    expect(found).toHaveLength(4999);
    for (const [index, [revision, body]] of found.entries()) {
      expect([revision, body]).toEqual([index + 2, `record ${index + 2}`]);
    }
  });

  test('bodies may be empty or large', async () => {
    const large = Buffer.alloc(3_000_000, 'abc');
    const { audit } = groupAfter(0, 1).records[0] ?? {};
    if (audit === undefined) throw new Error('groupAfter() made no record');
    await append(at.log, {
      ...groupAfter(0, 0),
      records: [
        { body: new Uint8Array(0), audit },
        { body: large, audit },
      ],
    });
    await at.reopen();
    expect(await replayed(at.log, 0)).toEqual([
      [1, ''],
      [2, large.toString()],
    ]);
  });

  test.each([
    ['repeats the last revision', 2],
    ['leaves one out', 4],
    ['begins at 0', 0],
  ])('a group that %s is refused, and everything after it', async (_, firstRevision) => {
    await appendMore(at.log, 2);
    const wrong = { ...groupAfter(2, 1), firstRevision };
    await expect(append(at.log, wrong)).rejects.toMatchObject({ kind: 'refused' });
    await expect(append(at.log, groupAfter(2, 1))).rejects.toMatchObject({ kind: 'refused' });
    await at.reopen();
    expect(at.log.head.lastRevision).toBe(2);
    await appendMore(at.log, 1);
  });

  test('a group is all or nothing', async () => {
    await appendMore(at.log, 1, { submitted: [jobOf(1)] });
    const half = groupAfter(1, 2, {
      submitted: [jobOf(2), jobOf(1)],
      ended: [{ uid: 1, state: 5, endMs: 9, body: new Uint8Array(1) }],
      checkpoint: sliceOf({ rows: [rowOf('tenant', 'health', 1)], completeFrom: 1 }),
    });
    await expect(append(at.log, half)).rejects.toMatchObject({ kind: 'refused' });
    await at.reopen();
    expect(at.log.head).toEqual({ lastRevision: 1, oldestRevision: 1, checkpointRevision: 0 });
    expect(await replayed(at.log, 0)).toHaveLength(1);
    expect(await uidsOf(at.log)).toEqual([1]);
    expect((await at.log.getJob('health', 'job-1'))?.ended).toBeUndefined();
    expect(await rowsOf(at.log)).toEqual([]);
    expect((await at.log.verifyAudit()).entries).toBe(1);
  });

  test('a second append while one is under way is a mistake of the caller', async () => {
    const first = append(at.log, groupAfter(0, 1));
    expect(() => at.log.append(groupAfter(1, 1), () => {})).toThrow('under way');
    await first;
    await appendMore(at.log, 1);
  });

  test('a group without records may carry the rest', async () => {
    await appendMore(at.log, 1, { submitted: [jobOf(1)] });
    await appendMore(at.log, 0, { checkpoint: sliceOf({ completeFrom: 1 }) });
    expect(at.log.head).toEqual({ lastRevision: 1, oldestRevision: 1, checkpointRevision: 1 });
    await appendMore(at.log, 1);
    expect(await replayed(at.log, 0)).toHaveLength(2);
  });

  test('records are read in pages', async () => {
    await appendMore(at.log, 5);
    expect(await recordsAfter(at.log, 0, 2)).toEqual(['record 1', 'record 2']);
    expect(await recordsAfter(at.log, 3, 2)).toEqual(['record 4', 'record 5']);
    expect(await recordsAfter(at.log, 4, 2)).toEqual(['record 5']);
    expect(await recordsAfter(at.log, 5, 2)).toEqual([]);
    expect(await recordsAfter(at.log, 9, 2)).toEqual([]);
  });

  test('specifications are read in the order asked', async () => {
    await appendMore(at.log, 1, { submitted: [jobOf(7), jobOf(8), jobOf(9)] });
    expect(await specsOf(at.log, [])).toEqual([]);
    expect(await specsOf(at.log, [9, 5, 7, 9])).toEqual(['spec 9', undefined, 'spec 7', 'spec 9']);
  });

  test.each(['changed', 'missing'] as const)(
    'a record that is %s stops a replay, is named, and is not served',
    async (how) => {
      await appendMore(at.log, 20);
      await at.reopenAfter((place) => place.damageRecord(7, how));
      await expect(replayed(at.log, 0)).rejects.toMatchObject({
        kind: 'damaged',
        message: expect.stringContaining('record 7 '),
      });
      await expect(recordsAfter(at.log, 3)).rejects.toMatchObject({ kind: 'damaged' });
      expect(await recordsAfter(at.log, 3, 3)).toEqual(['record 4', 'record 5', 'record 6']);
    },
  );

  test('closing twice is harmless, and a closed log says so', async () => {
    await appendMore(at.log, 1);
    const under = append(at.log, groupAfter(1, 1));
    await at.log.close();
    await under;
    await at.log.close();
    await expect(append(at.log, groupAfter(2, 1))).rejects.toMatchObject({ kind: 'closed' });
    await expect(at.log.listJobs({} as never)).rejects.toMatchObject({ kind: 'closed' });
    await expect(recordsAfter(at.log, 0)).rejects.toMatchObject({ kind: 'closed' });
    await expect(at.log.compact(1)).rejects.toMatchObject({ kind: 'closed' });
    await at.reopen();
    expect(at.log.head.lastRevision).toBe(2);
  });
}

function backupContract(at: Harness): void {
  test('a backup opens elsewhere with everything, and the original goes on', async () => {
    await appendMore(at.log, 10, {
      submitted: [jobOf(1), jobOf(2)],
      ended: [{ uid: 1, state: 5, endMs: 9, body: new Uint8Array([1, 2]) }],
      checkpoint: sliceOf({ rows: [rowOf('tenant', 'health', 4)], completeFrom: 4 }),
    });
    await at.log.compact(3);
    const file = at.place.backupName();
    const [revision] = await Promise.all([at.log.backup(file), appendMore(at.log, 5)]);
    expect([10, 15]).toContain(revision);
    await appendMore(at.log, 1);

    const restored = await at.place.restore(file);
    const copy = await restored.open();
    try {
      expect(copy.head).toEqual({
        lastRevision: revision,
        oldestRevision: 4,
        checkpointRevision: 4,
      });
      expect(await replayed(copy, 4)).toHaveLength(revision - 4);
      expect(await rowsOf(copy)).toEqual(await rowsOf(at.log));
      expect(await specsOf(copy, [1, 2])).toEqual(['spec 1', 'spec 2']);
      expect(await copy.getJob('health', 'job-1')).toEqual(await at.log.getJob('health', 'job-1'));
      expect(await copy.verifyAudit()).toEqual({ entries: revision, firstBadRevision: undefined });
      await appendMore(copy, 1);
    } finally {
      await copy.close();
      await restored.remove();
    }
  });

  test('a backup never overwrites', async () => {
    await appendMore(at.log, 1);
    const file = at.place.backupName();
    expect(await at.log.backup(file)).toBe(1);
    await expect(at.log.backup(file)).rejects.toMatchObject({ kind: 'exists' });
  });

  test('a backup of a damaged log is not restored', async () => {
    await appendMore(at.log, 9);
    await at.reopenAfter((place) => place.damageRecord(5, 'changed'));
    const file = at.place.backupName();
    await at.log.backup(file);
    await expect(at.place.restore(file)).rejects.toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining('record 5 '),
    });
  });

  test('a backup that is not there is named', async () => {
    const file = at.place.backupName();
    await expect(at.place.restore(file)).rejects.toMatchObject({ kind: 'missing' });
  });
}
