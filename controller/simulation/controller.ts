// A controller without its doors: the loop with sessions and leases, for tests of rooms that may not see the log themselves.
import { join } from 'node:path';
import { emptyState } from '#core/state.ts';
import { MemoryLog } from '#log/memory.ts';
import { SqliteLog } from '#log/sqlite.ts';
import { refuse } from '#domain/refusal.ts';
import { Leases } from '#loop/leases.ts';
import { Loop } from '#loop/loop.ts';
import { Sessions } from '#loop/sessions.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import { SILENT } from '#ports/telemetry.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';

export interface ControllerParts<L extends Log = Log> {
  readonly log: L;
  readonly loop: Loop;
  readonly leases: Leases;
  readonly sessions: Sessions;
  /** What ended it; undefined: it lives. */
  readonly fatal: () => Error | undefined;
  close(): Promise<void>;
}

/** On a log in memory that forgets with it. */
export function controllerInMemory(clock: Clock): ControllerParts<MemoryLog> {
  return makeController(clock, new MemoryLog());
}

/** On a log in a directory. */
export async function controllerOnDisk(clock: Clock, directory: string): Promise<ControllerParts> {
  return makeController(clock, await SqliteLog.open(join(directory, 'log')));
}

function makeController<L extends Log>(clock: Clock, log: L): ControllerParts<L> {
  let fatal: Error | undefined;
  const loop = new Loop({
    state: emptyState(),
    log,
    clock,
    telemetry: SILENT,
    policy: DEFAULT_POLICY,
    onFatal: (error) => (fatal ??= error),
  });
  const onSilent = (dataCenter: string): void =>
    sessions.drop(dataCenter, refuse('UNAVAILABLE', 'AGENT_SILENT', 'nothing was heard'));
  const leases = new Leases({ loop, clock, telemetry: SILENT, onSilent });
  const sessions = new Sessions({ loop, leases, clock, telemetry: SILENT });
  return {
    log,
    loop,
    leases,
    sessions,
    fatal: () => fatal,
    async close() {
      leases.close();
      sessions.close();
      await new Promise<void>((resolve) => {
        loop.stop(resolve);
      });
      await log.close();
    },
  };
}
