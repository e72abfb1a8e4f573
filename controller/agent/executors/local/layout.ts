// What lies where in an agent's state directory.
//
//   control/             0700: nobody but the agent's user looks in
//     socket             where the supervisor listens
//     supervisor, guard  pid, start time and boot id of each
//     lease              boot id and the fence's deadline in boot time
//     lock.db            held by the one supervisor
//     epochs.0, .1       the journal of known epochs, two generations
//     runs/KEY           the journal of a run: a line for each thing that happened to it
//   logs/KEY.RANK.log    0700: the output of tasks, kept for seven days after their end
//   work/KEY.RANK/       the directory of a task, owned by the user that it runs as; gone when the run ends
//
// As few files as will do: with a directory for each run, its making and removing cost as much as its processes.
//
// All of it is closed to others (0700). Where tenants have users of their own, the upper folders can be passed through
// (0711), because a task must reach its own directory.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

export interface Layout {
  /** Tells the processes of this state directory from those of others on the machine. */
  readonly id: string;
  readonly control: string;
  readonly runs: string;
  readonly logs: string;
  readonly work: string;
}

/** A socket's path fits into 107 bytes, says the kernel. */
const LONGEST_SOCKET_PATH = 107;

/** Makes what is missing. `passable`: for tasks of other users. */
export function openLayout(stateDir: string, passable = false): Layout {
  const layout = {
    control: join(stateDir, 'control'),
    runs: join(stateDir, 'control', 'runs'),
    logs: join(stateDir, 'logs'),
    work: join(stateDir, 'work'),
  };
  if (socketOf(layout).length > LONGEST_SOCKET_PATH) {
    throw new Error(
      `${stateDir} is too long for a socket in it: choose a state directory of at most ${LONGEST_SOCKET_PATH - '/control/socket'.length} characters`,
    );
  }
  for (const dir of [layout.control, layout.runs, layout.logs, layout.work]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  for (const dir of [layout.control, layout.logs]) chmodSync(dir, 0o700);
  if (passable) for (const dir of [stateDir, layout.work]) chmodSync(dir, 0o711);
  return { ...layout, id: idOf(layout.control) };
}

export function socketOf(layout: { readonly control: string }): string {
  return join(layout.control, 'socket');
}

export function logOf(layout: Layout, run: string, rank: number): string {
  return join(layout.logs, `${taskName(run, rank)}.log`);
}

export function directoryOf(layout: Layout, run: string, rank: number): string {
  return join(layout.work, taskName(run, rank));
}

/** `KEY.RANK`, in which no run's key holds a dot. */
export function taskName(run: string, rank: number): string {
  return `${run}.${rank}`;
}

/** The key of the run to which a file in `logs` or `work` belongs. */
export function runOfFile(name: string): string {
  return name.split('.', 1)[0] ?? '';
}

/** In the environment of every process of a task, so that it is found whatever became of its parents. */
export const MARKER = 'ISOBAR_RUN_ID';

export function markerOf(layout: Layout, run: string, rank: number): string {
  return `${taskName(run, rank)}@${layout.id}`;
}

function idOf(control: string): string {
  const path = join(control, 'id');
  if (!existsSync(path)) {
    // Agent and supervisor may be here at once: the first to make it wins.
    try {
      writeFileSync(path, randomBytes(8).toString('hex'), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if (!existsSync(path)) throw error;
    }
  }
  return readFileSync(path, 'utf8');
}
