// What the loop counts of itself; the exporter reads it at a scrape.
import type { CommandKind } from '#core/command.ts';

export class LoopStats {
  turns = 0;
  slices = 0;
  placed = 0;
  dropped = 0;
  appends = 0;
  records = 0;
  /** Longest append since it was last read, and the sum of all. */
  longestAppendMs = 0;
  appendMs = 0;
  readonly commands = new Map<string, number>();

  count(kind: CommandKind, outcome: 'accepted' | 'refusal'): void {
    const key = `${kind} ${outcome}`;
    this.commands.set(key, (this.commands.get(key) ?? 0) + 1);
  }

  appended(records: number, tookMs: number): void {
    this.appends++;
    this.records += records;
    this.appendMs += tookMs;
    this.longestAppendMs = Math.max(this.longestAppendMs, tookMs);
  }
}
