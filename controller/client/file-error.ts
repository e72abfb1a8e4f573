// What is wrong in a file that somebody wrote, and where.

/** One wrong thing in a file. */
export interface FileProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `groups[0].cpu`; empty: the whole entry, or the syntax. */
  readonly field: string;
  readonly message: string;
}

/** A file that cannot be used, with everything that is wrong in it. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly problems: readonly FileProblem[];

  constructor(problems: readonly FileProblem[]) {
    super(problems.map(problemText).join('\n'));
    this.problems = problems;
  }
}

/** `jobs.yaml:3:8: memory: expected a size with its unit …`, which editors and terminals make a link of. */
export function problemText({ file, line, column, field, message }: FileProblem): string {
  return `${file}:${line}:${column}: ${field === '' ? '' : `${field}: `}${message}`;
}
