// The thread that makes a backup: it reads one snapshot from beginning to end, while appends go on.
import { parentPort, workerData } from 'node:worker_threads';
import { openForReading, Query, toLogError } from './database.ts';
import { syncPath } from './directory.ts';
import { LogError } from './errors.ts';
import { serve } from './remote.ts';

export interface CopierData {
  readonly file: string;
}

export interface CopierApi {
  /** Into a file that is empty or not there; durable when answered. Answers the last revision in it. */
  copy(target: string): number;
}

if (parentPort === null) throw new Error('this file runs in a worker thread');
const { file } = workerData as CopierData;

serve(
  parentPort,
  {
    copy: (target: string) => {
      const database = openForReading(file);
      try {
        database.prepare('VACUUM INTO ?').run(target);
      } finally {
        database.close();
      }
      syncPath(target);
      return lastRevisionOf(target);
    },
  } satisfies CopierApi,
  (error) => toLogError(error, 'writing the backup'),
);

function lastRevisionOf(target: string): number {
  const copy = openForReading(target);
  try {
    // The audit, not the records: compaction may have left none of these.
    const [revision] =
      new Query<[number | null]>(copy, 'SELECT max(revision) FROM audit').get() ?? [];
    if (revision === undefined) throw new LogError('damaged', `${target} cannot be read back`);
    return revision ?? 0;
  } finally {
    copy.close();
  }
}
