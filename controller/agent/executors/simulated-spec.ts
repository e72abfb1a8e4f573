// How a simulated run goes, read from its specification: the variable SIMULATE of each group, for example
// `ms=1500,exit=3,lines=40,stop=200`. What it leaves out comes from the specification, then from chance.
import { JobSpec, type TaskGroup } from '#gen/isobar/v1/job.ts';
import type { Assignment } from '#gen/isobar/v1/agent.ts';
import type { Random } from '#ports/random.ts';
import { DEFAULT_GRACE_MS, millisOf } from './spec.ts';

/** The fate of a run if nobody interferes, and what it does when somebody does. */
export interface SimulatedOutcome {
  /** Time from its start to its end. `Infinity`: it never ends by itself. */
  readonly ms: number;
  /** Exit code of the first task that fails; 0: none does. */
  readonly exitCode: number;
  /** Lines that each task writes when it starts: `line 1`, `line 2`, and so on. Default 0. */
  readonly lines?: number;
  /** Time from the stop signal to its end. `Infinity`: it ignores the signal. Default 0. */
  readonly stopMs?: number;
  /** Time from the stop signal to SIGKILL. Default 10 s. */
  readonly graceMs?: number;
  /** After this long it is ended as FAILED. Default: never. */
  readonly maxMs?: number;
}

const SIMULATE = 'SIMULATE';
const LONGEST_UNKNOWN_MS = 60_000;

export function outcomeFromSpec(assignment: Assignment, random: Random): SimulatedOutcome {
  const spec = JobSpec.decode(assignment.spec);
  const otherwiseMs =
    millisOf(spec.expectedRunTime) ?? Math.ceil(random.next() * LONGEST_UNKNOWN_MS);
  // A gang ends with the first task that fails, else with its last one.
  let ms = 0;
  let failedMs = Infinity;
  let exitCode = 0;
  let stopMs = 0;
  let lines = 0;
  for (const group of spec.groups) {
    const wish = parseSimulate(group);
    const endsMs = wish.ms ?? otherwiseMs;
    if (wish.exit !== undefined && wish.exit !== 0 && endsMs < failedMs) {
      failedMs = endsMs;
      exitCode = wish.exit;
    }
    ms = Math.max(ms, endsMs);
    stopMs = Math.max(stopMs, wish.stop ?? 0);
    lines = Math.max(lines, wish.lines ?? 0);
  }
  return {
    ms: Math.min(ms, failedMs),
    exitCode,
    lines,
    stopMs,
    graceMs: millisOf(spec.stopGrace) ?? DEFAULT_GRACE_MS,
    maxMs: millisOf(spec.maxRunTime) ?? Infinity,
  };
}

function parseSimulate(group: TaskGroup): Readonly<Record<string, number>> {
  const variable = group.env.find((each) => each.name === SIMULATE);
  const wish: Record<string, number> = {};
  if (variable?.source?.$case !== 'value') return wish;
  for (const part of variable.source.value.split(',')) {
    const [name = '', value = ''] = part.split('=');
    // "never" for a task that runs on, or ignores the signal.
    const number = value === 'never' ? Infinity : Number(value);
    if (!Number.isNaN(number)) wish[name.trim()] = number;
  }
  return wish;
}
