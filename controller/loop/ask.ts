// The loop for those who wait with promises.
import type { AnswerOf, Command, Context } from '#core/command.ts';
import type { State } from '#core/state.ts';
import type { Refusal } from '#domain/refusal.ts';
import type { ExecuteOptions, Loop } from './loop.ts';

export interface Answered<A> {
  readonly kind: 'answered';
  readonly answer: A;
  /** What it was computed from; durable. */
  readonly revision: number;
}

/** A command of a caller, answered when it is durable. */
export function ask<C extends Command>(
  loop: Loop,
  command: C,
  who: Omit<Context, 'nowMs'>,
  options: ExecuteOptions<AnswerOf<C['kind']>> = {},
): Promise<Answered<AnswerOf<C['kind']>> | Refusal> {
  return new Promise((resolve) => {
    loop.execute(
      'callers',
      command,
      who,
      (outcome, revision) =>
        resolve(
          outcome.kind === 'refusal'
            ? outcome
            : { kind: 'answered', answer: outcome.answer, revision },
        ),
      options,
    );
  });
}

/** A read of the state, answered when what was read is durable. */
export function look<T>(
  loop: Loop,
  read: (state: State) => T,
): Promise<{ readonly value: T; readonly revision: number }> {
  return new Promise((resolve) => {
    loop.query(read, (value, revision) => resolve({ value, revision }));
  });
}
