// The command in a test: captured streams, a fixed clock, and a controller that answers as the test says.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type FakeController,
  type FakeHandlers,
  startFakeController,
} from '#client/fake-controller.ts';
import { Isobar } from '#client/isobar.ts';
import { type CliOptions, runCli } from './cli.ts';
import type { Io, Output } from './io.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
export const ago = (seconds: number): Date => new Date(NOW - seconds * 1000);

/** A command line without quotes. */
export const words = (line: string): string[] => line.split(' ');

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions extends Omit<CliOptions, 'io' | 'connector'> {
  readonly stdin?: string;
  readonly terminal?: boolean;
  readonly columns?: number;
  readonly env?: Io['env'];
  readonly cwd?: string;
  /** Gets the text of standard output as it grows, for tests that end a watch. */
  readonly onOutput?: (text: string, interrupt: () => void) => void;
}

export interface Testbed extends AsyncDisposable {
  readonly fake: FakeController;
  run(...argv: string[]): Promise<Result>;
  runWith(options: RunOptions, ...argv: string[]): Promise<Result>;
}

export async function startTestbed(handlers: FakeHandlers): Promise<Testbed> {
  const fake = await startFakeController(handlers);
  const folder = mkdtempSync(join(tmpdir(), 'isobar-cli-'));
  const file = join(folder, 'config.yaml');
  writeFileSync(
    file,
    `{current: test, contexts: [{name: test, addresses: ["${fake.address}"], tenant: health}]}`,
  );
  const env = { HOME: folder, ISOBAR_CONFIG: file };
  const runWith = (options: RunOptions, ...argv: string[]): Promise<Result> =>
    runCaptured(argv, { cwd: folder, ...options, env: { ...env, ...options.env } }, fake);
  return {
    fake,
    runWith,
    run: (...argv) => runWith({}, ...argv),
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true });
      await fake[Symbol.asyncDispose]();
    },
  };
}

export async function runCaptured(
  argv: readonly string[],
  options: RunOptions,
  fake?: FakeController,
): Promise<Result> {
  const { extraVerbs, extraChecks } = options;
  const interruption = new AbortController();
  const out: string[] = [];
  const err: string[] = [];
  const output = (into: string[], notify: boolean): Output => ({
    async write(chunk) {
      into.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
      if (notify) options.onOutput?.(into.join(''), () => interruption.abort('SIGINT'));
    },
    isTerminal: options.terminal ?? false,
    columns: options.columns ?? 100,
  });
  const io: Io = {
    stdin: (async function* () {
      yield options.stdin ?? '';
    })(),
    stdinIsTerminal: false,
    stdout: output(out, true),
    stderr: output(err, false),
    env: options.env ?? { HOME: '/nowhere' },
    cwd: options.cwd ?? '/nowhere',
    now: () => NOW,
    interrupted: interruption.signal,
  };
  const code = await runCli(argv, {
    io,
    ...(extraVerbs && { extraVerbs }),
    ...(extraChecks && { extraChecks }),
    ...(fake !== undefined && {
      connector: async (_, tenant) => new Isobar(fake.openChannel(), tenant),
    }),
  });
  return { code, out: out.join(''), err: err.join('') };
}
