// The process tree of a task: how it is made so that it can be ended whole, and how it is ended. Three ways, the best that
// the machine allows:
//
// cgroup          a cgroup (v2) for each task, ended by `cgroup.kill`. Nothing leaves it.
// pid-namespace   `unshare --pid`: the kernel kills all others when the first process ends. Nothing leaves it. It has a
//                 /proc of its own, so that programs find themselves in it.
// marker          a process group, and a search through /proc for the marker in the environment, which also finds who
//                 forked twice with setsid. A process that clears its environment and leaves its session escapes.
//
// Memory is bounded in all three: by the kernel in a cgroup that has the controller (cgroup.ts), else by looking (memory.ts).
// So a job that takes more than it asked for ends in every data center, and says why.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import {
  type Asked,
  type Controller,
  killCgroup,
  makeCgroup,
  openCgroups,
  pidsIn,
  ranOutOfMemory,
  removeCgroup,
} from './cgroup.ts';
import { MARKER } from './layout.ts';
import { type Sought, commandOf, findProcesses, isAlive, signal } from './proc.ts';
import { SITE_PATH, ownProgram } from './programs.ts';
import type { User } from './protocol.ts';

export const ISOLATION_KINDS = ['cgroup', 'pid-namespace', 'marker'] as const;
export type IsolationKind = (typeof ISOLATION_KINDS)[number];

export interface Isolation {
  readonly kind: IsolationKind;
  /** With `cgroup`: the directory in which each task gets its own. */
  readonly cgroup: string;
  /** What of a task the kernel bounds. Absent in what an earlier release has started: nothing. */
  readonly controllers?: readonly Controller[];
}

/** The tree of one task. */
export interface Tree extends Sought {
  readonly isolation: Isolation;
  readonly rank: number;
  /** Name of its cgroup. */
  readonly name: string;
}

/** In the command line of the wrapper, and of its child until it has become the task. */
const WRAPPER_NAME = 'isobar-task';
/** Searching takes at most one part in so many of the time. */
const SEARCH_SHARE = 10;
const SHORTEST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

/**
 * The wrapper of a task. It leaves the exit status in descriptor 3, the journal of the run that the supervisor opened for
 * appending, so that the status survives supervisor and agent. One write of a short line: whoever reads finds all of it
 * or nothing, which is what a rename would give, without a process for it. Descriptor 3 is closed for the task.
 *
 * The traps keep the wrapper alive when the whole group is signalled; in the subshell they are reset, so the task has the
 * default actions. `exec` takes programs only, never a word of the shell. A signal n is 128 + n, as `$?` has it.
 */
const WRAPPER = `trap : TERM INT HUP QUIT USR1 USR2
rank=$1
if [ -n "$2" ]; then echo 0 >"$2/cgroup.procs" || exit 126; fi
shift 2
(exec 3>&-; exec "$@")
status=$?
printf '\\nexit %s %s\\n' "$rank" "$status" >&3
exit "$status"`;

/**
 * What a task of another user begins with, when it already is that user: it takes its environment from descriptor 4. The
 * environment comes so late because in it a job may say LD_PRELOAD, which no program that runs as us may see; and not as
 * arguments, which all can read. Cut off, it lacks its last line, and nothing is run.
 */
const LOADER = `eval "$(cat <&4)"
exec 4<&-
[ "$_isobar_ready" = yes ] || exit 126
unset _isobar_ready
exec "$@"`;

/** A program with its environment, ready to be started. */
export interface Wrapped {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What is to be written into descriptor 4; undefined: it is not needed. */
  readonly loaded: string | undefined;
}

export function wrap(
  tree: Tree,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  user: User | undefined,
): Wrapped {
  const { kind } = tree.isolation;
  const cgroup = kind === 'cgroup' ? cgroupOf(tree) : '';
  const program = user === undefined ? argv : [...becoming(user), ...LOAD, ...argv];
  const shell = ['/bin/sh', '-c', WRAPPER, WRAPPER_NAME, String(tree.rank), cgroup, ...program];
  const wrapper = {
    argv: kind === 'pid-namespace' ? [...unshare(), ...shell] : shell,
    // The marker comes first and stays with all that the task starts.
    env: { [MARKER]: tree.marker, ...env },
    loaded: undefined,
  };
  if (user === undefined) return wrapper;
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
  return {
    ...wrapper,
    env: { [MARKER]: tree.marker, PATH: SITE_PATH },
    loaded: `${exports.join('')}_isobar_ready=yes\n`,
  };
}

const LOAD = ['/bin/sh', '-c', LOADER, WRAPPER_NAME];

