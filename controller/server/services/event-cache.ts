// Events encoded once, however many watch: a response is put together from pieces that are ready. Only the newest records are
// kept; who catches up from far behind encodes for itself.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Event } from '#gen/isobar/v1/event.ts';
import { encode } from '#loop/encode.ts';
import type { Published } from '#loop/hub.ts';
import { shownOf } from '../convert/event.ts';

/** One event, as it stands in a WatchEventsResponse, with what filters look at. */
export interface Piece {
  readonly tenant: string;
  readonly jobSet: string;
  readonly job: string;
  /** Field 2, `events`, with its tag and length. */
  readonly bytes: Uint8Array;
}

/** A WatchEventsResponse with nothing but this event. */
const OneEvent = {
  encode: (event: Event, writer: BinaryWriter) =>
    Event.encode(event, writer.tag(2, WireType.LengthDelimited).fork()).join(),
};

/** About 250 bytes each. */
const KEPT_PIECES = 40_000;

export class EventCache {
  /** By revision, oldest first. */
  readonly #kept = new Map<number, readonly Piece[]>();
  #pieces = 0;

  piecesOf(record: Published): readonly Piece[] {
    const known = this.#kept.get(record.revision);
    if (known !== undefined) return known;
    const pieces = shownOf(record).map(({ event, tenant, jobSet, job }) => {
      return { tenant, jobSet, job, bytes: encode(OneEvent, event) };
    });
    this.#kept.set(record.revision, pieces);
    this.#pieces += pieces.length;
    for (const [revision, oldest] of this.#kept) {
      if (this.#pieces <= KEPT_PIECES) break;
      this.#kept.delete(revision);
      this.#pieces -= oldest.length;
    }
    return pieces;
  }
}

/** A WatchEventsResponse with these events, in order. */
export function responseOf(revision: number, pieces: readonly Uint8Array[]): Uint8Array {
  const head = new BinaryWriter();
  if (revision > 0) head.tag(1, WireType.Varint).uint64(revision);
  return Buffer.concat([head.finish(), ...pieces]);
}
