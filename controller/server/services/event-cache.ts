// Events as watches show them, made once however many watch: a response is put together from pieces that are ready. Only the newest
// records are kept; who catches up from far behind makes for itself what it shows, and nothing else.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Event } from '#gen/isobar/v1/event.ts';
import { encode } from '#loop/encode.ts';
import type { Published } from '#loop/hub.ts';
import { shownOf, type Shown } from '../convert/event.ts';

/** A WatchEventsResponse with nothing but this event. */
const OneEvent = {
  encode: (event: Event, writer: BinaryWriter) =>
    Event.encode(event, writer.tag(2, WireType.LengthDelimited).fork()).join(),
};

/** About 250 bytes each. */
const KEPT_PIECES = 40_000;

/** One event, as it stands in a WatchEventsResponse, with what filters look at. */
export class Piece {
  readonly tenant: string;
  readonly jobSet: string;
  readonly job: string;
  /** Until it has its bytes. */
  #event: Event | undefined;
  #bytes: Uint8Array = NOTHING;

  constructor({ tenant, jobSet, job, event }: Shown) {
    this.tenant = tenant;
    this.jobSet = jobSet;
    this.job = job;
    this.#event = event;
  }

  /** Field 2, `events`, with its tag and length. */
  get bytes(): Uint8Array {
    if (this.#event !== undefined) {
      this.#bytes = encode(OneEvent, this.#event);
      this.#event = undefined;
    }
    return this.#bytes;
  }
}

/** The pieces of a record, in order; those of one job set or of one job are found without a look at the others. */
export class Pieces {
  readonly all: readonly Piece[];
  #bySet: ReadonlyMap<string, readonly Piece[]> | undefined;
  #byJob: ReadonlyMap<string, readonly Piece[]> | undefined;

  constructor(all: readonly Piece[]) {
    this.all = all;
  }

  ofSet(jobSet: string): readonly Piece[] {
    this.#bySet ??= Map.groupBy(this.all, (piece) => piece.jobSet);
    return this.#bySet.get(jobSet) ?? NONE;
  }

  /** An id: that of jobs of several tenants, perhaps. */
  ofJob(job: string): readonly Piece[] {
    this.#byJob ??= Map.groupBy(this.all, (piece) => piece.job);
    return this.#byJob.get(job) ?? NONE;
  }
}

const NOTHING = new Uint8Array();
const NONE: readonly Piece[] = [];

export class EventCache {
  /** By revision, oldest first. */
  readonly #kept = new Map<number, Pieces>();
  #count = 0;
  #newest = 0;

  piecesOf(record: Published): Pieces {
    const known = this.#kept.get(record.revision);
    if (known !== undefined) return known;
    const pieces = new Pieces(shownOf(record).map((shown) => new Piece(shown)));
    // An older one would drive out what all others are about to show.
    if (record.revision > this.#newest) this.#keep(record.revision, pieces);
    return pieces;
  }

  #keep(revision: number, pieces: Pieces): void {
    this.#newest = revision;
    this.#kept.set(revision, pieces);
    this.#count += pieces.all.length;
    for (const [oldest, { all }] of this.#kept) {
      if (this.#count <= KEPT_PIECES) break;
      this.#kept.delete(oldest);
      this.#count -= all.length;
    }
  }
}

/** A WatchEventsResponse with these events, in order. */
export function responseOf(revision: number, pieces: readonly Uint8Array[]): Uint8Array {
  const head = new BinaryWriter();
  if (revision > 0) head.tag(1, WireType.Varint).uint64(revision);
  return Buffer.concat([head.finish(), ...pieces]);
}
