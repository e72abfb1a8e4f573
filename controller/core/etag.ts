// Optimistic concurrency: an etag is the revision of the last change.
import { refuse, type Refusal } from '#domain/refusal.ts';

export function checkEtag(
  wanted: number | undefined,
  actual: number | undefined,
): Refusal | undefined {
  if (wanted === undefined || wanted === actual) return undefined;
  return refuse(
    'ABORTED',
    'ETAG_MISMATCH',
    'it was changed since it was read; read it again and repeat the change',
  );
}
