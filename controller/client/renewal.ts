// Keeps an identity alive: renews its certificate when two thirds of its life are over, for as long as a program runs.
import type { Channel } from '@grpc/grpc-js';
import { renew } from './enrol.ts';
import type { StoredIdentity } from './identity.ts';

export interface RenewalOptions {
  readonly onRenewed?: (identity: StoredIdentity) => void;
  /** A failure is no end: it is tried again in five minutes, and there is a third of a life for it. */
  readonly onError?: (error: unknown) => void;
  readonly nowMs?: () => number;
  /** Calls back after a delay; the answer cancels. */
  readonly after?: (delayMs: number, call: () => void) => () => void;
}

/** Looked at again after so long even if nothing is due: a machine that slept wakes up late by its timers. */
const LONGEST_WAIT_MS = 3_600_000;
const RETRY_MS = 300_000;

/** The answer stops it. */
export function keepRenewed(
  identity: StoredIdentity,
  channel: Channel,
  options: RenewalOptions = {},
): () => void {
  const { nowMs = Date.now, after = afterDelay } = options;
  const stopping = new AbortController();
  let cancel = (): void => {};

  const wait = (delayMs: number): void => {
    if (stopping.signal.aborted) return;
    cancel = after(Math.min(Math.max(delayMs, 1000), LONGEST_WAIT_MS), () => void look());
  };
  const look = async (): Promise<void> => {
    if (nowMs() < identity.facts.renewMs) {
      wait(identity.facts.renewMs - nowMs());
      return;
    }
    try {
      await renew(identity, channel, { signal: stopping.signal });
      options.onRenewed?.(identity);
      wait(identity.facts.renewMs - nowMs());
    } catch (error) {
      if (!stopping.signal.aborted) options.onError?.(error);
      // A certificate that lives for minutes cannot wait for five.
      wait(Math.min(RETRY_MS, (identity.facts.expireMs - nowMs()) / 10));
    }
  };
  wait(identity.facts.renewMs - nowMs());
  return () => {
    stopping.abort();
    cancel();
  };
}

function afterDelay(delayMs: number, call: () => void): () => void {
  const timer = setTimeout(call, delayMs);
  timer.unref(); // a program that has nothing else to do may end
  return () => clearTimeout(timer);
}
