// A process that runs until a signal, or until it cannot go on.
import { EXIT, Failure } from '#cli/exit.ts';
import type { Session } from '#cli/session.ts';

/** A clean shutdown takes less; after this the process ends however it stands, and nothing acknowledged is lost. */
const LONGEST_STOP_MS = 10_000;

/**
 * Starts something and answers 0 when a signal has ended it. `start` is given what to call when it cannot go on, and answers
 * how to stop it.
 */
export async function untilEnded(
  session: Session,
  start: (onFatal: (error: Error) => void) => Promise<() => Promise<void>>,
): Promise<number> {
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const stop = await start(fail);
  const interrupted = new Promise<undefined>((resolve) => {
    if (session.signal.aborted) resolve(undefined);
    session.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const error = await Promise.race([failed, interrupted]);
  // What failed keeps nothing: its log is closed to it.
  if (error !== undefined)
    throw new Failure(
      error.message,
      EXIT.INTERNAL,
      'start it again: it goes on from what is on disk',
    );
  const timer = setTimeout(() => process.exit(EXIT.INTERNAL), LONGEST_STOP_MS);
  await stop();
  clearTimeout(timer);
  return EXIT.OK;
}
