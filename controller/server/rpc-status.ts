// google.rpc.Status with the details that Isobar sends, encoded by hand: four small messages of google/rpc/status.proto
// and google/rpc/error_details.proto, whose field numbers never change. controller/client/errors.ts reads them.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { REFUSAL_CODES, type Refusal, type Violation } from '#domain/refusal.ts';

const ERROR_DOMAIN = 'isobar.internal';

/**
 * Details travel in a trailer, base64. Many clients take 8 KiB of headers in all by default and report a broken stream
 * beyond that, so what is too long is cut here: the first wrong fields help more than no answer.
 */
const MAX_DETAILS_BYTES = 3072;
/** Each byte that is not ASCII takes three when it is percent-encoded. */
const MAX_MESSAGE_BYTES = 512;
const MAX_DESCRIPTION_BYTES = 256;

/** What a status says in words: well-formed, since it is sent percent-encoded, and short. */
export function messageOf(refusal: Refusal): string {
  return cut(refusal.message, MAX_MESSAGE_BYTES);
}

/** The bytes of `grpc-status-details-bin`. */
export function encodeStatus(refusal: Refusal): Uint8Array {
  const status = new BinaryWriter();
  status.tag(1, WireType.Varint).int32(REFUSAL_CODES[refusal.code]);
  status.tag(2, WireType.LengthDelimited).string(messageOf(refusal));
  writeAny(status, 'ErrorInfo', encodeErrorInfo(refusal));
  if (refusal.retryAfterMs !== undefined) {
    writeAny(status, 'RetryInfo', encodeRetryInfo(refusal.retryAfterMs));
  }
  if (refusal.quota !== undefined && refusal.quota.length > 0) {
    const pairs = refusal.quota.map(({ subject, description }) => [subject, description] as const);
    writeAny(status, 'QuotaFailure', encodePairs(pairs));
  }
  if (refusal.violations !== undefined && refusal.violations.length > 0) {
    writeAny(status, 'BadRequest', encodePairs(fieldPairs(refusal.violations)));
  }
  return status.finish();
}

type Pair = readonly [string, string];

function fieldPairs(violations: readonly Violation[]): Pair[] {
  return violations.map(({ field, description }) => [field, description] as const);
}

/** google.protobuf.Any as field 3, `details`, of Status. */
function writeAny(status: BinaryWriter, name: string, value: Uint8Array): void {
  status.tag(3, WireType.LengthDelimited).fork();
  status.tag(1, WireType.LengthDelimited).string(`type.googleapis.com/google.rpc.${name}`);
  status.tag(2, WireType.LengthDelimited).bytes(value);
  status.join();
}

/** reason = 1, domain = 2, map<string, string> metadata = 3. */
function encodeErrorInfo(refusal: Refusal): Uint8Array {
  const info = new BinaryWriter();
  info.tag(1, WireType.LengthDelimited).string(refusal.reason);
  info.tag(2, WireType.LengthDelimited).string(ERROR_DOMAIN);
  for (const [key, value] of Object.entries(refusal.metadata ?? {})) {
    info.tag(3, WireType.LengthDelimited).fork();
    writePair(info, [key, value]);
    info.join();
  }
  return info.finish();
}

/** google.protobuf.Duration retry_delay = 1, with int64 seconds = 1 and int32 nanos = 2. */
function encodeRetryInfo(delayMs: number): Uint8Array {
  const whole = Math.max(0, Math.ceil(delayMs));
  const info = new BinaryWriter();
  info.tag(1, WireType.LengthDelimited).fork();
  info.tag(1, WireType.Varint).int64(Math.floor(whole / 1000));
  info.tag(2, WireType.Varint).int32((whole % 1000) * 1_000_000);
  info.join();
  return info.finish();
}

/** BadRequest and QuotaFailure have the same shape: repeated { string = 1; string description = 2 } as field 1. */
function encodePairs(pairs: readonly Pair[]): Uint8Array {
  const list = new BinaryWriter();
  let bytes = 0;
  for (const [i, pair] of pairs.entries()) {
    const item = new BinaryWriter();
    writePair(item, pair);
    const encoded = item.finish();
    bytes += encoded.length + 4;
    const full = bytes > MAX_DETAILS_BYTES;
    if (full) {
      item.finish(); // an empty writer again
      writePair(item, ['', `and ${pairs.length - i} more that did not fit here`]);
    }
    list.tag(1, WireType.LengthDelimited).bytes(full ? item.finish() : encoded);
    if (full) break;
  }
  return list.finish();
}

function writePair(writer: BinaryWriter, [first, second]: Pair): void {
  writer.tag(1, WireType.LengthDelimited).string(cut(first, MAX_DESCRIPTION_BYTES));
  writer.tag(2, WireType.LengthDelimited).string(cut(second, MAX_DESCRIPTION_BYTES));
}

function cut(text: string, bytes: number): string {
  const wellFormed = text.toWellFormed();
  const encoded = Buffer.from(wellFormed);
  if (encoded.length <= bytes) return wellFormed;
  // A character cut in half decodes to U+FFFD, which is dropped again.
  const start = encoded.subarray(0, bytes - 3).toString();
  return `${start.replace(/\uFFFD$/, '')}…`;
}
