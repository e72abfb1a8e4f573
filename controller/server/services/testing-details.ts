// What a refusal says in its details.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { ServiceError } from '@grpc/grpc-js';

/** Read with the published field numbers of google/rpc. */
export function detailsOf(error: ServiceError | null): {
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Field and description of each wrong field. */
  readonly violations: readonly (readonly [string, string])[];
} {
  const [bytes] = error?.metadata.get('grpc-status-details-bin') ?? [];
  const found = { reason: '', metadata: {}, violations: [] as [string, string][] };
  if (bytes === undefined || typeof bytes === 'string') return found;
  for (const any of fieldsOf(bytes, 3)) {
    const [type] = fieldsOf(any, 1).map(String);
    const [value = Buffer.alloc(0)] = fieldsOf(any, 2);
    if (type?.endsWith('ErrorInfo') === true) {
      found.reason = String(fieldsOf(value, 1)[0]);
      found.metadata = Object.fromEntries(fieldsOf(value, 3).map(pairOf));
    }
    if (type?.endsWith('BadRequest') === true) found.violations = fieldsOf(value, 1).map(pairOf);
  }
  return found;
}

function pairOf(bytes: Buffer): [string, string] {
  return [String(fieldsOf(bytes, 1)[0] ?? ''), String(fieldsOf(bytes, 2)[0] ?? '')];
}

/** The values of a field that has bytes. */
function fieldsOf(bytes: Uint8Array, wanted: number): Buffer[] {
  const reader = new BinaryReader(bytes);
  const found: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted && type === WireType.LengthDelimited)
      found.push(Buffer.from(reader.bytes()));
    else reader.skip(type, field);
  }
  return found;
}
