// A restart: the rows of the checkpoint, the records after it, and then all that is derived.
import { foldRecord } from '#core/fold.ts';
import { rebuildDerived } from '#core/rebuild.ts';
import { emptyState, type State } from '#core/state.ts';
import { Record as LogRecord } from '#gen/isobar/log/v1/record.ts';
import type { Log } from '#ports/log.ts';
import { KINDS, loadRow } from './rows.ts';

export async function recover(log: Log): Promise<State> {
  const state = emptyState();
  const from = log.head.checkpointRevision;
  state.derived.live = false;
  state.ahead = new Map();
  state.parts = new Map();
  const { ahead } = state;
  await log.loadCheckpoint(KINDS, (rows) => {
    for (const row of rows) {
      loadRow(state, row);
      if (row.revision > from) ahead.set(`${row.kind}/${row.key}`, row.revision);
    }
  });
  state.revision = from;
  await log.replay(from, (firstRevision, bodies) => {
    for (const [i, body] of bodies.entries()) {
      const record = LogRecord.decode(body);
      if (record.revision !== firstRevision + i) {
        throw new Error(
          `record ${firstRevision + i} of the log says that it is ${record.revision}; restore a backup`,
        );
      }
      foldRecord(state, record.revision, record.timeMs, record.events);
    }
  });
  state.ahead = undefined;
  rebuildDerived(state);
  return state;
}
