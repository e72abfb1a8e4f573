// A log from a backup, which goes on as a new incarnation: uids that it gives out differ from all that were given out since the
// backup, and agents that served it refuse the controller that it was copied from.
import { join } from 'node:path';
import { CONTROLLER } from '#core/command.ts';
import { restoreBackup } from '#log/backup.ts';
import { SqliteLog } from '#log/sqlite.ts';
import { ask } from '#loop/ask.ts';
import { Loop } from '#loop/loop.ts';
import { recover } from '#loop/recover.ts';
import { SILENT } from '#ports/telemetry.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { SystemClock } from './system.ts';

export async function restoreFederation(
  file: string,
  dataDir: string,
): Promise<{ readonly revision: number; readonly incarnation: number }> {
  const directory = join(dataDir, 'log');
  const revision = await restoreBackup(file, directory);
  const log = await SqliteLog.open(directory);
  try {
    const state = await recover(log);
    const incarnation = state.incarnation + 1;
    await new Promise<void>((resolve, reject) => {
      const loop = new Loop({
        state,
        log,
        clock: new SystemClock(),
        telemetry: SILENT,
        policy: DEFAULT_POLICY,
        onFatal: reject,
      });
      const who = { actor: CONTROLLER, method: 'controller/restore', requestId: '' };
      const { federation } = state;
      void ask(loop, { kind: 'foundFederation', federation, incarnation }, who).then(() =>
        loop.stop(resolve),
      );
    });
    return { revision, incarnation };
  } finally {
    await log.close();
  }
}
