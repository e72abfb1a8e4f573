// What executors read from a specification in the same way.
import type { Duration } from '#gen/google/protobuf/duration.ts';

/** Between the stop signal and SIGKILL, where the specification says nothing. */
export const DEFAULT_GRACE_MS = 10_000;

export function millisOf(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : duration.seconds * 1000 + duration.nanos / 1e6;
}
