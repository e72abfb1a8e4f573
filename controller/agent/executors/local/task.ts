// One task in the supervisor: its directory, its environment, its processes.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  mkdirSync,
  openSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { keyOf } from '#ports/executor.ts';
import { NO_DEVICES } from './devices.ts';
import { type Layout, directoryOf, logOf, markerOf, taskName } from './layout.ts';
import { type ProcessId, identify } from './proc.ts';
import { SITE_PATH } from './programs.ts';
import type { Plan, PlannedGroup, User } from './protocol.ts';
import type { RunRecord, Store } from './store.ts';
import type { Watched } from './memory.ts';
import { type Isolation, makeRoom, wrap } from './trees.ts';

export class Task implements Watched {
  readonly rank: number;
  readonly marker: string;
  readonly name: string;
  readonly isolation: Isolation;
  /** What it may take. 0: nothing was said. */
  readonly memoryMib: number;
  /** The wrapper, or the `unshare` around it. */
  top: ProcessId | undefined;
  /** `left`: its top has ended, what it left behind is being killed. */
  state: 'waiting' | 'alive' | 'left' | 'dead' = 'waiting';
  /** Ours to wait for. Otherwise an earlier supervisor's, and its end is found by looking. */
  isChild = false;

  constructor(layout: Layout, run: RunRecord, rank: number) {
    this.rank = rank;
    this.marker = markerOf(layout, keyOf(run), rank);
    this.name = taskName(keyOf(run), rank);
    this.isolation = run.isolation;
    this.memoryMib = memoryOf(run, rank);
  }

  /** Starts it. Throws what goes wrong; then there is no process. */
  start(store: Store, run: RunRecord, plan: Plan): ChildProcess {
    const group = plan.groups[plan.ranks[this.rank] ?? 0];
    if (group === undefined) throw new Error(`there is no group for rank ${this.rank}`);
    const dir = makeDirectory(store.layout, run, this.rank, group, plan.user);
    makeRoom(this, group);
    const output = openSync(logOf(store.layout, keyOf(run), this.rank), 'a', 0o600);
    try {
      const env = {
        PATH: SITE_PATH,
        HOME: dir,
        TMPDIR: dir,
        LANG: 'C.UTF-8',
        ...group.env,
        ...(plan.devices[this.rank] ?? NO_DEVICES),
        ISOBAR_RANK: String(this.rank),
      };
      const wrapper = wrap(this, group.argv, env, plan.user);
      const [program = '', ...args] = wrapper.argv;
      const late: StdioOptions = wrapper.loaded === undefined ? [] : ['pipe'];
      const child = spawn(program, args, {
        cwd: dir,
        env: wrapper.env,
        stdio: ['ignore', output, output, store.journalOf(run), ...late],
        detached: true,
      });
      const pipe = child.stdio[4];
      if (wrapper.loaded !== undefined && pipe instanceof Writable) {
        pipe.on('error', () => {}); // it ended before it read: its exit code tells
        pipe.end(wrapper.loaded);
      }
      if (child.pid === undefined) return child; // 'error' follows and says why
      this.top = identify(child.pid);
      this.state = 'alive';
      this.isChild = true;
      if (this.top !== undefined) store.addTask(run, this.rank, this.top);
      return child;
    } finally {
      closeSync(output);
    }
  }
}

function memoryOf({ groups = [] }: RunRecord, rank: number): number {
  let end = 0;
  return groups.find(({ tasks }) => rank < (end += tasks))?.memoryMib ?? 0;
}

function makeDirectory(
  layout: Layout,
  run: RunRecord,
  rank: number,
  group: PlannedGroup,
  user: User | undefined,
): string {
  const dir = directoryOf(layout, keyOf(run), rank);
  mkdirSync(dir, { mode: 0o700 });
  // The plan's paths were checked: relative, and nothing in them leads out. Nobody else has been here yet.
  for (const file of group.files) {
    const path = join(dir, file.path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, Buffer.from(file.base64, 'base64'), { mode: 0o600 });
    chmodSync(path, file.mode);
    if (user === undefined) continue;
    for (let part = path; part !== dir; part = dirname(part)) lchownSync(part, user.uid, user.gid);
  }
  if (user !== undefined) chownSync(dir, user.uid, user.gid);
  return dir;
}
