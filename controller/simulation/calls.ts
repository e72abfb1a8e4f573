// Commands of people, over a network that loses requests and answers.
import type { AnswerOf, Command, Outcome } from '#core/command.ts';
import { isRefusal } from '#domain/refusal.ts';
import { check } from './violation.ts';
import type { World } from './world.ts';

const CALL_DEADLINE_MS = 10_000;

export class Calls {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** A command of a caller; it, or its answer, may get lost: then undefined comes back at the deadline. */
  call<C extends Command>(
    command: C,
    actor: string,
    done: (outcome: Outcome<AnswerOf<C['kind']>> | undefined) => void,
  ): void {
    const { timeline, random, plan, counts, host, model } = this.#world;
    const isLossy = !this.#world.hasHealed && plan.profile !== 'calm' && plan.profile !== 'outages';
    let isOver = false;
    const finish = (outcome: Outcome<AnswerOf<C['kind']>> | undefined) => {
      if (isOver) return;
      isOver = true;
      if (!isRefusal(outcome) || outcome.reason !== 'SHUTTING_DOWN') return done(outcome);
      done(undefined);
    };
    timeline.after(CALL_DEADLINE_MS, () => finish(undefined));
    if (isLossy && random.chance(0.05)) return counts.add('request of a caller lost');
    timeline.after(random.between(0.2, 30), () => {
      host.execute(command, actor, (outcome, revision, { process }) => {
        const isDurable =
          revision <= model.revision || (isRefusal(outcome) && outcome.reason === 'SHUTTING_DOWN');
        check(
          isDurable,
          'gate',
          () =>
            `${command.kind} was answered from revision ${revision}, ${model.revision} is durable`,
        );
        if (!process.isAlive) return;
        if (isLossy && random.chance(0.05)) return counts.add('answer to a caller lost');
        timeline.after(random.between(0.2, 30), () => finish(outcome));
      });
    });
  }

  /** A command of an operator, until it is answered. One that began before all has healed is given up then. */
  insist(command: Command, onAccepted: () => void = () => {}): void {
    const isFault = !this.#world.hasHealed;
    const attempt = () =>
      isFault && this.#world.hasHealed
        ? undefined
        : this.call(command, 'operator/olga', (outcome) => {
            if (outcome === undefined) this.#world.timeline.after(500, attempt);
            else if (outcome.kind === 'accepted') onAccepted();
            else this.#world.note(`${command.kind} was refused: ${outcome.reason}`);
          });
    attempt();
  }
}
