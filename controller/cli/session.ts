// One use of the command: its surroundings, the context it speaks to, and how it prints.
import type { Context } from '#client/contexts.ts';
import type { Isobar } from '#client/isobar.ts';
import type { Check } from './check.ts';
import { EXIT, Failure } from './exit.ts';
import type { Io } from './io.ts';
import { makePaint, type Paint } from './paint.ts';
import type { GlobalOptions } from './verb.ts';

/** Opens a client for a context. Replaced in tests. */
export type Connector = (context: Context, tenant: string) => Promise<Isobar>;

export interface Session {
  readonly io: Io;
  readonly options: GlobalOptions;
  /** Colours of standard output. */
  readonly paint: Paint;
  /** Ends with the interruption, and after `--timeout`. */
  readonly signal: AbortSignal;
  /** Checks of `doctor` that other rooms bring. */
  readonly extraChecks: readonly Check[];
  /** `-n`, else the context's. Empty: none. */
  tenant(): Promise<string>;
  context(): Promise<Context>;
  client(): Promise<Isobar>;
  /** A line on standard output. */
  print(line?: string): Promise<void>;
  /** A line for the person beside the output: progress, hints, what was left out. */
  note(line: string): Promise<void>;
  close(): Promise<void>;
}

export function makeSession(
  io: Io,
  options: GlobalOptions,
  connector: Connector,
  extraChecks: readonly Check[] = [],
): Session {
  let context: Promise<Context> | undefined;
  let client: Promise<Isobar> | undefined;
  let opened: Isobar | undefined;
  const signal =
    options.timeout === undefined
      ? io.interrupted
      : AbortSignal.any([io.interrupted, AbortSignal.timeout(options.timeout)]);
  const session: Session = {
    io,
    options,
    paint: makePaint(io.stdout, io.env),
    signal,
    extraChecks,
    context: () => (context ??= findSessionContext(io, options)),
    tenant: async () => options.tenant ?? (await session.context()).tenant,
    client: () => (client ??= open()),
    print: (line = '') => io.stdout.write(`${line}\n`),
    note: (line) => io.stderr.write(`${line}\n`),
    async close() {
      // Somebody who uses the command now and then should not have to log in again each week. Best effort: a controller
      // that cannot be reached has been told already.
      await opened?.renewIfDue({ timeoutMs: RENEWAL_MS }).catch(() => undefined);
      opened?.close();
    },
  };
  async function open(): Promise<Isobar> {
    opened = await connector(await session.context(), await session.tenant());
    return opened;
  }
  return session;
}

/** What a person hardly notices at the end of a command. */
const RENEWAL_MS = 2000;

async function findSessionContext(io: Io, options: GlobalOptions): Promise<Context> {
  const { findContext } = await import('#client/contexts.ts');
  return findContext(io, options.context ?? (io.env['ISOBAR_CONTEXT'] || undefined));
}

/** A file that the user named, or standard input for `-`. */
export async function readInput({ io }: Session, path: string): Promise<string> {
  if (path === '-') {
    const chunks: Buffer[] = [];
    for await (const chunk of io.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString('utf8');
  }
  const { readNamedFile } = await import('./files.ts');
  return readNamedFile(io.cwd, path);
}

/** How a file is called in findings. */
export const inputName = (path: string): string => (path === '-' ? 'standard input' : path);

export function timedOut(limitMs: number): Failure {
  return new Failure(`not done within ${limitMs / 1000} s`, EXIT.TIMED_OUT);
}
