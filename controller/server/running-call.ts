// One call from its beginning to its end, whichever comes first: the handler's answer, the deadline, the client's
// cancellation, a revocation or a shutdown. Whatever else comes is too late and changes nothing.
import type { Metadata, StatusObject } from '@grpc/grpc-js';
import { refuse, type Refusal, type RefusalCode } from '#domain/refusal.ts';
import type { Role } from '#gen/isobar/v1/user.ts';
import { admit, type AdmittedCall } from './admission.ts';
import { authorizeConcern, scopeOf, type Concern } from './authorize.ts';
import type { Edge } from './edge.ts';
import { internalError, RefusalError, refusalIn, REQUEST_ID_KEY, toStatus } from './errors.ts';
import type { Peer } from './identity.ts';
import { DEFAULT_DEADLINE_MS, MAX_DEADLINE_MS } from './limits.ts';
import { EXPIRING, type OpenCall } from './open-calls.ts';
import { rowOf, type MethodPath, type Relation } from './policy.ts';
import {
  onStreamClosed,
  resetStream,
  retireConnection,
  sendStatusNow,
  wasReset,
} from './transport.ts';

/** What a handler knows of its call. */
export interface CallContext {
  readonly method: MethodPath;
  /** Also in the log, in the audit and in the trailers of the answer. */
  readonly requestId: string;
  /** Who calls; undefined on the listener for enrolment. */
  readonly peer: Peer | undefined;
  readonly roles: readonly Role[];
  /** The caller's identity for the audit, empty where there is none. */
  readonly actor: string;
  /** Aborted with a RefusalError when the call is over; pass it on to everything that waits. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. Infinity for a stream whose client set none. */
  readonly deadlineMs: number;
  /** Undefined: the caller may. For what only turns out while the call is answered. */
  authorize(concern: Concern): Refusal | undefined;
  /** The relations in which the caller may use this method, for lists over `tenants/-`. */
  scope(): ReadonlySet<Relation>;
}

export interface GrpcCall extends AdmittedCall {
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  on(event: 'cancelled', listener: () => void): unknown;
  /** Streams have it: drops what was not sent. */
  destroy?(): unknown;
}

/**
 * A client's own deadline lies before ours by as long as its request was on its way, and it cancels then: a cancellation so shortly
 * before ours is no change of mind. Of a short deadline it is a quarter.
 */
const ON_ITS_WAY_MS = 100;

const REQUEST_ID = /^[\w.:-]{1,64}$/;

export class RunningCall implements CallContext, OpenCall {
  readonly method: MethodPath;
  readonly requestId: string;
  readonly peer: Peer | undefined;
  readonly roles: readonly Role[];
  readonly deadlineMs: number;
  readonly #edge: Edge;
  readonly #call: GrpcCall;
  readonly #isStream: boolean;
  readonly #answer: (status: StatusObject) => void;
  readonly #refusal: Refusal | undefined;
  readonly #aborter = new AbortController();
  readonly #startMs: number;
  /** From here on a cancellation is the client's deadline. */
  readonly #lateMs: number;
  readonly #stopTimer: () => void;
  #finished = false;

