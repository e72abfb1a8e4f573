// FederationService: the whole on one page, and a copy of it.
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataCenterState } from '#domain/states.ts';
import { FederationServiceService, type BackupResponse } from '#gen/isobar/v1/federation.ts';
import { toReason, toResources } from '#loop/views.ts';
import { FEDERATION } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import type { Send } from '../stream-writer.ts';
import { serverStream, unary } from './checked.ts';
import { readAt, type Parts } from './parts.ts';

const PIECE_BYTES = 256 * 1024;

export function federationHandlers(parts: Parts): Handlers<FederationServiceService> {
  return {
    getFederation: unary(
      ({ minRevision }) => ({ concern: FEDERATION, parsed: minRevision }),
      async (minRevision, context) => {
        const { value, revision } = await readAt(parts, minRevision, context, (state) => {
          const { derived, dataCenters } = state;
          const members = [...dataCenters.values()].filter(
            (dataCenter) => dataCenter.state !== DataCenterState.LEFT,
          );
          const reachable = members.filter(({ session }) => session !== undefined);
          return {
            id: state.federation,
            incarnation: state.incarnation,
            reachableDataCenters: reachable.length,
            dataCenters: members.length,
            capacity: toResources(derived.capacity),
            allocated: toResources(derived.allocated),
            queuedJobs: derived.queuedJobs,
            runningJobs: derived.runningJobs,
          };
        });
        const { condition } = parts.leases;
        const conditions = condition === undefined ? [] : [toReason(condition)];
        return { ...value, revision, version: parts.version, conditions };
      },
    ),
    backup: serverStream(
      () => ({ concern: FEDERATION, parsed: undefined }),
      (_, send, { signal }) => backup(parts, send, signal),
    ),
  };
}

/** The log writes the copy beside itself, whole and consistent; it is sent and removed, however the call ends. */
async function backup(
  { log, scratchDir }: Parts,
  send: Send<BackupResponse>,
  signal: AbortSignal,
): Promise<void> {
  const path = join(scratchDir, `backup-${randomBytes(8).toString('hex')}.tmp`);
  await mkdir(scratchDir, { recursive: true, mode: 0o700 });
  try {
    const revision = await log.backup(path);
    const file = await open(path);
    try {
      let isFirst = true;
      for (;;) {
        signal.throwIfAborted();
        // A buffer for each piece: the one before may still wait to be sent.
        const { buffer, bytesRead } = await file.read(
          Buffer.allocUnsafe(PIECE_BYTES),
          0,
          PIECE_BYTES,
        );
        if (bytesRead === 0 && !isFirst) return;
        await send({ revision: isFirst ? revision : 0, data: buffer.subarray(0, bytesRead) });
        isFirst = false;
      }
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}
