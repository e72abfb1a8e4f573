// Runs the isobar command to its end. Its output goes to files: a pipe that a grandchild inherits would keep the test from ending.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../../bin/isobar.js', import.meta.url));
const LONGEST_MS = 60_000;

export interface CommandResult {
  /** Null: it was killed, because it took too long. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly withinMs?: number;
  /** In front of the program, such as `['setpriv', '--reuid', '65534']`. */
  readonly under?: readonly string[];
  /** With what tells what it has written so far. */
  readonly onStarted?: (pid: number, stdout: () => string) => void;
}

export async function isobar(
  args: readonly string[],
  { env = {}, withinMs = LONGEST_MS, under = [], onStarted }: CommandOptions = {},
): Promise<CommandResult> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-command-'));
  const [outFile, errorFile] = [join(folder, 'out'), join(folder, 'error')];
  const [out, error] = [openSync(outFile, 'w'), openSync(errorFile, 'w')];
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', LAUNCHER];
  const [program = '', ...rest] = [...under, ...node, ...args];
  const child = spawn(program, rest, {
    cwd: folder, // no demo of the checkout is found from there
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', out, error],
    detached: true,
  });
  closeSync(out);
  closeSync(error);
  if (child.pid !== undefined) onStarted?.(child.pid, () => readFileSync(outFile, 'utf8'));
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    return { code, stdout: readFileSync(outFile, 'utf8'), stderr: readFileSync(errorFile, 'utf8') };
  } finally {
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  }
}
