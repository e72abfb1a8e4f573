// Starts the program that appends until it is killed, for tests of crashes, and listens to what it acknowledges.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { faultsAfterCrash } from './crashing.contract.ts';
import { within } from './groups.contract.ts';
import { SqliteLog } from './sqlite.ts';

export interface AppenderOptions {
  readonly seed: number;
  readonly synchronous?: 'FULL' | 'NORMAL';
  /** A program and its arguments that starts it in turn, such as strace. */
  readonly under?: readonly string[];
}

export interface AppenderEnd {
  readonly code: number | null;
  /** Last revision that it said was durable. */
  readonly acknowledged: number;
  /** Why it gave up; undefined when it was killed. */
  readonly failure: string | undefined;
}

export class Appender {
  readonly #pid: number | undefined;
  readonly #ended: Promise<AppenderEnd>;
  #acknowledged = 0;
  #answers = 0;
  #hasEnded = false;
  #onAnswer: (() => void) | undefined;

  constructor(directory: string, { seed, synchronous = 'FULL', under = [] }: AppenderOptions) {
    const program = fileURLToPath(new URL('crashing.contract.ts', import.meta.url));
    const own = [process.execPath, program, directory, synchronous, String(seed)];
    const [command = process.execPath, ...args] = [...under, ...own];
    // A group of its own, so that it dies whole and nothing else does.
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    this.#pid = child.pid;
    let failure: string | undefined;
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      if (line.startsWith('failed: ')) failure = line.slice('failed: '.length);
      else this.#acknowledged = Number(line);
      this.#answers++;
      this.#onAnswer?.();
    });
    this.#ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        this.#hasEnded = true;
        this.#onAnswer?.();
        resolve({ code, acknowledged: this.#acknowledged, failure });
      });
    });
  }

  /** Until it has answered so often, or has ended. */
  async answered(times: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#onAnswer = () => {
        if (this.#answers >= times || this.#hasEnded) resolve();
      };
      this.#onAnswer();
    });
    await within(`${times} answers of an appender`, enough);
  }

  /** kill -9, at once. */
  kill(): void {
    if (this.#pid === undefined || this.#hasEnded) return;
    try {
      process.kill(-this.#pid, 'SIGKILL');
    } catch {
      // It ended just now.
    }
  }

  ended(): Promise<AppenderEnd> {
    return within('the end of an appender', this.#ended);
  }
}

/** Opens what a dead appender has left and says what is wrong with it. */
export async function faultsIn(directory: string, acknowledged: number): Promise<string[]> {
  const log = await within('open', SqliteLog.open(directory));
  try {
    return await faultsAfterCrash(log, acknowledged);
  } finally {
    await log.close();
  }
}
