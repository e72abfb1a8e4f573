// Cgroups (v2): one for each task, within one for all tasks of a state directory. In it the kernel keeps the processes of
// the task together, and, where the controllers are given to us, bounds what they use:
//
// memory   `memory.max` is what the task asked for, without swap. Above it all of its processes are killed at once.
// cpu      `cpu.weight` in the proportion of what was asked for: nobody is slowed down while CPUs are idle, and when they
//          are not, each has its share. A hard limit would leave idle what somebody could use.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf } from './proc.ts';

const CONTROLLERS = ['memory', 'cpu'] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** What a task asked for. 0: nothing was said, and nothing is bounded. */
export interface Asked {
  readonly memoryMib: number;
  readonly cpuMillis: number;
}

export interface TaskCgroups {
  /** The directory in which each task gets its own. */
  readonly path: string;
  /** What the kernel bounds in them. */
  readonly controllers: readonly Controller[];
}

const MIB = 1024 * 1024;
/** A whole CPU weighs as much as a cgroup of which nothing was said. */
const MILLIS_PER_WEIGHT = 10;
const [LEAST_WEIGHT, MOST_WEIGHT] = [1, 10_000];

/** Undefined where no process can be moved into one. `moves`: moves a process into the directory and says whether it could. */
export function openCgroups(
  id: string,
  moves: (path: string) => boolean,
  own = ownCgroup(),
): TaskCgroups | undefined {
  for (const parent of own === undefined ? [] : parentsFor(own)) {
    const path = join(parent, `isobar-${id}`);
    const probe = join(path, 'probe');
    try {
      mkdirSync(probe, { recursive: true });
      // Missing before Linux 5.14.
      if (existsSync(join(probe, 'cgroup.kill')) && moves(probe)) {
        enable(parent);
        return { path, controllers: enable(path) };
      }
    } catch {
      // Not ours to make.
    } finally {
      removeCgroup(probe);
    }
    removeCgroup(path);
  }
  return undefined;
}

/**
 * The kernel gives controllers only to children of a cgroup that holds no process itself. So the tasks are best placed
 * beside us, in the unit of the service, when its manager has put us into a group of our own there (systemd:
 * `Delegate=yes` with `DelegateSubgroup=`). Else within the cgroup that we are in, which suffices to keep them together.
 * We do not move ourselves aside: a unit whose processes live in subgroups can start no agent anew while tasks still run.
 */
function parentsFor(own: string): string[] {
  const unit = dirname(own);
  const isSubgroup = basename(unit).endsWith('.service') && basename(own) !== 'init.scope';
  return isSubgroup ? [unit, own] : [own];
}

/** Gives the children of a cgroup what it has itself. Answers what they got. */
function enable(path: string): Controller[] {
  const available = wordsIn(join(path, 'cgroup.controllers'));
  return CONTROLLERS.filter((controller) => {
    if (!available.includes(controller)) return false;
    try {
      writeFileSync(join(path, 'cgroup.subtree_control'), `+${controller}`);
      return true;
    } catch {
      return false; // not ours to give, or processes live in it
    }
  });
}

/** Makes the cgroup of a task, before its first process. */
export function makeCgroup(path: string, controllers: readonly Controller[], asked: Asked): void {
  mkdirSync(path, { recursive: true });
  if (controllers.includes('memory') && asked.memoryMib > 0) {
    writeFileSync(join(path, 'memory.max'), String(asked.memoryMib * MIB));
    // Half a task is worth nothing: all of it ends, and says why.
    writeFileSync(join(path, 'memory.oom.group'), '1');
    const swap = join(path, 'memory.swap.max');
    if (existsSync(swap)) writeFileSync(swap, '0');
  }
  if (controllers.includes('cpu') && asked.cpuMillis > 0) {
    writeFileSync(join(path, 'cpu.weight'), String(weightOf(asked.cpuMillis)));
  }
}

export function weightOf(cpuMillis: number): number {
  const weight = Math.round(cpuMillis / MILLIS_PER_WEIGHT);
  return Math.min(Math.max(weight, LEAST_WEIGHT), MOST_WEIGHT);
}

/** Whether the kernel has killed in it for want of memory. */
export function ranOutOfMemory(path: string): boolean {
  const words = wordsIn(join(path, 'memory.events'));
  return Number(words[words.indexOf('oom_kill') + 1] ?? 0) > 0;
}

export function killCgroup(path: string): void {
  try {
    writeFileSync(join(path, 'cgroup.kill'), '1');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** A cgroup can be removed when nothing lives in it: that is the proof. */
export function removeCgroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
  }
  // A task may have made cgroups within its own.
  const within = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (within.length === 0) return false;
  const removed = within.map((entry) => removeCgroup(join(path, entry.name)));
  return !removed.includes(false) && removeCgroup(path);
}

export function pidsIn(path: string): number[] {
  return wordsIn(join(path, 'cgroup.procs')).map(Number);
}

/** The cgroup that we are in: there a service manager has given us room, if anywhere. */
function ownCgroup(): string | undefined {
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [place = '', kind = ''] = line.split(' - ');
    const [, , , root = '', mount = ''] = place.split(' ');
    if (path === undefined || !kind.startsWith('cgroup2 ')) continue;
    if (path === root || path.startsWith(root === '/' ? '/' : `${root}/`)) {
      return join(mount, path.slice(root === '/' ? 0 : root.length));
    }
  }
  return undefined;
}

/** Empty when the file is not there. */
function wordsIn(file: string): string[] {
  try {
    return readFileSync(file, 'latin1')
      .split(/\s+/)
      .filter((word) => word !== '');
  } catch {
    return [];
  }
}