  /** `answer` ends the call with a status after all that was sent. */
  constructor(
    edge: Edge,
    method: MethodPath,
    call: GrpcCall,
    isStream: boolean,
    answer: (status: StatusObject) => void,
  ) {
    this.#edge = edge;
    this.method = method;
    this.#call = call;
    this.#isStream = isStream;
    this.#answer = answer;
    this.#startMs = edge.clock.bootMs();
    this.requestId = requestIdOf(call.metadata) ?? newRequestId(edge);

    const admission = admit(edge, call, isStream, rowOf(method) === 'enrolment');
    this.peer = admission.peer;
    this.roles = admission.roles;
    this.#refusal = admission.refusal;

    const nowMs = edge.clock.wallMs();
    // The certificate of a connection is the one it began with, however often its client has renewed since.
    if (
      this.peer !== undefined &&
      this.peer.expireMs - nowMs <= edge.patience.certificateMarginMs
    ) {
      retireConnection(call);
    }
    // grpc-js has made a time of the system's clock from what was left; ours may be another.
    const leftMs = Number(call.getDeadline()) - Date.now();
    const limitMs = leftMs === Infinity ? DEFAULT_DEADLINE_MS : MAX_DEADLINE_MS;
    const timeoutMs = isStream ? leftMs : Math.min(leftMs, limitMs);
    this.deadlineMs = nowMs + timeoutMs;
    this.#lateMs = this.deadlineMs - Math.min(ON_ITS_WAY_MS, timeoutMs / 4);
    this.#stopTimer = isStream
      ? () => {}
      : edge.clock.after(Math.max(0, this.deadlineMs - nowMs), () => this.close(TOO_LATE));
    if (isStream && this.#refusal === undefined) edge.calls.add(this);
    call.on('cancelled', () => this.#cancelled());
  }

  get actor(): string {
    return this.peer?.uri ?? '';
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  authorize(concern: Concern): Refusal | undefined {
    const { parentOf } = this.#edge.directory;
    return authorizeConcern(this.peer?.identity, this.roles, this.method, concern, parentOf);
  }

  scope(): ReadonlySet<Relation> {
    return this.peer === undefined
      ? new Set()
      : scopeOf(this.peer.identity, this.roles, this.method);
  }

  /** Throws the refusal, when there is one. */
  demand(concern: Concern | Refusal): void {
    const refusal = concern.kind === 'refusal' ? concern : this.authorize(concern);
    if (refusal !== undefined) throw new RefusalError(refusal);
  }

  /** Throws when what looks like the end of a client's messages is the end of the client. */
  demandClient(): void {
    this.signal.throwIfAborted();
    if (wasReset(this.#call)) throw new RefusalError(CANCELLED);
  }

  /** Runs the handler unless the call was not admitted, and ends the call with whatever it throws. */
  async run(handler: () => Promise<void> | void): Promise<void> {
    try {
      if (this.#refusal !== undefined) throw new RefusalError(this.#refusal);
      await handler();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Ends the call well; `answer` is called unless it has ended already. */
  succeed(answer: () => void): void {
    if (!this.#finish('OK')) return;
    answer();
    this.#aborter.abort(OVER); // whatever the handler left running
    if (this.#isStream) this.#resetAfter(this.#edge.patience.readerMs);
  }

  /** Ends the call now, whether or not its client reads. */
  close(refusal: Refusal): void {
    if (!this.#finish(refusal.code, refusal)) return;
    if (refusal === EXPIRING) retireConnection(this.#call);
    this.#aborter.abort(new RefusalError(refusal));
    const status = toStatus(refusal, this.requestId);
    if (!this.#isStream) {
      this.#answer(status);
      return;
    }
    sendStatusNow(this.#call, status);
    // What waits in the queue would be written after the end, which breaks the stream and loses the status.
    this.#call.destroy?.();
    this.#resetAfter(this.#edge.patience.statusMs);
  }

  #failed(error: unknown): void {
    const refusal = refusalIn(error);
    const late = this.#finished;
    if (refusal === undefined && !(late && isAbort(error))) this.#reportDefect(error, late);
    const answer = refusal ?? internalError(this.requestId);
    if (!this.#finish(answer.code, answer)) return;
    this.#answer(toStatus(answer, this.requestId));
    this.#aborter.abort(new RefusalError(answer));
    if (this.#isStream) this.#resetAfter(this.#edge.patience.readerMs);
  }

  /** The client went away, or grpc-js has answered for a deadline of the client's own. */
  #cancelled(): void {
    const refusal = this.#edge.clock.wallMs() >= this.#lateMs ? TOO_LATE : CANCELLED;
    if (!this.#finish(refusal.code, refusal)) return;
    this.#aborter.abort(new RefusalError(refusal));
  }

  /** False: the call has ended before. */
  #finish(code: RefusalCode | 'OK', refusal?: Refusal): boolean {
    if (this.#finished) return false;
    this.#finished = true;
    this.#stopTimer();
    if (this.#isStream) this.#edge.calls.remove(this);
    const seconds = (this.#edge.clock.bootMs() - this.#startMs) / 1000;
    this.#edge.observe(this.method, code, seconds);
    if (code !== 'OK' || this.#isStream || this.#edge.logCalls === 'all') {
      this.#edge.telemetry.info('call', {
        method: this.method.slice(1),
        code,
        reason: refusal?.reason,
        seconds,
        request_id: this.requestId,
        identity: this.actor,
        address: this.#call.getPeer(),
      });
    }
    return true;
  }

  #reportDefect(error: unknown, late: boolean): void {
    this.#edge.telemetry.error(late ? 'a handler failed after its call' : 'a handler failed', {
      method: this.method.slice(1),
      request_id: this.requestId,
      error: describe(error),
    });
  }

  #resetAfter(delayMs: number): void {
    const stop = this.#edge.clock.after(delayMs, () => resetStream(this.#call));
    onStreamClosed(this.#call, stop);
  }
}

const TOO_LATE = refuse(
  'DEADLINE_EXCEEDED',
  'DEADLINE_EXCEEDED',
  'There was no answer in time. What was asked for may have happened all the same: look before you ask again.',
);
const CANCELLED = refuse('CANCELLED', 'CANCELLED', 'The caller cancelled the call.');
/** Made once: a stack for each call that ends well costs more than the rest of its end. */
const OVER = new RefusalError(CANCELLED);

function requestIdOf(metadata: Metadata): string | undefined {
  const [given] = metadata.get(REQUEST_ID_KEY);
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : undefined;
}

function newRequestId(edge: Edge): string {
  return Buffer.from(edge.random.bytes(8)).toString('hex');
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** The whole chain with its stacks: for our log only. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
