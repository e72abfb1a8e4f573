// Runs worlds: one seed, with all that is needed to look at a failure again.
import { Counts } from './faults.ts';
import type { Profile } from './plan.ts';
import { INVARIANTS, Violation, type Invariant } from './violation.ts';
import { World } from './world.ts';

export interface Verdict {
  readonly seed: number;
  readonly hash: string;
  readonly steps: number;
  readonly counts: Counts;
  /** Undefined: nothing that must not happen happened. */
  readonly failure: Failure | undefined;
}

interface Failure {
  readonly invariant: Invariant;
  readonly message: string;
  /** For a person: what, where, the last events, and how to run it again. */
  readonly report: string;
}

export interface RunOptions {
  readonly profile?: Profile;
  readonly print?: (line: string) => void;
}

export async function runSeed(seed: number, options: RunOptions = {}): Promise<Verdict> {
  const world = new World({ seed, ...options });
  let failure: Failure | undefined;
  try {
    await world.run();
  } catch (error) {
    failure = failureOf(world, error);
  }
  return {
    seed,
    hash: world.trace.hash,
    steps: world.timeline.steps,
    counts: world.counts,
    failure,
  };
}

/** The same seed twice: nothing but the seed may decide what happens. */
export async function runTwice(seed: number, options: RunOptions = {}): Promise<Verdict> {
  const one = await runSeed(seed, options);
  const other = await runSeed(seed, options);
  if (one.failure !== undefined || (one.hash === other.hash && one.steps === other.steps)) {
    return one;
  }
  const message = `${one.steps} events with hash ${one.hash}, then ${other.steps} with ${other.hash}`;
  const report = `seed ${seed} violates repeatable: ${INVARIANTS.repeatable}\n${message}`;
  return { ...one, failure: { invariant: 'repeatable', message, report } };
}

function failureOf(world: World, error: unknown): Failure {
  const violation = error instanceof Violation ? error : undefined;
  const invariant = violation?.invariant ?? 'fatal';
  const message =
    violation?.message ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
  const report = [
    `seed ${world.seed}, profile ${world.plan.profile}, step ${world.timeline.steps}, ${(world.timeline.nowMs / 1000).toFixed(3)} s`,
    `violates ${invariant}: ${INVARIANTS[invariant]}`,
    message,
    'the last events:',
    ...world.trace.last,
    `again: node controller/simulation/main.ts --seed ${world.seed} --trace`,
  ].join('\n');
  return { invariant, message, report };
}
