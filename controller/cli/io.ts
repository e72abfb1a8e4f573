// The outside of the command: streams, environment, time and signals. Tests bring their own.
import { once } from 'node:events';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Output {
  /** Settles when the reader has taken enough to go on. Rejects with OutputClosed when nobody reads any more. */
  write(chunk: string | Uint8Array): Promise<void>;
  /** A person looks at it. */
  readonly isTerminal: boolean;
  /** Width of the terminal in characters. */
  readonly columns: number;
}

export interface Io {
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly stdinIsTerminal: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Aborted by the first SIGINT, SIGTERM or SIGHUP, with its name as the reason. A second SIGINT or SIGTERM ends the process; a
   * second SIGHUP does not, because a terminal that closes may send it to us and to who started us, who passes it on.
   */
  readonly interrupted: AbortSignal;
}

/** The reader of the output went away, as `head` does. */
export class OutputClosed extends Error {}

export function processIo(): Io {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interruption.abort(signal));
  }
  process.on('SIGHUP', () => interruption.abort('SIGHUP'));
  return {
    stdin: process.stdin,
    stdinIsTerminal: process.stdin.isTTY,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    now: () => Date.now(),
    interrupted: interruption.signal,
  };
}

/**
 * Keeps the compiled sources for the next start, which halves its time. In the user's own cache directory, because in a
 * shared one somebody else could put code for us to run.
 */
export function warmStart(env: Io['env']): void {
  const home = env['XDG_CACHE_HOME'] || join(env['HOME'] ?? homedir(), '.cache');
  enableCompileCache(join(home, 'isobar', 'code'));
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let closed = false;
  stream.on('error', () => {
    closed = true;
  });
  return {
    async write(chunk) {
      if (closed) throw new OutputClosed();
      if (stream.write(chunk)) return;
      await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {
        throw new OutputClosed();
      });
    },
    get isTerminal() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns || 100;
    },
  };
}
