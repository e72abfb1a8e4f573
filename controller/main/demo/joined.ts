// Waiting until the agents of a federation have joined.
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '#cli/exit.ts';
import type { Isobar } from '#client/isobar.ts';

const LOOK_MS = 50;

/** Throws when they do not in time. */
export async function allJoined(
  signal: AbortSignal,
  operator: Isobar,
  agents: number,
  withinMs: number,
): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
  for (;;) {
    const { reachableDataCenters, dataCenters } = await operator.federation.get();
    if (reachableDataCenters >= agents) return;
    if (deadline.aborted) {
      throw new Failure(
        `only ${reachableDataCenters} of ${dataCenters} agents have joined; see the logs in the data directory`,
      );
    }
    await sleep(LOOK_MS, undefined, { signal: deadline }).catch(() => undefined);
  }
}
