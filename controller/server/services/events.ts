// WatchEvents: what happened, in order, each once. A watch pulls at the pace of its reader and holds nothing but its position.
import { isId, ID_RULE } from '#domain/names.ts';
import { refuse } from '#domain/refusal.ts';
import { EventServiceService, type WatchEventsResponse } from '#gen/isobar/v1/event.ts';
import type { Read } from '#loop/hub.ts';
import type { Loop } from '#loop/loop.ts';
import type { State } from '#loop/requests.ts';
import { FEDERATION } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import { tenantsConcern } from '../convert/fields.ts';
import { RefusalError } from '../errors.ts';
import { MAX_WAITING_BYTES_OF_A_WATCH } from '../limits.ts';
import type { CallContext } from '../running-call.ts';
import type { Send } from '../stream-writer.ts';
import { serverStream } from './checked.ts';
import { EventCache, responseOf, type Piece, type Pieces } from './event-cache.ts';
import { asError, type Parts } from './parts.ts';
import { seesOf } from './scope.ts';
import { Turns } from './turns.ts';
import { type Interest, WatchBoard } from './watch-board.ts';

/** A watch that is quiet says so often that it lives, and how far it is: its client resumes from there. */
const HEARTBEAT_MS = 10_000;
/** A response is sent when it holds this much: one waits for each client that reads nothing. */
const RESPONSE_BYTES = 16 * 1024;
/** A record as large as this is sent in several responses: many clients take 4 MiB and no more. */
const MAX_RESPONSE_BYTES = 3 * 1024 * 1024;

interface Watch {
  /** The caller may see it; undefined: the federation's own events. */
  readonly tenants: { readonly tenant: string | undefined } | undefined;
  readonly fromRevision: number;
  readonly jobSet: string;
  readonly job: string;
  readonly untilCurrent: boolean;
}

export function eventHandlers(parts: Parts): Handlers<EventServiceService> {
  const cache = new EventCache();
  const turns = new Turns(parts.clock);
  const board = new WatchBoard(parts.loop.hub, turns, (record) => cache.piecesOf(record).all);
  return {
    watchEvents: serverStream(
      ({ parent, fromRevision, jobSet, job, untilCurrent }, wrong) => {
        const ofFederation = parent === '';
        const { tenant, concern } = ofFederation
          ? { tenant: undefined, concern: FEDERATION }
          : tenantsConcern(parent, 'parent', wrong);
        for (const [field, id] of [
          ['job_set', jobSet],
          ['job', job],
        ] as const) {
          if (id === '') continue;
          if (ofFederation)
            wrong(field, 'selects among the events of jobs; give a tenant as parent');
          else if (!isId(id)) wrong(field, `must be ${ID_RULE}, or empty for all`);
        }
        const tenants = ofFederation ? undefined : { tenant };
        return { concern, parsed: { tenants, fromRevision, jobSet, job, untilCurrent } };
      },
      (watch, send, context) =>
        watchEvents({ ...parts, cache, turns, board }, watch, send, context),
      { waitingBytes: MAX_WAITING_BYTES_OF_A_WATCH },
    ),
  };
}

interface WatchParts extends Parts {
  readonly cache: EventCache;
  readonly turns: Turns;
  readonly board: WatchBoard;
}

async function watchEvents(
  parts: WatchParts,
  watch: Watch,
  send: Send<WatchEventsResponse>,
  context: CallContext,
): Promise<void> {
  const { stats } = parts.loop;
  stats.watches++;
  try {
    await showEvents(parts, watch, send, context);
  } finally {
    stats.watches--;
  }
}

async function showEvents(
  parts: WatchParts,
  watch: Watch,
  send: Send<WatchEventsResponse>,
  context: CallContext,
): Promise<void> {
  const { loop, clock, cache, turns } = parts;
  const { signal } = context;
  const current = loop.hub.durable;
  if (watch.fromRevision > current) throw new RefusalError(notYet(watch.fromRevision, current));
  let position = watch.fromRevision;
  if (position === 0) {
    position = current;
    await send(responseOf(position, []), position);
  }
  let toldMs = clock.bootMs();
  for (;;) {
    signal.throwIfAborted();
    const records = await readAfter(loop, position);
    const matches = matcherOf(loop.state, watch, context);
    const response = new Response(send, (events) => (loop.stats.watchEvents += events));
    for (const record of records) {
      const pieces = matches(cache.piecesOf(record));
      await response.add(pieces, position, record.revision);
      position = record.revision;
    }
    if (await response.flush(position)) toldMs = clock.bootMs();
    const isCurrent = watch.untilCurrent && position >= current;
    if (isCurrent || clock.bootMs() - toldMs >= HEARTBEAT_MS) {
      await send(responseOf(position, []), position);
      toldMs = clock.bootMs();
    }
    if (isCurrent) return;
    if (records.length > 0) await nextTurn(turns, signal);
    else if (position >= loop.hub.durable) {
      position = await moreOrHeartbeat(parts, watch, position, toldMs + HEARTBEAT_MS, signal);
    }
  }
}

