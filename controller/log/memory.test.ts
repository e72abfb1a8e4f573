import { expect, test } from 'vitest';
import { logContract } from './contract.ts';
import type { LogPlace } from './contract.ts';
import { append, appendMore, groupAfter, jobOf, replayed, uidsOf } from './groups.contract.ts';
import { MemoryDisk } from './memory-disk.ts';
import { MemoryLog, restoreMemoryBackup } from './memory.ts';

export function memoryPlace(disk = new MemoryDisk()): LogPlace {
  let backups = 0;
  return {
    open: async () => new MemoryLog({ disk }),
    damageRecord: async (revision, how) => disk.damageRecord(revision, how),
    tamperAudit: async (revision, change) => disk.tamperAudit(revision, change),
    backupName: () => `backup-${++backups}`,
    restore: async (backup) => memoryPlace(restoreMemoryBackup(disk, backup)),
    remove: async () => {},
  };
}

logContract('MemoryLog', async () => memoryPlace());

test('the scheduler decides when an append is durable and when it returns', async () => {
  const calls: (() => void)[] = [];
  const log = new MemoryLog({ schedule: (call) => calls.push(call) });
  const answers: (Error | undefined)[] = [];
  log.append(groupAfter(0, 2), (error) => answers.push(error));
  expect(answers).toEqual([]);
  expect(log.head.lastRevision).toBe(0);
  calls.shift()?.();
  expect(answers).toEqual([undefined]);
  expect(log.head.lastRevision).toBe(2);
});

test.each([
  ['lost', 1],
  ['durable', 3],
] as const)('a crash leaves an append under way %s', async (underWay, lastRevision) => {
  const calls: (() => void)[] = [];
  let log = new MemoryLog();
  await append(log, groupAfter(0, 1, { submitted: [jobOf(1)] }));
  log = new MemoryLog({ disk: log.disk, schedule: (call) => calls.push(call) });
  let answered = false;
  log.append(groupAfter(1, 2, { submitted: [jobOf(2)] }), () => (answered = true));
  const after = new MemoryLog({ disk: log.crash(underWay) });
  for (const call of calls) call();
  expect(answered).toBe(false);
  expect(after.head.lastRevision).toBe(lastRevision);
  expect(await replayed(after, 0)).toHaveLength(lastRevision);
  expect(await uidsOf(after)).toEqual(underWay === 'lost' ? [1] : [2, 1]);
});

test.each([
  ['before', 1],
  ['after', 2],
] as const)('a write may fail %s it is durable, and that is final', async (when, lastRevision) => {
  const log = new MemoryLog();
  await appendMore(log, 1);
  log.failNextAppend(when, new Error('EIO'));
  await expect(append(log, groupAfter(1, 1))).rejects.toThrow('EIO');
  await expect(append(log, groupAfter(1, 1))).rejects.toThrow('EIO');
  await expect(append(log, groupAfter(2, 1))).rejects.toThrow('EIO');
  await expect(log.compact(1)).rejects.toThrow('EIO');
  expect(new MemoryLog({ disk: log.disk }).head.lastRevision).toBe(lastRevision);
});

test('a full disk stays full until somebody makes room', async () => {
  let log = new MemoryLog();
  await appendMore(log, 1);
  log.disk.full = true;
  await expect(append(log, groupAfter(1, 1))).rejects.toMatchObject({ kind: 'failed' });
  log = new MemoryLog({ disk: log.disk });
  await expect(append(log, groupAfter(1, 1))).rejects.toMatchObject({ kind: 'failed' });
  log.disk.full = false;
  await expect(append(log, groupAfter(1, 1))).rejects.toMatchObject({ kind: 'failed' });
  log = new MemoryLog({ disk: log.disk });
  await appendMore(log, 1);
  expect(log.head.lastRevision).toBe(2);
});
