// One writer for all that is encoded here and at the edge: a new one for each message would allocate its buffer and grow it step by
// step, which costs as much as the encoding.
import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** A generated message type. */
interface Type<T> {
  encode(message: T, writer: BinaryWriter): BinaryWriter;
}

/** Larger messages are rare, and a writer never shrinks. */
const MAX_WRITER_BYTES = 256 * 1024;

let shared = new BinaryWriter();

/** The bytes are a copy: they stay as they are. */
export function encode<T>(type: Type<T>, message: T): Uint8Array {
  let isWhole = false;
  try {
    const bytes = type.encode(message, shared).finish();
    isWhole = bytes.length < MAX_WRITER_BYTES;
    return bytes;
  } finally {
    // One that has grown for a large message, or was left in the middle of one, goes.
    if (!isWhole) shared = new BinaryWriter();
  }
}
