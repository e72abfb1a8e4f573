// The output of tasks. A task writes straight into its file, opened for appending, so it depends on nobody: whether
// supervisor and agent live or die, it neither blocks nor gets SIGPIPE. That is also why nobody sees the bytes pass, and
// the bound is held from behind: once a second the supervisor frees what lies before the last 10 MiB by punching a hole
// (`fallocate`, util-linux). Offsets stay, nothing is copied and no byte is lost on the way. A file that grows fast is
// larger for that second; while no supervisor is there, it grows.
//
// Where holes cannot be punched the file is cut to nothing instead, and the output begins anew.
import { spawn } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  openSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Layout, runOfFile } from './layout.ts';
import { ownProgram } from './programs.ts';
import { readIfThere, writeWhole } from './store.ts';

export const KEPT_BYTES = 10 * 1024 * 1024;
/** Free in steps of this size. */
const SLACK_BYTES = 1024 * 1024;
const KEPT_MS = 7 * 24 * 3_600_000;
const LAST_LINES = 20;
const LAST_LINE_CHARS = 256;
/** Enough for the last lines with room for characters of four bytes. */
const TAIL_BYTES = LAST_LINES * LAST_LINE_CHARS * 4;

/** Where the kept part begins: in the file, and in all that was ever written. */
export interface Beginning {
  readonly offset: number;
  readonly skippedBytes: number;
}

export function beginningOf(log: string): Beginning {
  const [offset = 0, skippedBytes = 0] = (readIfThere(`${log}.begin`) ?? '0 0')
    .split(' ')
    .map(Number);
  return { offset, skippedBytes };
}

/** Frees what is more than is kept. */
export function trim(log: string): void {
  const size = sizeOf(log);
  const before = beginningOf(log);
  if (size - before.offset <= KEPT_BYTES + SLACK_BYTES) return;
  const offset = size - KEPT_BYTES;
  // First the note, then the hole: nobody is shown a hole as output.
  note(log, { offset, skippedBytes: before.skippedBytes + offset - before.offset });
  const args = ['--punch-hole', '--offset', '0', '--length', String(offset), log];
  const child = spawn(ownProgram('fallocate'), args, { stdio: 'ignore' });
  let failed = false;
  const cut = (): void => {
    if (failed) return;
    failed = true;
    const lost = sizeOf(log) - before.offset;
    truncateSync(log, 0);
    note(log, { offset: 0, skippedBytes: before.skippedBytes + lost });
  };
  child.on('error', cut);
  child.on('exit', (code) => {
    if (code !== 0) cut();
  });
}

/** The last lines of a task's output, for those who ask why it failed. */
export function lastLinesOf(log: string): string[] {
  let descriptor;
  try {
    descriptor = openSync(log, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(descriptor);
    const from = Math.max(beginningOf(log).offset, size - TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, size - from));
    const read = readSync(descriptor, buffer, 0, buffer.length, from);
    const lines = buffer.toString('utf8', 0, read).split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines.slice(-LAST_LINES).map((line) => line.slice(0, LAST_LINE_CHARS));
  } finally {
    closeSync(descriptor);
  }
}

/** The run ended: the time that its output is kept counts from now. A task that wrote nothing leaves nothing. */
export function endOutput(log: string): void {
  const { size } = statSync(log, { throwIfNoEntry: false }) ?? { size: 0 };
  if (size === 0) {
    rmSync(log, { force: true });
    return;
  }
  if (size > KEPT_BYTES) trim(log);
  const nowS = Date.now() / 1000;
  utimesSync(log, nowS, nowS);
}

/** Removes the output of runs that ended more than seven days ago. Wall time: it is for people. */
export function removeOldOutput(layout: Layout, isLive: (run: string) => boolean): void {
  for (const name of readdirSync(layout.logs)) {
    if (isLive(runOfFile(name))) continue;
    const path = join(layout.logs, name);
    const writtenMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (Date.now() - writtenMs > KEPT_MS) rmSync(path, { force: true });
  }
}

function sizeOf(log: string): number {
  return statSync(log, { throwIfNoEntry: false })?.size ?? 0;
}

function note(log: string, beginning: Beginning): void {
  writeWhole(`${log}.begin`, `${beginning.offset} ${beginning.skippedBytes}`);
}
