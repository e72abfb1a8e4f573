// Exit codes: one table, so that scripts can rely on it.
import { FileError } from '#client/file-error.ts';
import { type Code, IsobarError } from '#client/isobar-error.ts';
import { OutputClosed } from './io.ts';

export const EXIT = {
  OK: 0,
  FAILED: 1,
  REFUSED: 2,
  NOT_FOUND: 3,
  NO_ACCESS: 4,
  USAGE: 64,
  BAD_FILE: 65,
  NO_FILE: 66,
  UNAVAILABLE: 69,
  INTERNAL: 70,
  TIMED_OUT: 124,
  HUNG_UP: 129,
  INTERRUPTED: 130,
  OUTPUT_CLOSED: 141,
  TERMINATED: 143,
} as const;

/** As `isobar help exit-codes` prints them. */
export const EXIT_MEANING = {
  [EXIT.OK]: 'done',
  [EXIT.FAILED]:
    'what was asked for failed: a job without a code of its own, a difference, a check',
  [EXIT.REFUSED]: 'the controller refused it',
  [EXIT.NOT_FOUND]: 'there is no such thing, or it is not yours to see',
  [EXIT.NO_ACCESS]: 'the controller cannot be reached, or does not know you',
  [EXIT.USAGE]: 'the command line is wrong',
  [EXIT.BAD_FILE]: 'a file is not well formed',
  [EXIT.NO_FILE]: 'a file cannot be read or written',
  [EXIT.UNAVAILABLE]: 'the controller cannot serve now: try again',
  [EXIT.INTERNAL]: 'a defect of isobar, here or in the controller',
  [EXIT.TIMED_OUT]: 'the time given with --timeout is over',
  [EXIT.HUNG_UP]: 'ended by SIGHUP: its terminal was closed',
  [EXIT.INTERRUPTED]: 'interrupted by SIGINT',
  [EXIT.OUTPUT_CLOSED]: 'the reader of the output went away',
  [EXIT.TERMINATED]: 'ended by SIGTERM',
} as const satisfies Record<(typeof EXIT)[keyof typeof EXIT], string>;

export const JOB_EXIT_RULE =
  '`submit --wait` and `wait` exit with the exit code of the first job that did not succeed.';

/** The command line is wrong. `next` says where to look. */
export class UsageError extends Error {
  readonly next: string;

  constructor(message: string, next = '') {
    super(message);
    this.next = next;
  }
}

/** Something else than the command line or the controller stands in the way. */
export class Failure extends Error {
  readonly exit: number;
  readonly next: string;

  constructor(message: string, exit: number = EXIT.FAILED, next = '') {
    super(message);
    this.exit = exit;
    this.next = next;
  }
}

export function exitOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.USAGE;
  if (error instanceof Failure) return error.exit;
  if (error instanceof FileError) return EXIT.BAD_FILE;
  if (error instanceof OutputClosed) return EXIT.OUTPUT_CLOSED;
  if (error instanceof IsobarError) return exitOfCall(error);
  // What the operating system refused: a full disk, a folder that is not ours.
  if (error instanceof Error && 'syscall' in error) return EXIT.NO_FILE;
  return EXIT.INTERNAL;
}

/** Reasons of the client itself that are about the command line, not about the controller. */
const USAGE_REASONS: readonly string[] = [
  'BAD_NAME',
  'NO_TENANT',
  'SEVERAL_TENANTS',
  'INVALID_JOB',
  'INVALID_TOKEN',
  'INVALID_ADDRESS',
];

/** All others are refusals. */
const EXIT_BY_CODE: Readonly<Partial<Record<Code, number>>> = {
  NOT_FOUND: EXIT.NOT_FOUND,
  UNAUTHENTICATED: EXIT.NO_ACCESS,
  UNAVAILABLE: EXIT.UNAVAILABLE,
  DEADLINE_EXCEEDED: EXIT.UNAVAILABLE,
  INTERNAL: EXIT.INTERNAL,
  UNKNOWN: EXIT.INTERNAL,
  DATA_LOSS: EXIT.INTERNAL,
};

function exitOfCall(error: IsobarError): number {
  if (USAGE_REASONS.includes(error.reason)) return EXIT.USAGE;
  if (error.reason === 'NO_CONTEXT' || error.unreachable) return EXIT.NO_ACCESS;
  return EXIT_BY_CODE[error.code] ?? EXIT.REFUSED;
}
