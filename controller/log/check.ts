// What no adapter takes, whatever it stores in: mistakes of the caller that would make a log which cannot be replayed.
import type { AppendGroup, LogHead } from '#ports/log.ts';
import { LogError } from './errors.ts';

export function checkGroup(head: LogHead, group: AppendGroup): LogError | undefined {
  const { lastRevision, checkpointRevision } = head;
  if (group.firstRevision !== lastRevision + 1) {
    return new LogError(
      'refused',
      `a group from revision ${group.firstRevision} does not follow ${lastRevision}: append from ${lastRevision + 1}`,
    );
  }
  if (group.checkpoint === undefined) return undefined;
  const through = lastRevision + group.records.length;
  for (const { kind, key, revision } of group.checkpoint.rows) {
    if (revision > through) {
      return new LogError(
        'refused',
        `checkpoint row ${kind}/${key} is as of ${revision}, ahead of ${through}: write it with a later group`,
      );
    }
  }
  const from = group.checkpoint.completeFrom;
  if (from !== undefined && (from > through || from < checkpointRevision)) {
    return new LogError(
      'refused',
      `a checkpoint from revision ${from} is not between ${checkpointRevision} and ${through}`,
    );
  }
  return undefined;
}

export function duplicateJob(uid: number, cause?: unknown): LogError {
  return new LogError('refused', `job ${uid} is stored already: a uid names one job for ever`, {
    cause,
  });
}
