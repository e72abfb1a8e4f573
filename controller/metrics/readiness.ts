// Whether the controller can serve, and if not, why: what stands in its way, each with a sentence, until it is out of the way.

/** What a start goes through, with what is said until then. */
const STEPS = {
  recovered: 'the log is being read',
  log: 'the log is not open for writing',
  listening: 'the listeners are not open',
} as const satisfies Readonly<Record<string, string>>;

export type Step = keyof typeof STEPS;

export class Readiness {
  readonly #missing = new Map<Step, string>(
    Object.entries(STEPS).map(([step, why]) => [step as Step, why]),
  );

  done(step: Step): void {
    this.#missing.delete(step);
  }

  /** It holds no more: the log has failed, or the listeners are closing. */
  undone(step: Step, why: string): void {
    this.#missing.set(step, why);
  }

  /** None: it is ready. */
  get reasons(): readonly string[] {
    return [...this.#missing.values()];
  }
}
