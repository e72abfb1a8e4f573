// The one place that turns a refusal into a gRPC status, and anything else that was thrown into INTERNAL.
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { isRefusal, refuse, type Refusal } from '#domain/refusal.ts';
import { encodeStatus, messageOf } from './rpc-status.ts';

export const REQUEST_ID_KEY = 'x-request-id';
const DETAILS_KEY = 'grpc-status-details-bin';

/** A refusal on its way through `throw`, for code that is deep in a call. Returning it is as good. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** The refusal in whatever a handler threw; undefined: it is a defect of ours. */
export function refusalIn(thrown: unknown): Refusal | undefined {
  if (thrown instanceof RefusalError) return thrown.refusal;
  return isRefusal(thrown) ? thrown : undefined;
}

/** The value; throws it when it is a refusal. */
export function orThrow<T>(value: T | Refusal): T {
  if (isRefusal(value)) throw new RefusalError(value);
  return value;
}

/** All that a caller learns of a defect: the words stay in our log, where the request id finds them. */
export function internalError(requestId: string): Refusal {
  return refuse(
    'INTERNAL',
    'INTERNAL',
    `Something is wrong in the controller. Tell its operators the request id ${requestId}.`,
    { metadata: { request_id: requestId } },
  );
}

export function toStatus(refusal: Refusal, requestId: string): StatusObject {
  const metadata = trailersOf(requestId);
  metadata.set(DETAILS_KEY, Buffer.from(encodeStatus(refusal)));
  return { code: status[refusal.code], details: messageOf(refusal), metadata };
}

/** What every answer ends with. */
export function trailersOf(requestId: string): Metadata {
  const metadata = new Metadata();
  metadata.set(REQUEST_ID_KEY, requestId);
  return metadata;
}
