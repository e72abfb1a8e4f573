// What stands in the way of a process and is no defect of it: a port that is taken, a directory that is not ours, a log that is
// damaged. Its message says what to do; a stack would only hide it.
import { OwnerFileError } from '#agent/executors/owner-file.ts';
import { EXIT, Failure } from '#cli/exit.ts';
import { LogError, type LogErrorKind } from '#log/errors.ts';

/** Others are defects, and tell where they come from. */
const EXIT_BY_KIND: Readonly<Partial<Record<LogErrorKind, number>>> = {
  locked: EXIT.NO_FILE,
  'not-writable': EXIT.NO_FILE,
  network: EXIT.NO_FILE,
  exists: EXIT.NO_FILE,
  missing: EXIT.NO_FILE,
  failed: EXIT.NO_FILE,
  foreign: EXIT.BAD_FILE,
  newer: EXIT.BAD_FILE,
  damaged: EXIT.BAD_FILE,
};

/** As a failure if it is one; else the error as it was. */
export function toFailure(error: unknown): unknown {
  if (error instanceof LogError) {
    const exit = EXIT_BY_KIND[error.kind];
    return exit === undefined ? error : new Failure(error.message, exit);
  }
  if (error instanceof OwnerFileError) return new Failure(error.message, EXIT.BAD_FILE);
  // The doors say it whole, with what the operating system said as the cause.
  if (error instanceof Error && /^cannot (listen|serve metrics) on /.test(error.message))
    return new Failure(error.message, EXIT.UNAVAILABLE);
  return error;
}
