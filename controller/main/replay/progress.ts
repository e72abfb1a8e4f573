// How far a replay is: one line that is redrawn on a terminal; elsewhere a line for each tenth, and none for what is soon over.
import type { Session } from '#cli/session.ts';

const REDRAW_MS = 100;
const TENTHS = 10;
const WIDTH = 32;

export class Progress {
  readonly #session: Session;
  #drawnMs = 0;
  #isDrawn = false;
  #tenth = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Replaces the line on a terminal, now and then. */
  async draw(line: string): Promise<void> {
    const { stdout } = this.#session.io;
    const nowMs = this.#session.io.now();
    if (!stdout.isTerminal || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#isDrawn = true;
    // A line that wraps could not be taken back.
    await stdout.write(`\r\u001B[2K${line.slice(0, stdout.columns - 1)}`);
  }

  /** How much of a long thing is over, 0 to 1. */
  async share(share: number, words: string): Promise<void> {
    if (this.#session.io.stdout.isTerminal) {
      const done = Math.round(WIDTH * Math.min(1, share));
      return this.draw(`  ${'█'.repeat(done)}${'·'.repeat(WIDTH - done)} ${words}`);
    }
    const tenth = Math.floor(share * TENTHS);
    if (tenth <= this.#tenth) return undefined;
    this.#tenth = tenth;
    return this.#session.print(`  ${words}`);
  }

  /** A line that stays. */
  async print(line: string): Promise<void> {
    await this.clear();
    await this.#session.print(line);
  }

  async clear(): Promise<void> {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    await this.#session.io.stdout.write('\r\u001B[2K');
  }
}
