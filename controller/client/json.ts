// Messages as JSON: proto3's JSON form with the field names of the proto files (`memory_mib`), 64-bit numbers as numbers,
// fields in the order of the proto and without those that have their default. What is printed can be read back.
import { snakeCase } from './fields.ts';
import { fromDuration, type ProtoDuration } from './quantities.ts';

interface Codec<T> {
  toJSON(message: T): unknown;
}

/** Maps, whose keys are the user's own. */
const MAPS: ReadonlySet<string> = new Set([
  'labels',
  'extra',
  'dataCenterLabels',
  'nodeLabels',
  'metadata',
]);
/** google.protobuf.Duration, which the generated code leaves in two numbers. */
const DURATIONS: ReadonlySet<string> = new Set([
  'lease',
  'expectedRunTime',
  'maxRunTime',
  'stopGrace',
  'backoff',
  'maxBackoff',
]);

export function toApiJson<T>(codec: Codec<T>, message: T): unknown {
  return rename(codec.toJSON(message));
}

function rename(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rename);
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (MAPS.has(key)) result[snakeCase(key)] = item;
    else if (DURATIONS.has(key)) result[snakeCase(key)] = durationText(item);
    else result[snakeCase(key)] = rename(item);
  }
  return result;
}

/** `600s`, `0.5s`. */
function durationText(value: unknown): string {
  const { seconds = 0, nanos = 0 } = value as Partial<ProtoDuration>; // only durations have these keys
  return `${fromDuration({ seconds, nanos }) / 1000}s`;
}
