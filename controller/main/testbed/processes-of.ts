// The processes that belong to a folder: every process of a federation in a temporary folder names that folder in its arguments
// or in its environment, tasks of its jobs included.
import { readdirSync, readFileSync } from 'node:fs';
import { until } from './until.ts';

export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** Without zombies, which have neither arguments nor an environment. */
export function processesOf(folder: string): FoundProcess[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .map((pid) => ({ pid, command: textOf(pid, 'cmdline'), environment: textOf(pid, 'environ') }))
    .filter(({ command, environment }) => command.includes(folder) || environment.includes(folder))
    .map(({ pid, command }) => ({ pid, command }));
}

/** Kills until none is left: a guard may just be starting the supervisor that was killed. */
export async function killProcessesOf(folder: string): Promise<void> {
  await until(`no process of ${folder} is left`, () => {
    const left = processesOf(folder);
    for (const { pid } of left) signal(pid, 'SIGKILL');
    return left.length === 0;
  });
}

/** One that has ended in between is as good. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function textOf(pid: number, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
