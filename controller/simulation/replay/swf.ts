// The Standard Workload Format of the Parallel Workloads Archive (https://www.cs.huji.ac.il/labs/parallel/workload/swf.html): one
// job a line in 18 columns, comments after a semicolon. Read as a stream, plain or compressed.
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';

export interface TraceJob {
  readonly submitSeconds: number;
  readonly runSeconds: number;
  readonly processors: number;
  /** Where it ran in the trace: its home. */
  readonly site: number;
}

export interface SwfTrace {
  /** In the order of the file. */
  readonly jobs: readonly TraceJob[];
  /** By number, as far as the header tells. */
  readonly siteNames: ReadonlyMap<number, string>;
  /** Jobs that say neither how long they ran nor on what, by the reason. */
  readonly dropped: ReadonlyMap<string, number>;
}

const COLUMNS = 18;
/** Columns by their place in a line, from 0. */
const SUBMIT = 1;
const RUN = 3;
const ALLOCATED = 4;
const REQUESTED = 7;
const PARTITION = 15;

export async function readSwf(file: string): Promise<SwfTrace> {
  const parser = new SwfParser(file);
  const source = createReadStream(file);
  const stream = file.endsWith('.gz') ? source.pipe(createGunzip()) : source;
  // What goes wrong with the file comes out of whatever is read from.
  source.on('error', (error) => stream.destroy(error));
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) parser.line(line);
  }
  parser.line(rest);
  return parser;
}

/** Takes a file line by line. */
export class SwfParser implements SwfTrace {
  readonly jobs: TraceJob[] = [];
  readonly siteNames = new Map<number, string>();
  readonly dropped = new Map<string, number>();
  readonly #file: string;
  #line = 0;

  constructor(file: string) {
    this.#file = file;
  }

  line(text: string): void {
    this.#line++;
    const trimmed = text.trim();
    if (trimmed === '') return;
    if (trimmed.startsWith(';')) return this.#header(trimmed);
    const columns = trimmed.split(/\s+/).map(Number);
    if (columns.length !== COLUMNS) {
      throw this.#error(`has ${columns.length} columns, a job has ${COLUMNS}`);
    }
    const wrong = columns.findIndex((value) => Number.isNaN(value));
    if (wrong >= 0) throw this.#error(`column ${wrong + 1} is no number`);
    const processors = columns[ALLOCATED]! > 0 ? columns[ALLOCATED]! : columns[REQUESTED]!;
    const runSeconds = columns[RUN]!;
    if (runSeconds < 0) return this.#drop('run time unknown');
    if (processors <= 0) return this.#drop('processors unknown');
    const submitSeconds = columns[SUBMIT]!;
    if (submitSeconds < 0) throw this.#error(`column ${SUBMIT + 1} is before the trace begins`);
    this.jobs.push({ submitSeconds, runSeconds, processors, site: columns[PARTITION]! });
  }

  #header(line: string): void {
    const partition = /^;\s*Partition:\s*(\d+)\s+(\S+)/.exec(line);
    if (partition !== null) this.siteNames.set(Number(partition[1]), partition[2]!);
  }

  #drop(why: string): void {
    this.dropped.set(why, (this.dropped.get(why) ?? 0) + 1);
  }

  #error(what: string): Error {
    return new Error(
      `${this.#file}, line ${this.#line}: ${what}; see the Standard Workload Format`,
    );
  }
}
