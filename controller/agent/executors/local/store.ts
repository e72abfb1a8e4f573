// What the supervisor leaves on disk of each run. Every file is written once and whole, so that a supervisor can be killed
// between any two lines and the next one finds out what was going on. Nothing is synced: what a power cut takes is taken
// from runs that the power cut has ended anyway.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type RunKey, keyOf } from '#ports/executor.ts';
import { Epochs } from '../epochs.ts';
import type { Layout } from './layout.ts';
import { type ProcessId, codeOf } from './proc.ts';
import type { LocalReport } from './protocol.ts';
import type { Isolation } from './trees.ts';

/** run.json: what is needed to end a run and to judge its end. No environment and no files: they may hold secrets. */
export interface RunRecord extends RunKey {
  readonly job: string;
  readonly leased: boolean;
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
  readonly maxRunMs: number;
  readonly tasks: number;
  readonly bootId: string;
  readonly isolation: Isolation;
}

/**
 * Why a run is being ended, stopping.json: a task failed, somebody asked, it took too long, the fence fell, a newer epoch
 * came, it could not be started, or it was found in pieces.
 */
export interface Ending {
  readonly cause: 'failed' | 'asked' | 'time' | 'fence' | 'newer' | 'start' | 'lost';
  readonly sinceBootMs: number;
  /** With `failed`: which task, and with what. */
  readonly rank: number;
  readonly exitCode: number;
  /** With `start`: what went wrong. */
  readonly subject: string;
}

/** The file `tasks`: a line for the run, then one for each task that was started. The guard reads it too. */
export interface Started {
  readonly startBootMs: number;
  readonly tops: ReadonlyMap<number, ProcessId>;
}

export interface StoredRun {
  readonly record: RunRecord | undefined;
  readonly started: Started | undefined;
  readonly ending: Ending | undefined;
  readonly final: LocalReport | undefined;
}

export class Store {
  readonly layout: Layout;

  constructor(layout: Layout) {
    this.layout = layout;
  }

  accept(record: RunRecord): void {
    mkdirSync(this.#dir(record), { mode: 0o700 });
    this.#write(record, 'run.json', JSON.stringify(record));
  }

  beginTasks(run: RunRecord, startBootMs: number): void {
    const lease = run.leased ? 'leased' : 'unleased';
    this.#write(run, 'tasks', `${lease} ${startBootMs} ${run.isolation.cgroup}\n`);
  }

  addTask(run: RunKey, rank: number, top: ProcessId): void {
    appendFileSync(join(this.#dir(run), 'tasks'), `${rank} ${top.pid} ${top.startTicks}\n`);
  }

  ending(run: RunKey, ending: Ending): void {
    this.#tryWrite(run, 'stopping.json', JSON.stringify(ending));
  }

  /** Also of a run that never was: refused, or stopped before it came. */
  finish(report: LocalReport): void {
    this.#tryWrite(report, 'final.json', JSON.stringify(report));
  }

  forget(run: RunKey): void {
    rmSync(this.#dir(run), { recursive: true, force: true });
  }

  statusOf(run: RunKey, rank: number): string {
    return join(this.#dir(run), `${rank}.status`);
  }

  /** The exit code that the wrapper left; undefined when it was killed before it could. */
  exitCode(run: RunKey, rank: number): number | undefined {
    const text = readIfThere(this.statusOf(run, rank)) ?? '';
    return text.endsWith('\n') ? Number(text) : undefined;
  }

  *runs(): Iterable<StoredRun> {
    for (const name of readdirSync(this.layout.runs)) {
      const read = (file: string): string | undefined =>
        readIfThere(join(this.layout.runs, name, file));
      const parse = (file: string): unknown => JSON.parse(read(file) ?? 'null') ?? undefined;
      // Written by us, whole, into a directory that only we may enter.
      const run = {
        record: parse('run.json') as RunRecord | undefined,
        started: startedFrom(read('tasks')),
        ending: parse('stopping.json') as Ending | undefined,
        final: parse('final.json') as LocalReport | undefined,
      };
      if (run.record !== undefined || run.final !== undefined) yield run;
      // Killed between making the directory and writing into it: nothing was accepted.
      else rmSync(join(this.layout.runs, name), { recursive: true, force: true });
    }
  }

  #dir(run: RunKey): string {
    return join(this.layout.runs, keyOf(run));
  }

  #write(run: RunKey, file: string, text: string): void {
    writeWhole(join(this.#dir(run), file), text);
  }

  /** An end must come even on a full disk: then it is known in memory only, and judged again by the next supervisor. */
  #tryWrite(run: RunKey, file: string, text: string): void {
    try {
      mkdirSync(this.#dir(run), { recursive: true, mode: 0o700 });
      this.#write(run, file, text);
    } catch (error) {
      console.error(`${keyOf(run)}/${file} could not be written: ${codeOf(error)}`);
    }
  }
}

/** The known epochs with their journal: a line for each that was raised, in two files that take turns. */
export class EpochBook {
  readonly #epochs: Epochs;
  readonly #young: string;
  readonly #old: string;

  constructor(layout: Layout, nowBootMs: number) {
    this.#epochs = new Epochs(nowBootMs);
    this.#young = join(layout.control, 'epochs.0');
    this.#old = join(layout.control, 'epochs.1');
    for (const path of [this.#old, this.#young]) {
      for (const line of (readIfThere(path) ?? '').split('\n')) {
        const [jobUid, index, epoch] = line.split(' ').map(Number);
        // The last line may be cut off where the supervisor was killed: then its run was never accepted.
        if (jobUid === undefined || index === undefined || !epoch) continue;
        this.#epochs.raise({ jobUid, index, epoch }, nowBootMs);
      }
    }
  }

  newest(run: RunKey): number {
    return this.#epochs.newest(run);
  }

  raise(run: RunKey, nowBootMs: number): void {
    if (this.#epochs.raise(run, nowBootMs) && existsSync(this.#young)) {
      renameSync(this.#young, this.#old);
    }
    appendFileSync(this.#young, `${run.jobUid} ${run.index} ${run.epoch}\n`, { mode: 0o600 });
  }
}

/** Readers find the old content or the new one. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function startedFrom(text: string | undefined): Started | undefined {
  if (text === undefined) return undefined;
  const [first = '', ...lines] = text.split('\n');
  const tops = new Map<number, ProcessId>();
  for (const line of lines) {
    const [rank, pid, startTicks] = line.split(' ').map(Number);
    if (rank === undefined || pid === undefined || !startTicks) continue;
    tops.set(rank, { pid, startTicks });
  }
  return { startBootMs: Number(first.split(' ')[1]), tops };
}