/** The wrapper stays ours: a task of another user can neither kill it nor write its status. */
function becoming(user: User): string[] {
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  return [ownProgram('setpriv'), ...ids, '--no-new-privs', '--'];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Before the first process. */
export function makeRoom(tree: Tree, asked: Asked): void {
  const { kind, controllers = [] } = tree.isolation;
  if (kind === 'cgroup') makeCgroup(cgroupOf(tree), controllers, asked);
}

/** Whether the kernel sees to it that it takes no more memory than it asked for. */
export function isMemoryBounded({ controllers = [] }: Isolation): boolean {
  return controllers.includes('memory');
}

/** Whether the kernel has ended it because it took more. To be asked before it is reaped. */
export function diedOfMemory(tree: Tree): boolean {
  return isMemoryBounded(tree.isolation) && ranOutOfMemory(cgroupOf(tree));
}

/** All processes of each tree, by its marker. */
export function processesIn(trees: readonly Tree[]): Map<string, number[]> {
  const found = findProcesses(trees.filter((tree) => tree.isolation.kind !== 'cgroup'));
  for (const tree of trees) {
    if (tree.isolation.kind === 'cgroup') found.set(tree.marker, pidsIn(cgroupOf(tree)));
  }
  return found;
}

/**
 * Sends a signal to every process of the trees. Not to the wrapper and the `unshare` around it, which would die of some and
 * take the others along; and not yet to a tree that is nothing but its wrapper, where the signal would be lost before the
 * task has begun. Answers those: try again.
 */
export function signalTrees<T extends Tree>(trees: readonly T[], name: NodeJS.Signals): T[] {
  const found = processesIn(trees);
  return trees.filter((tree) => {
    const pids = found.get(tree.marker) ?? [];
    const own = pids.filter((pid) => !commandOf(pid).includes(WRAPPER_NAME));
    for (const pid of own) signal(pid, name);
    return own.length === 0;
  });
}

/** Kills what can be killed at once. What has hidden is found by `Reaper`. */
export function killTree(tree: Tree): void {
  if (tree.isolation.kind === 'cgroup') killCgroup(cgroupOf(tree));
  // Without the check the number might by now be another's.
  if (tree.top !== undefined && isAlive(tree.top)) signal(-tree.top.pid, 'SIGKILL');
}

/** Waits until trees are dead, killing what it finds of them. */
export class Reaper {
  readonly #waiting = new Map<Tree, () => void>();
  #isLooking = false;
  #pauseMs = SHORTEST_PAUSE_MS;

  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Calls back when no process of the tree is alive. `search`: also where the kernel should have seen to it. */
  reap(tree: Tree, search: boolean, onDead: () => void): void {
    if (tree.isolation.kind === 'cgroup' && isGone(tree)) onDead();
    else if (tree.isolation.kind === 'pid-namespace' && !search) onDead();
    else {
      killTree(tree);
      this.#waiting.set(tree, onDead);
      this.#lookSoon();
    }
  }

  #lookSoon(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setTimeout(() => this.#look(), this.#pauseMs);
  }

  /** One search for all that wait, at most a tenth of the time. */
  #look(): void {
    this.#isLooking = false;
    const beganMs = performance.now();
    const inProc = [...this.#waiting.keys()].filter((tree) => tree.isolation.kind !== 'cgroup');
    const found = inProc.length === 0 ? new Map<string, number[]>() : findProcesses(inProc);
    for (const [tree, onDead] of this.#waiting) {
      if (tree.isolation.kind === 'cgroup') {
        killCgroup(cgroupOf(tree));
        if (!isGone(tree)) continue;
      } else {
        const pids = found.get(tree.marker) ?? [];
        for (const pid of pids) signal(pid, 'SIGKILL');
        if (pids.length > 0) continue;
      }
      this.#waiting.delete(tree);
      onDead();
    }
    const tookMs = performance.now() - beganMs;
    this.#pauseMs = Math.min(Math.max(tookMs * SEARCH_SHARE, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
    if (this.#waiting.size > 0) this.#lookSoon();
  }
}

/** The best isolation that works here, or the one that is asked for. Tries it with a process. */
export function findIsolation(id: string, wanted?: IsolationKind): Isolation {
  for (const kind of wanted === undefined ? ISOLATION_KINDS : [wanted]) {
    if (kind === 'cgroup') {
      const opened = openCgroups(id, canEnter);
      if (opened === undefined) continue;
      return { kind, cgroup: opened.path, controllers: opened.controllers };
    }
    if (kind === 'pid-namespace' && !succeeds([...unshare(), 'true'])) continue;
    return { kind, cgroup: '', controllers: [] };
  }
  throw new Error(`this machine does not allow isolation by ${wanted}`);
}

/** When the supervisor ends. */
export function leaveIsolation(isolation: Isolation): void {
  if (isolation.kind === 'cgroup') removeCgroup(isolation.cgroup);
}

/** Root makes the namespace as it is; others need a user namespace around it, which many machines forbid. */
function unshare(): string[] {
  const asUser = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user'];
  return [ownProgram('unshare'), ...asUser, '--pid', '--mount-proc', '--kill-child', '--fork'];
}

function cgroupOf(tree: Tree): string {
  return join(tree.isolation.cgroup, tree.name);
}

/** As a wrapper does it. */
function canEnter(cgroup: string): boolean {
  return succeeds(['/bin/sh', '-c', 'echo 0 >"$1/cgroup.procs"', 'sh', cgroup]);
}

function isGone(tree: Tree): boolean {
  return removeCgroup(cgroupOf(tree));
}

function succeeds([program = '', ...args]: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 5000 }).status === 0;
}
