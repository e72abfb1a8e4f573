// Programs that a test starts: to their end with what they printed, or a demo that stays up meanwhile.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Asks the program to end as soon as it has printed this. */
  readonly until?: RegExp;
  readonly timeoutMs?: number;
}

const LONGEST_MS = 120_000;

/** Runs a program to its end; throws when it takes too long. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Ended> {
  const { cwd, until, timeoutMs = LONGEST_MS } = options;
  const child = spawn(program, args, {
    cwd,
    env: environment(cwd, options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    // npx passes no signal on, so the group is asked.
    detached: true,
  });
  const written = { stdout: '', stderr: '' };
  let asked = false;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
      if (asked || until === undefined || !until.test(written[name])) return;
      asked = true;
      signalGroup(child.pid, 'SIGINT');
    });
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    signalGroup(child.pid, 'SIGKILL');
  }, timeoutMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  const ended = { code, stdout: stripVTControlCharacters(written.stdout), stderr: written.stderr };
  if (!late) return ended;
  throw new Error(
    `${[program, ...args].join(' ')} took more than ${timeoutMs / 1000} s: ${JSON.stringify(ended)}`,
  );
}

/** Runs a program that has to succeed; answers what it wrote to stdout. */
export async function succeed(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const ended = await run(program, args, options);
  if (ended.code === 0) return ended.stdout;
  throw new Error(`${[program, ...args].join(' ')} failed: ${JSON.stringify(ended)}`);
}

export interface Demo {
  readonly stdout: () => string;
  /** Ends it as Ctrl-C does and answers its exit code. */
  stop(): Promise<number | null>;
}

/** Starts a demo that keeps its data in `.isobar/demo` of the folder, and waits until its census is counted. */
export async function startDemo(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<Demo> {
  const child = spawn(program, args, {
    cwd,
    env: environment(cwd),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let written = '';
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code));
  });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      signalGroup(child.pid, 'SIGTERM');
      reject(new Error(`the demo was not up within ${LONGEST_MS / 1000} s:\n${written}`));
    }, LONGEST_MS);
    const read = (text: string): void => {
      written += text;
      if (!written.includes('stays up until Ctrl-C')) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('error', reject);
    void ended.then((code) => reject(new Error(`the demo ended with ${code}:\n${written}`)));
  });
  return {
    stdout: () => written,
    stop() {
      signalGroup(child.pid, 'SIGINT');
      return ended;
    },
  };
}

/** Command lines of the living processes that name a folder. */
export function processesOf(folder: string): string[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const line = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return line.includes(folder) ? [line] : [];
    } catch {
      return []; // it has ended since
    }
  });
}

/** Nothing of the developer's own configuration reaches the program. */
function environment(cwd: string, extra: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const { ISOBAR_CONFIG: _config, ISOBAR_TOKEN: _token, ...rest } = process.env;
  return { ...rest, XDG_CONFIG_HOME: cwd, NO_COLOR: '1', npm_config_loglevel: 'error', ...extra };
}

function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch {
    // It has ended by itself.
  }
}