/** Gathers events for a response. Its revision is that of its last whole record, so that nobody resumes inside one. */
class Response {
  readonly #send: Send<WatchEventsResponse>;
  readonly #count: (events: number) => void;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #sent = false;

  constructor(send: Send<WatchEventsResponse>, count: (events: number) => void) {
    this.#send = send;
    this.#count = count;
  }

  async add(pieces: readonly Piece[], before: number, revision: number): Promise<void> {
    for (const { bytes } of pieces) {
      // Only a record that is larger than a response: whoever is cut off within it gets it again from its beginning.
      if (this.#bytes + bytes.length > MAX_RESPONSE_BYTES) await this.flush(before);
      this.#pieces.push(bytes);
      this.#bytes += bytes.length;
    }
    if (this.#bytes >= RESPONSE_BYTES) await this.flush(revision);
  }

  /** Answers whether anything was sent since this began. */
  async flush(revision: number): Promise<boolean> {
    if (this.#pieces.length > 0) {
      const message = responseOf(revision, this.#pieces);
      this.#count(this.#pieces.length);
      this.#pieces = [];
      this.#bytes = 0;
      this.#sent = true;
      await this.#send(message, revision);
    }
    return this.#sent;
  }
}

/** What a watch shows of a record. */
function matcherOf(
  state: State,
  { tenants, jobSet, job }: Watch,
  context: CallContext,
): (pieces: Pieces) => readonly Piece[] {
  if (tenants === undefined) return ({ all }) => all.filter(({ tenant }) => tenant === '');
  const sees = seesOf(state, context, tenants.tenant);
  return (pieces) => {
    let some = pieces.all;
    if (job !== '') some = pieces.ofJob(job);
    else if (jobSet !== '') some = pieces.ofSet(jobSet);
    if (some.length === 0) return some;
    return some.filter(
      (piece) =>
        piece.tenant !== '' && (jobSet === '' || piece.jobSet === jobSet) && sees(piece.tenant),
    );
  };
}

function readAfter(
  loop: Loop,
  position: number,
): Promise<Extract<Read, { kind: 'records' }>['records']> {
  return new Promise((resolve, reject) => {
    loop.hub.read(position, (read, error) => {
      if (error !== undefined) reject(error);
      else if (read.kind === 'tooOld') reject(new RefusalError(tooOld(position, read.oldest)));
      else resolve(read.records);
    });
  });
}

/** Lets the other watches and everything else go on. */
function nextTurn(turns: Turns, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    turns.wait(() => {
      if (signal.aborted) reject(asError(signal.reason));
      else resolve();
    });
  });
}

/** Waits until there may be more to show, or until this boot time. Answers a revision up to which there was nothing to show. */
function moreOrHeartbeat(
  { clock, board }: WatchParts,
  { tenants, jobSet, job }: Watch,
  position: number,
  untilMs: number,
  signal: AbortSignal,
): Promise<number> {
  const interest: Interest =
    tenants === undefined ? { kind: 'federation' } : { kind: 'jobs', jobSet, job };
  return new Promise((resolve, reject) => {
    const over = (finish: () => void): void => {
      waiting.stop();
      stopTimer();
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const onAbort = (): void => over(() => reject(asError(signal.reason)));
    const waiting = board.wait(interest, position, (at) => over(() => resolve(at)));
    const stopTimer = clock.after(Math.max(0, untilMs - clock.bootMs()), () => {
      const at = waiting.position();
      over(() => resolve(at));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function tooOld(position: number, oldest: number) {
  return refuse(
    'OUT_OF_RANGE',
    'REVISION_COMPACTED',
    `the log keeps events from revision ${oldest} on, and those after ${position} are gone; read what you watch anew, and watch from the revision of that answer`,
    { metadata: { oldest_revision: String(oldest) } },
  );
}

/** Nothing that was ever told is ahead of the log: it was told by another federation, or before a restore. */
function notYet(position: number, current: number) {
  return refuse(
    'OUT_OF_RANGE',
    'REVISION_IN_FUTURE',
    `revision ${position} has not happened here, the newest is ${current}; read what you watch anew, and watch from the revision of that answer`,
    { metadata: { newest_revision: String(current) } },
  );
}
