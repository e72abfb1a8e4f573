// A log that keeps nothing: a replay asks how well jobs are placed, and is thrown away when it has answered.
import type { AppendGroup, Done, Log } from '#ports/log.ts';

export class NullLog implements Log {
  readonly head = { lastRevision: 0, oldestRevision: 1, checkpointRevision: 0 };
  readonly #later: (call: () => void) => void;

  constructor(later: (call: () => void) => void) {
    this.#later = later;
  }

  append(_group: AppendGroup, done: Done): void {
    this.#later(() => done(undefined));
  }

  readRecords: Log['readRecords'] = (_after, _limit, done) => this.#later(() => done(undefined));

  readSpecs: Log['readSpecs'] = (uids, done) =>
    this.#later(() => done(uids.map(() => new Uint8Array())));

  async loadCheckpoint(): Promise<void> {}

  async replay(): Promise<void> {}

  async listJobs(): Promise<[]> {
    return [];
  }

  async getJob(): Promise<undefined> {
    return undefined;
  }

  async listAudit(): Promise<[]> {
    return [];
  }

  async verifyAudit(): Promise<{ entries: number; firstBadRevision: undefined }> {
    return { entries: 0, firstBadRevision: undefined };
  }

  async compact(): Promise<void> {}

  async expireArchive(): Promise<number> {
    return 0;
  }

  async backup(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {}
}
