// What happened in a world: the last lines are kept for a report, and all of them go into a hash that tells two runs apart.

const KEPT_LINES = 60;

export class Trace {
  #hash = 0x811c9dc5;
  readonly #last: string[] = [];
  #at = 0;
  readonly #print: ((line: string) => void) | undefined;

  constructor(print: ((line: string) => void) | undefined) {
    this.#print = print;
  }

  note(ms: number, text: string): void {
    // FNV-1a over the time in microseconds and the text.
    let hash = Math.imul(this.#hash ^ Math.floor((ms * 1000) % 4294967296), 0x01000193);
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.#hash = hash;
    const line = `${(ms / 1000).toFixed(3).padStart(10)}  ${text}`;
    this.#last[this.#at++ % KEPT_LINES] = line;
    this.#print?.(line);
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** The last lines, oldest first. */
  get last(): readonly string[] {
    const split = this.#at % KEPT_LINES;
    return this.#at < KEPT_LINES
      ? this.#last
      : [...this.#last.slice(split), ...this.#last.slice(0, split)];
  }
}
