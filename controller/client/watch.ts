// Watching without gaps: a watch that was cut goes on after the last revision it was shown.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Event,
  type EventServiceService,
  WatchEventsRequest,
  type WatchEventsResponse,
} from '#gen/isobar/v1/event.ts';
import { IsobarError } from './isobar-error.ts';
import type { ClientOf } from './rpc.ts';

export interface WatchOptions {
  /** Only jobs of this set. */
  readonly set?: string | undefined;
  /** Only this job, an id. */
  readonly job?: string | undefined;
  /** Events after this revision. Left out: only new ones. */
  readonly fromRevision?: number | undefined;
  /** End when everything that is durable now was shown. */
  readonly untilCurrent?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The connection was lost; the watch goes on after the delay. */
  readonly onResume?: ((error: unknown, fromRevision: number, delayMs: number) => void) | undefined;
  /** First wait after a lost connection, doubled each time up to 100 times as much. Default 100 ms. */
  readonly backoffMs?: number | undefined;
}

export type EventsClient = ClientOf<EventServiceService>;

/** Codes after which asking again is right. A clean end is one too: a controller that stops closes its streams. */
const RESUMABLE: readonly string[] = [
  'UNAVAILABLE',
  'RESOURCE_EXHAUSTED',
  'ABORTED',
  'INTERNAL',
  'CANCELLED',
  'UNKNOWN',
];

/** A watch waits for the controller as long as its caller does; who reads what is there now wants an answer. */
const PATIENCE = 3;

/**
 * Events in order, each once. Ends only with `untilCurrent`, by the signal, or by an error that asking again does not
 * heal, such as OUT_OF_RANGE when the log no longer keeps the revision.
 */
export async function* watchEvents(
  events: EventsClient,
  parent: string,
  options: WatchOptions = {},
): AsyncGenerator<Event, void, undefined> {
  for await (const response of watchResponses(events, parent, options)) yield* response.events;
}

/** The same with the revisions between, for those who keep a position. */
export async function* watchResponses(
  events: EventsClient,
  parent: string,
  options: WatchOptions = {},
): AsyncGenerator<WatchEventsResponse, void, undefined> {
  const firstDelay = options.backoffMs ?? 100;
  let fromRevision = options.fromRevision ?? 0;
  let failures = 0;
  for (;;) {
    const request = WatchEventsRequest.create({
      parent,
      fromRevision,
      jobSet: options.set ?? '',
      job: options.job ?? '',
      untilCurrent: options.untilCurrent ?? false,
    });
    let ended: unknown;
    try {
      for await (const response of events.watchEvents(request, { signal: options.signal })) {
        failures = 0;
        fromRevision = response.revision;
        yield response;
      }
      if (options.untilCurrent === true) return;
    } catch (error) {
      if (!isResumable(error) || (options.untilCurrent === true && failures >= PATIENCE))
        throw error;
      ended = error;
    }
    // Full jitter, so that the watchers of a controller that came back do not all arrive in the same moment.
    const delayMs = Math.random() * Math.min(firstDelay * 2 ** failures++, firstDelay * 100);
    options.onResume?.(ended, fromRevision, delayMs);
    await sleep(delayMs, undefined, { signal: options.signal });
  }
}

function isResumable(error: unknown): boolean {
  return error instanceof IsobarError && RESUMABLE.includes(error.code);
}
