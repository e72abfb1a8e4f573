// What a watch was shown against what the log says: every event, once, in order. A response is not decoded, so that one process can
// hear a million of them; it is cut into its events, and their bytes are compared with what the log's records make of themselves.
import { createHash } from 'node:crypto';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { Record as LogRecord } from '#gen/isobar/log/v1/record.ts';
import { SqliteLog } from '#log/sqlite.ts';
import { EventCache } from '#server/services/event-cache.ts';

/** A WatchEventsResponse as it came. */
export interface Heard {
  /** Resume after this one. */
  readonly revision: number;
  readonly events: number;
  /** Of the bytes of its events. */
  readonly digest: string;
}

const REVISION = 1;
const EVENTS = 2;

/** With the revision of each of its events, in order. */
export function hear(bytes: Uint8Array): {
  readonly response: Heard;
  readonly revisions: readonly number[];
} {
  const reader = new BinaryReader(bytes);
  const hash = createHash('sha1');
  let revision = 0;
  const revisions: number[] = [];
  while (reader.pos < reader.len) {
    const from = reader.pos;
    const [field] = reader.tag();
    if (field === REVISION) revision = Number(reader.uint64());
    else if (field === EVENTS) {
      const end = reader.uint32() + reader.pos;
      // The revision is the first field of every event.
      reader.tag();
      revisions.push(Number(reader.uint64()));
      reader.pos = end;
      hash.update(bytes.subarray(from, end));
    } else throw new Error(`a response has a field ${field}`);
  }
  const response = { revision, events: revisions.length, digest: hash.digest('base64') };
  return { response, revisions };
}

export interface Told {
  readonly revision: number;
  readonly jobSet: string;
  readonly bytes: Uint8Array;
}

/** All that the log of a controller that has stopped tells of jobs and runs, in order. */
export async function eventsInLog(directory: string): Promise<readonly Told[]> {
  const log = await SqliteLog.open(directory);
  const cache = new EventCache();
  const told: Told[] = [];
  await log.replay(0, (_, bodies) => {
    for (const body of bodies) {
      const record = LogRecord.decode(body);
      for (const { tenant, jobSet, bytes } of cache.piecesOf(record).all) {
        if (tenant !== '') told.push({ revision: record.revision, jobSet, bytes });
      }
    }
  });
  await log.close();
  return told;
}

/** What is wrong with what a watch heard after a revision, up to another one; undefined: nothing. */
export function firstGap(
  heard: readonly Heard[],
  told: readonly Told[],
  after: number,
  until: number,
): string | undefined {
  let at = told.findIndex(({ revision }) => revision > after);
  if (at < 0) at = told.length;
  let position = after;
  for (const { revision, events, digest } of heard) {
    if (revision < position) return `revision ${revision} came after ${position}`;
    const hash = createHash('sha1');
    let expected = 0;
    for (let next = told[at]; next !== undefined && next.revision <= revision; next = told[++at]) {
      hash.update(next.bytes);
      expected++;
    }
    const where = `in the revisions ${position + 1} to ${revision}`;
    if (events !== expected) return `${events} of ${expected} events were shown ${where}`;
    if (digest !== hash.digest('base64')) return `other events than the log's were shown ${where}`;
    position = revision;
  }
  return position < until ? `the watch is at ${position}, and not yet at ${until}` : undefined;
}
