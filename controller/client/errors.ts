// Reads the details of a refusal: google.rpc.Status in `grpc-status-details-bin`, decoded by hand as
// controller/server/rpc-status.ts encodes it. What cannot be read is as good as absent: the code and the message remain.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Metadata } from '@grpc/grpc-js';
import type { QuotaViolation, Violation } from '#domain/refusal.ts';

export interface ErrorDetails {
  /** Stable UPPER_SNAKE reason. Empty: none was sent. */
  readonly reason: string;
  /** For example `resume_revision` or `request_id`. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];
  readonly quota: readonly QuotaViolation[];
  /** Undefined: waiting was not offered as a remedy. */
  readonly retryAfterMs: number | undefined;
}

const TYPE_PREFIX = 'type.googleapis.com/google.rpc.';

export function decodeDetails(metadata: Metadata): ErrorDetails {
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (bytes === undefined || typeof bytes === 'string') return NOTHING;
  try {
    return decodeStatus(bytes);
  } catch {
    return NOTHING; // another program's bytes; an error while reporting an error helps nobody
  }
}

/** Throws what BinaryReader throws on bytes that are no protobuf. */
export function decodeStatus(bytes: Uint8Array): ErrorDetails {
  let details = NOTHING;
  eachField(bytes, (field, value) => {
    if (field !== 3) return;
    const { type, body } = decodeAny(value);
    if (type === 'ErrorInfo') details = { ...details, ...decodeErrorInfo(body) };
    if (type === 'RetryInfo') details = { ...details, retryAfterMs: decodeRetryInfo(body) };
    if (type === 'BadRequest') {
      const violations = decodePairs(body).map(([name, text]) => ({
        field: name,
        description: text,
      }));
      details = { ...details, violations };
    }
    if (type === 'QuotaFailure') {
      const quota = decodePairs(body).map(([subject, description]) => ({ subject, description }));
      details = { ...details, quota };
    }
  });
  return details;
}

const NOTHING: ErrorDetails = {
  reason: '',
  metadata: {},
  violations: [],
  quota: [],
  retryAfterMs: undefined,
};

function decodeAny(bytes: Uint8Array): { readonly type: string; readonly body: Uint8Array } {
  let type = '';
  let body = new Uint8Array();
  eachField(bytes, (field, value) => {
    if (field === 1) type = textOf(value);
    if (field === 2) body = Uint8Array.from(value);
  });
  return { type: type.startsWith(TYPE_PREFIX) ? type.slice(TYPE_PREFIX.length) : '', body };
}

function decodeErrorInfo(bytes: Uint8Array): Pick<ErrorDetails, 'reason' | 'metadata'> {
  let reason = '';
  const metadata: [string, string][] = [];
  eachField(bytes, (field, value) => {
    if (field === 1) reason = textOf(value);
    if (field === 3) metadata.push(decodePair(value));
  });
  return { reason, metadata: Object.fromEntries(metadata) };
}

function decodeRetryInfo(bytes: Uint8Array): number {
  let delayMs = 0;
  eachField(bytes, (field, value) => {
    if (field !== 1) return;
    const reader = new BinaryReader(value);
    while (reader.pos < reader.len) {
      const [part, wireType] = reader.tag();
      if (part === 1) delayMs += Number(reader.int64()) * 1000;
      else if (part === 2) delayMs += reader.int32() / 1_000_000;
      else reader.skip(wireType, part);
    }
  });
  return delayMs;
}

function decodePairs(bytes: Uint8Array): [string, string][] {
  const pairs: [string, string][] = [];
  eachField(bytes, (field, value) => {
    if (field === 1) pairs.push(decodePair(value));
  });
  return pairs;
}

function decodePair(bytes: Uint8Array): [string, string] {
  const pair: [string, string] = ['', ''];
  eachField(bytes, (field, value) => {
    if (field === 1) pair[0] = textOf(value);
    if (field === 2) pair[1] = textOf(value);
  });
  return pair;
}

/** Every length-delimited field of a message, in order; others are skipped. */
function eachField(bytes: Uint8Array, visit: (field: number, value: Uint8Array) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) visit(field, reader.bytes());
    else reader.skip(wireType, field);
  }
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
