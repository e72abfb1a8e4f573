// A process that runs until a signal, or until it cannot go on.
import { EXIT } from '#cli/exit.ts';
import type { Session } from '#cli/session.ts';
import { toFailure } from './failure.ts';

/** A clean shutdown takes less; after this the process ends however it stands, and nothing acknowledged is lost. */
const LONGEST_STOP_MS = 10_000;
/** What could not start or go on is told within this; then the process ends, whatever timers and doors it still has. */
const LAST_WORDS_MS = 500;

/**
 * Starts something and answers 0 when a signal has ended it, or the end of
 * whoever started it with a channel for messages. `start` is given what to call when it cannot go on, and answers
 * how to stop it.
 */
export async function untilEnded(
  session: Session,
  start: (onFatal: (error: Error) => void) => Promise<() => Promise<void>>,
): Promise<number> {
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const interrupted = new Promise<void>((resolve) => {
    if (session.signal.aborted) resolve();
    session.signal.addEventListener('abort', () => resolve(), { once: true });
    // Whoever started it with a channel, and waits for nothing but its end, is gone.
    process.once('disconnect', resolve);
  });
  let stop: () => Promise<void>;
  try {
    // It may also fail in its start, which then never ends.
    stop = await Promise.race([start(fail), failed]);
    await Promise.race([interrupted, failed]);
  } catch (error) {
    endSoon();
    throw toFailure(error);
  }
  const timer = setTimeout(() => process.exit(EXIT.INTERNAL), LONGEST_STOP_MS);
  await stop();
  clearTimeout(timer);
  // Else the channel would keep it.
  if (process.connected) process.disconnect();
  return EXIT.OK;
}

/** With the exit code that is told by then. A process that hangs would not be started again by whoever looks after it. */
function endSoon(): void {
  setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
}
