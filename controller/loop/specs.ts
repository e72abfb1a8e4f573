// Specifications for agents: those of young jobs in memory, others from disk. A queue of a million jobs does not keep them.
import type { Log } from '#ports/log.ts';

const KEPT_BYTES = 64 * 1024 * 1024;
/** What an entry takes beside its bytes: a typed array with its buffer, and its place in the list. Measured. */
const ENTRY_BYTES = 250;
/** Jobs are numbered one after the other, so a block of them is a list, and the oldest are let go a block at a time. */
const BLOCK_JOBS = 256;

interface Block {
  readonly specs: (Uint8Array | undefined)[];
  jobs: number;
  bytes: number;
}

export class Specs {
  readonly #log: Log;
  /** By uid ÷ BLOCK_JOBS, in the order in which they came: the first is the first to go. */
  readonly #blocks = new Map<number, Block>();
  #bytes = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  add(uid: number, spec: Uint8Array): void {
    const number = Math.floor(uid / BLOCK_JOBS);
    let block = this.#blocks.get(number);
    if (block === undefined) {
      if (this.#bytes > KEPT_BYTES) this.#dropOldest();
      this.#blocks.set(number, (block = { specs: [], jobs: 0, bytes: 0 }));
    }
    block.specs[uid % BLOCK_JOBS] = spec;
    block.jobs++;
    this.#count(block, spec.length + ENTRY_BYTES);
  }

  /** The job has ended, or its run has been accepted: it is not sent again soon. */
  drop(uid: number): void {
    const number = Math.floor(uid / BLOCK_JOBS);
    const block = this.#blocks.get(number);
    const spec = block?.specs[uid % BLOCK_JOBS];
    if (block === undefined || spec === undefined) return;
    block.specs[uid % BLOCK_JOBS] = undefined;
    this.#count(block, -spec.length - ENTRY_BYTES);
    if (--block.jobs === 0) this.#blocks.delete(number);
  }

  #count(block: Block, bytes: number): void {
    block.bytes += bytes;
    this.#bytes += bytes;
  }

  #dropOldest(): void {
    for (const [number, { bytes }] of this.#blocks) {
      if (this.#bytes <= KEPT_BYTES) return;
      this.#blocks.delete(number);
      this.#bytes -= bytes;
    }
  }

  #kept(uid: number): Uint8Array | undefined {
    return this.#blocks.get(Math.floor(uid / BLOCK_JOBS))?.specs[uid % BLOCK_JOBS];
  }

  /** In the order asked; at once when all are in memory. */
  read(
    uids: readonly number[],
    done: (specs: readonly (Uint8Array | undefined)[], error?: Error) => void,
  ): void {
    const kept = uids.map((uid) => this.#kept(uid));
    const missing = uids.filter((_, i) => kept[i] === undefined);
    if (missing.length === 0) return done(kept);
    this.#log.readSpecs(missing, (read, error) => {
      const found = new Map(missing.map((uid, i) => [uid, read[i]]));
      done(
        uids.map((uid, i) => kept[i] ?? found.get(uid)),
        error,
      );
    });
  }
}
