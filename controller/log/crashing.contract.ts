// A program that appends to a log until it is killed, and says on its standard output what was acknowledged; and, for the
// test that starts it, what must be true of the log that it leaves behind.
//
//   node crashing.contract.ts DIRECTORY FULL|NORMAL SEED
import { writeSync } from 'node:fs';
import type { AppendGroup, Log } from '#ports/log.ts';
import { append, decode, encode, groupAfter, jobOf, rowOf, rowsOf } from './groups.contract.ts';
import { replayed, sliceOf, specsOf } from './groups.contract.ts';
import { SqliteLog } from './sqlite.ts';

/** Exit code of a program whose append failed, as it should when a disk does. */
export const failedExitCode = 3;

/** What a record says of the group that it came with. */
const bodyOf = (revision: number, first: number, last: number): string =>
  `${revision} of ${first} to ${last} ${'.'.repeat(200)}`;

/** Each record submits a job with its revision as uid, ends the one ten before, and its row in the checkpoint says so. */
function crashGroup(after: number, count: number): AppendGroup {
  const last = after + count;
  const group = groupAfter(after, count);
  const revisions = group.records.map((_, at) => after + 1 + at);
  return {
    ...group,
    records: group.records.map((record, at) => ({
      ...record,
      body: encode(bodyOf(after + 1 + at, after + 1, last)),
    })),
    submitted: revisions.map((uid) => jobOf(uid)),
    ended: revisions
      .filter((revision) => revision > 10)
      .map((revision) => ({ uid: revision - 10, state: 5, endMs: revision, body: encode('end') })),
    checkpoint: sliceOf({
      rows: [rowOf('progress', 'last', last)],
      completeFrom: last % 3 === 0 ? after : undefined,
    }),
  };
}

/** What is wrong with a log after a crash; nothing, when all is well. */
export async function faultsAfterCrash(log: Log, acknowledged: number): Promise<string[]> {
  const { lastRevision, oldestRevision } = log.head;
  if (lastRevision < acknowledged) {
    return [`${acknowledged} was acknowledged, and the log ends with ${lastRevision}`];
  }
  if (lastRevision === 0) return [];
  const faults: string[] = [];
  const note = (what: string, found: unknown, wanted: unknown): void => {
    if (found !== wanted) faults.push(`${what}: ${String(found)} and not ${String(wanted)}`);
  };

  const records = await replayed(log, oldestRevision - 1);
  note('records', records.length, lastRevision - oldestRevision + 1);
  for (const [revision, body] of records) {
    note(`record ${revision}`, body.startsWith(`${revision} of `), true);
  }
  const groupEnd = records.at(-1)?.[1].split(' ')[4] ?? String(lastRevision);
  note('last revision of the last group', groupEnd, String(lastRevision));

  const verdict = await log.verifyAudit();
  note('audit entries', verdict.entries, lastRevision);
  note('bad audit entry', verdict.firstBadRevision, undefined);
  const [row] = await rowsOf(log);
  note('checkpoint row', row?.revision, lastRevision);
  note('checkpoint row says', decode(row?.body), `progress last ${lastRevision}`);

  const uids = records.map(([revision]) => revision);
  for (const [at, spec] of (await specsOf(log, [...uids, lastRevision + 1])).entries()) {
    note(`specification at ${at}`, spec, at < uids.length ? `spec ${uids[at]}` : undefined);
  }
  for (const uid of [lastRevision, lastRevision - 9, lastRevision - 10].filter((id) => id > 0)) {
    const job = await log.getJob('health', `job-${uid}`);
    note(`end of job ${uid}`, job?.ended?.endMs, uid <= lastRevision - 10 ? uid + 10 : undefined);
  }
  return faults;
}

/** At once, so that what is acknowledged is known even if the next instruction is the last; waits for a reader that is busy. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

async function appendForEver(log: Log, seed: number): Promise<never> {
  let chance = seed;
  for (;;) {
    chance = (Math.imul(chance, 1_103_515_245) + 12_345) >>> 1;
    const count = 1 + (chance % (chance % 5 === 0 ? 400 : 20));
    await append(log, crashGroup(log.head.lastRevision, count));
    say(String(log.head.lastRevision));
    // Often under way, so that it is cut short too.
    if (chance % 7 === 0) log.compact(log.head.lastRevision - 2000).catch(() => {});
  }
}

if (import.meta.main) {
  const [directory = '', synchronous, seed = '1'] = process.argv.slice(2);
  try {
    const log = await SqliteLog.open(directory, {
      synchronous: synchronous === 'NORMAL' ? 'NORMAL' : 'FULL',
    });
    await appendForEver(log, Number(seed));
  } catch (error) {
    say(`failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(failedExitCode);
  }
}
