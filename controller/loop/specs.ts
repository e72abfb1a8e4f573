// Specifications for agents: those of young jobs in memory, others from disk. A queue of a million jobs does not keep them.
import type { Log } from '#ports/log.ts';

const KEPT_BYTES = 64 * 1024 * 1024;
/** What an entry takes beside its bytes: a typed array with its buffer, and its place in the map. Measured. */
const ENTRY_BYTES = 300;

export class Specs {
  readonly #log: Log;
  /** In the order in which they came: the first is the first to go. */
  readonly #kept = new Map<number, Uint8Array>();
  #bytes = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  add(uid: number, spec: Uint8Array): void {
    this.#kept.set(uid, spec);
    this.#bytes += spec.length + ENTRY_BYTES;
    if (this.#bytes > KEPT_BYTES) this.#cut();
  }

  /**
   * Lets the oldest quarter go in one walk. A map steps over what was deleted at its front until it is rebuilt, so to delete one
   * with each that comes costs more with each.
   */
  #cut(): void {
    for (const [oldest, bytes] of this.#kept) {
      if (this.#bytes <= KEPT_BYTES * 0.75) return;
      this.#kept.delete(oldest);
      this.#bytes -= bytes.length + ENTRY_BYTES;
    }
  }

  /** The job has ended, or its run has been accepted: it is not sent again soon. */
  drop(uid: number): void {
    const spec = this.#kept.get(uid);
    if (spec === undefined) return;
    this.#kept.delete(uid);
    this.#bytes -= spec.length + ENTRY_BYTES;
  }

  /** In the order asked; at once when all are in memory. */
  read(
    uids: readonly number[],
    done: (specs: readonly (Uint8Array | undefined)[], error?: Error) => void,
  ): void {
    const missing = uids.filter((uid) => !this.#kept.has(uid));
    if (missing.length === 0) return done(uids.map((uid) => this.#kept.get(uid)));
    this.#log.readSpecs(missing, (read, error) => {
      const found = new Map(missing.map((uid, i) => [uid, read[i]]));
      done(
        uids.map((uid) => this.#kept.get(uid) ?? found.get(uid)),
        error,
      );
    });
  }
}
