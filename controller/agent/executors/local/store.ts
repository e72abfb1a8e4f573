// What is on disk of each run: a journal, one file, a line for each thing that happened. Lines are written in one piece, so
// that a supervisor can be killed between any two and the next one finds out what was going on. Nothing is synced: what a
// power cut takes is taken from runs that the power cut has ended anyway.
//
//   accept RECORD                  it is to be run
//   begin LEASE START CGROUP       its tasks are being started; LEASE is leased or unleased, START in boot time
//   task RANK PID TICKS            a task was started
//   exit RANK CODE                 a task ended; written by its wrapper
//   ending ENDING                  it is being ended
//   final REPORT                   it has ended
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type RunKey, keyOf } from '#ports/executor.ts';
import { Epochs } from '../epochs.ts';
import type { Layout } from './layout.ts';
import { type ProcessId, codeOf } from './proc.ts';
import type { LocalReport } from './protocol.ts';
import type { Isolation } from './trees.ts';

/** What is needed to end a run and to judge its end. No environment and no files: they may hold secrets. */
export interface RunRecord extends RunKey {
  readonly job: string;
  readonly leased: boolean;
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
  readonly maxRunMs: number;
  readonly tasks: number;
  /** How many tasks, one after the other, asked for how much. Absent in what an earlier release has accepted. */
  readonly groups?: readonly { readonly tasks: number; readonly memoryMib: number }[];
  readonly bootId: string;
  readonly isolation: Isolation;
}

/**
 * Why a run is being ended: a task failed or took more memory than it may, somebody asked, it took too long, the fence
 * fell, a newer epoch came, it could not be started, or it was found in pieces.
 */
export interface Ending {
  readonly cause: 'failed' | 'memory' | 'asked' | 'time' | 'fence' | 'newer' | 'start' | 'lost';
  readonly sinceBootMs: number;
  /** With `failed` and `memory`: which task. */
  readonly rank: number;
  /** With `failed`. */
  readonly exitCode: number;
  /** With `start`: what went wrong. */
  readonly subject: string;
}

/** The journal of one run, read. */
export interface StoredRun {
  record: RunRecord | undefined;
  /** Undefined when none of its tasks was started. */
  startBootMs: number | undefined;
  readonly tops: Map<number, ProcessId>;
  readonly exits: Map<number, number>;
  ending: Ending | undefined;
  final: LocalReport | undefined;
}

export class Store {
  readonly layout: Layout;
  /** Journals of live runs. */
  readonly #open = new Map<string, number>();

  constructor(layout: Layout) {
    this.layout = layout;
  }

  accept(record: RunRecord): void {
    this.#append(record, `accept ${JSON.stringify(record)}`);
  }

  begin(run: RunRecord, startBootMs: number): void {
    const lease = run.leased ? 'leased' : 'unleased';
    this.#append(run, `begin ${lease} ${startBootMs} ${run.isolation.cgroup}`);
  }

  addTask(run: RunKey, rank: number, top: ProcessId): void {
    this.#append(run, `task ${rank} ${top.pid} ${top.startTicks}`);
  }

  ending(run: RunKey, ending: Ending): void {
    this.#tryAppend(run, `ending ${JSON.stringify(ending)}`);
  }

  /** Also of a run that never was: refused, or stopped before it came. */
  finish(report: LocalReport): void {
    this.#tryAppend(report, `final ${JSON.stringify(report)}`);
    const journal = this.#open.get(keyOf(report));
    if (journal !== undefined) closeSync(journal);
    this.#open.delete(keyOf(report));
  }

  forget(run: RunKey): void {
    rmSync(this.#path(keyOf(run)), { force: true });
  }

  /** For the wrapper of a task, which appends how the task ended. */
  journalOf(run: RunKey): number {
    const key = keyOf(run);
    let journal = this.#open.get(key);
    if (journal === undefined) {
      journal = openSync(this.#path(key), 'a', 0o600);
      this.#open.set(key, journal);
    }
    return journal;
  }

  /** The exit code that a wrapper left; undefined when it was killed before it could. */
  exitCode(run: RunKey, rank: number): number | undefined {
    return this.#read(keyOf(run)).exits.get(rank);
  }

  *runs(): Iterable<StoredRun> {
    for (const key of readdirSync(this.layout.runs)) {
      const run = this.#read(key);
      if (run.record !== undefined || run.final !== undefined) yield run;
      // Killed between making the file and writing into it: nothing was accepted.
      else rmSync(this.#path(key), { force: true });
    }
  }

  #read(key: string): StoredRun {
    const run: StoredRun = {
      record: undefined,
      startBootMs: undefined,
      tops: new Map(),
      exits: new Map(),
      ending: undefined,
      final: undefined,
    };
    const lines = (readIfThere(this.#path(key)) ?? '').split('\n');
    // What follows the last newline was cut off.
    for (const line of lines.slice(0, -1)) readLine(line, run);
    return run;
  }

  /** The newline before it closes what a full disk may have cut off. */
  #append(run: RunKey, line: string): void {
    writeSync(this.journalOf(run), `\n${line}\n`);
  }

  /** An end must come even on a full disk: then it is known in memory only, and judged again by the next supervisor. */
  #tryAppend(run: RunKey, line: string): void {
    try {
      this.#append(run, line);
    } catch (error) {
      console.error(`the journal of ${keyOf(run)} could not be written: ${codeOf(error)}`);
    }
  }

  #path(key: string): string {
    return join(this.layout.runs, key);
  }
}

function readLine(line: string, run: StoredRun): void {
  const [word, first = '', second, third] = line.split(' ', 4);
  // Written by us, whole, into a directory that only we may enter. Half a line, from a full disk, has no such word.
  const parsed = (): unknown => parseOrNothing(line.slice(line.indexOf(' ') + 1));
  if (word === 'accept') run.record = parsed() as RunRecord | undefined;
  else if (word === 'ending') run.ending = parsed() as Ending | undefined;
  else if (word === 'final') run.final = parsed() as LocalReport | undefined;
  else if (word === 'begin') run.startBootMs = Number(second);
  else if (word === 'exit') run.exits.set(Number(first), Number(second));
  else if (word === 'task') {
    run.tops.set(Number(first), { pid: Number(second), startTicks: Number(third) });
  }
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
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
