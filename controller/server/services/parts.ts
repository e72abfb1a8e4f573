// What the services stand on, and how they ask the loop.
import { ask, look } from '#loop/ask.ts';
import type { Leases } from '#loop/leases.ts';
import type { Loop } from '#loop/loop.ts';
import type { AnswerOf, Command, State } from '#loop/requests.ts';
import type { Sessions } from '#loop/sessions.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Authority } from '../authority.ts';
import { RefusalError } from '../errors.ts';
import type { CallContext } from '../running-call.ts';
import type { Lifetimes } from '../settings.ts';

export interface Parts {
  readonly loop: Loop;
  readonly sessions: Sessions;
  readonly leases: Leases;
  readonly log: Log;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Of this program. */
  readonly version: string;
  /** Where a backup lies while it is sent: room for a copy of the log, readable by nobody else. */
  readonly scratchDir: string;
  readonly lifetimes: Lifetimes;
}

export interface Changed<V> {
  readonly value: V;
  /** Durable. */
  readonly revision: number;
}

/**
 * A change, answered when it is durable; throws a refusal. `read` sees the state in the turn that decided, before anything
 * else changes it: with `validateOnly` as it was, else as it is now.
 */
export async function change<C extends Command, V>(
  { loop }: Pick<Parts, 'loop'>,
  context: Pick<CallContext, 'actor' | 'method' | 'requestId'>,
  command: C,
  validateOnly: boolean,
  read: (state: State, answer: AnswerOf<C['kind']>) => V,
): Promise<Changed<V>> {
  let value: { readonly read: V } | undefined;
  const answered = await ask(loop, command, whoOf(context), {
    validateOnly,
    onDecided: (outcome) => {
      if (outcome.kind === 'accepted') value = { read: read(loop.state, outcome.answer) };
    },
  });
  if (answered.kind === 'refusal') throw new RefusalError(answered);
  // An accepted command was decided, and then `read` ran.
  return { value: value!.read, revision: answered.revision };
}

/** Who asks, as the record and its audit entry say it. */
function whoOf({ actor, method, requestId }: Pick<CallContext, 'actor' | 'method' | 'requestId'>) {
  return { actor, method: method.slice(1), requestId };
}

/** A read at least as fresh as the caller asks, answered when it is durable. */
export async function readAt<V>(
  { loop }: Pick<Parts, 'loop'>,
  minRevision: number,
  { signal }: Pick<CallContext, 'signal'>,
  read: (state: State) => V,
): Promise<Changed<V>> {
  await reached(loop, minRevision, signal);
  return look(loop, read);
}

/** Waits until a revision is durable. The call's deadline, or its end, ends the wait with what the signal says. */
export async function reached(loop: Loop, revision: number, signal: AbortSignal): Promise<void> {
  while (loop.gate.durable < revision) await moreThanNow(loop, signal);
}

/** Settles when there may be more in the log than now. */
function moreThanNow(loop: Loop, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(asError(signal.reason));
    const stop = loop.hub.onMore(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = (): void => {
      stop();
      reject(asError(signal.reason));
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('the call is over', { cause: reason });
}
