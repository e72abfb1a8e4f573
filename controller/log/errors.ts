// What can be wrong with a log. Whoever starts a process reads `message`, which says what to do; code reads `kind`.

export type LogErrorKind =
  /** Another process holds the directory. */
  | 'locked'
  /** The directory or its files cannot be written. */
  | 'not-writable'
  /** A file system on which locks and fsync cannot be trusted. */
  | 'network'
  /** A database of another program. */
  | 'foreign'
  /** A database of a newer release. */
  | 'newer'
  /** SQLite did not take a setting on which durability stands. */
  | 'settings'
  /** A checksum, a chain or a row says that the data is not what was written. */
  | 'damaged'
  /** Asked for records that compaction has dropped. */
  | 'compacted'
  /** A group that does not follow the last one, or that contradicts what is stored: a mistake of the caller. */
  | 'refused'
  /** Writing failed. Final. */
  | 'failed'
  | 'closed'
  /** A file is in the way of a backup, or a directory that should be empty is not. */
  | 'exists'
  /** A file that was named is not there or cannot be read. */
  | 'missing';

export class LogError extends Error {
  override readonly name = 'LogError';
  readonly kind: LogErrorKind;

  constructor(kind: LogErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export function damagedRecord(revision: number, what: string): LogError {
  return new LogError(
    'damaged',
    `record ${revision} is ${what}: nothing after record ${revision - 1} can be trusted; restore a backup`,
  );
}

export function compactedAway(afterRevision: number, oldestRevision: number): LogError {
  return new LogError(
    'compacted',
    `records after ${afterRevision} are compacted: the oldest is ${oldestRevision}; begin with the checkpoint`,
  );
}
