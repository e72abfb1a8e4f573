// The log of the simulated controller: in memory, late, failing when asked to, and honest about what became durable.
import { MemoryLog, type MemoryLogOptions } from '#log/memory.ts';
import type { MemoryDisk } from '#log/memory-disk.ts';
import type { AppendGroup, CheckpointRow, Done } from '#ports/log.ts';

export class ObservedLog extends MemoryLog {
  readonly #onDurable: (group: AppendGroup) => void;
  #underWay: AppendGroup | undefined;
  /** Rows that the last loaded checkpoint had ahead of its revision. */
  rowsAhead = 0;

  constructor(options: MemoryLogOptions, onDurable: (group: AppendGroup) => void) {
    super(options);
    this.#onDurable = onDurable;
  }

  get isAppending(): boolean {
    return this.#underWay !== undefined;
  }

  override append(group: AppendGroup, done: Done): void {
    this.#underWay = group;
    super.append(group, (error) => {
      this.#settle();
      done(error);
    });
  }

  /** Whether the group under way is on the disk, whatever its writer was told. */
  #settle(): void {
    const group = this.#underWay;
    this.#underWay = undefined;
    if (group === undefined) return;
    if (this.disk.head.lastRevision >= group.firstRevision + group.records.length - 1)
      this.#onDurable(group);
  }

  override crash(underWay: 'lost' | 'durable'): MemoryDisk {
    const disk = super.crash(underWay);
    this.#settle();
    return disk;
  }

  /** By key, as the log on disk does: nothing may depend on the order in which rows were first written. */
  override loadCheckpoint(
    kinds: readonly string[],
    onRows: (rows: readonly CheckpointRow[]) => void,
  ): Promise<void> {
    this.rowsAhead = 0;
    const from = this.head.checkpointRevision;
    return super.loadCheckpoint(kinds, (rows) => {
      for (const row of rows)
        if (row.kind !== 'federation' && row.revision > from) this.rowsAhead++;
      onRows([...rows].toSorted((a, b) => (a.key < b.key ? -1 : 1)));
    });
  }
}
