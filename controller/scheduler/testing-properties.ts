// What must hold of any sequence of steps, checked while it goes on and when it is over.
import { digest } from '#core/testing-digest.ts';
import {
  checkDrains,
  checkPlacements,
  checkQueues,
  checkQuotas,
  checkRoom,
  Moves,
} from '#core/testing-invariants.ts';
import { Ledger } from '#core/testing-ledger.ts';
import type { decide } from '#core/decide.ts';
import { decide as reallyDecide } from '#core/decide.ts';
import { exceededQuota, Overlay } from '#core/overlay.ts';
import { rebuildDerived } from '#core/rebuild.ts';
import { releaseDelayed } from '#core/queue.ts';
import { replay, type WorldOptions } from '#core/testing.ts';
import { verdicts } from './explain.ts';
import { begin, take, type Step } from './testing-model.ts';
import { Scheduled } from './testing.ts';

/** After so many records the state is made again from its journal, and rebuilt, and compared. */
const COMPARE_EVERY = 40;
/** Of so many commands one is decided twice, and seen to change nothing. */
const DECIDE_TWICE_EVERY = 3;

export interface RunOptions {
  /** Stands for decide, to plant a bug. */
  readonly decide?: typeof decide;
  /** Comes between the fold and the checks, to plant a bug. */
  readonly afterFold?: WorldOptions['afterFold'];
}

/** Takes all steps in a new world; throws at the first finding. */
export function runSteps(steps: readonly Step[], options: RunOptions = {}): Scheduled {
  const moves = new Moves();
  const ledger = new Ledger();
  let records = 0;
  const world = new Scheduled({
    decide: neverMutating(options.decide ?? reallyDecide),
    afterFold: (at, events) => {
      options.afterFold?.(at, events);
      const { state } = at;
      ledger.note(state, events);
      throwFirst(moves.check(events));
      throwFirst(checkRoom(state));
      throwFirst(checkPlacements(state, events));
      throwFirst(checkQuotas(state, events));
      throwFirst(checkQueues(state));
      throwFirst(checkDrains(state, events));
      if (++records % COMPARE_EVERY === 0) compareWithReplay(at as Scheduled);
    },
  });
  begin(world);
  for (const step of steps) takeOne(world, step);
  throwFirst(ledger.check(world.state));
  compareWithReplay(world);
  world.pass({ countsCredit: true });
  throwFirst(checkComplete(world));
  return world;
}

function takeOne(world: Scheduled, step: Step): void {
  const before = step.kind === 'late' ? digest(world.state) : '';
  take(world, step);
  if (step.kind !== 'late') return;
  const difference = differenceOf(before, digest(world.state));
  if (difference !== '') throw new Error(`a report of a fenced run changed ${difference}`);
}

function throwFirst(findings: Iterable<string>): void {
  for (const finding of findings) throw new Error(finding);
}

/** Decides twice: the answer is the same, and the state is as it was. */
function neverMutating(actually: typeof decide): typeof decide {
  let commands = 0;
  return (state, command, context) => {
    if (++commands % DECIDE_TWICE_EVERY !== 0) return actually(state, command, context);
    const before = digest(state);
    const outcome = actually(state, command, context);
    const again = actually(state, command, context);
    if (JSON.stringify(outcome) !== JSON.stringify(again)) {
      throw new Error(`${command.kind} was decided in two ways`);
    }
    const difference = differenceOf(before, digest(state));
    if (difference !== '') throw new Error(`deciding ${command.kind} changed ${difference}`);
    return outcome;
  };
}

/** The same records and observations make the same state, and so does a rebuild of what is derived. */
function compareWithReplay(world: Scheduled): void {
  // When jobs are let in that waited for a time is for the loop to say: here it has just looked.
  world.releaseDelayed();
  const live = digest(world.state);
  const again = replay(world.journal);
  const replayed = differenceOf(live, digest(again));
  if (replayed !== '') throw new Error(`a replay differs: ${replayed}`);
  rebuildDerived(again);
  releaseDelayed(again, world.nowMs);
  const rebuilt = differenceOf(live, digest(again));
  if (rebuilt !== '') throw new Error(`a rebuild differs: ${rebuilt}`);
}

/** When a pass is done no job that is ready fits anywhere: each place, or a quota, has its reason. */
function* checkComplete(world: Scheduled): Iterable<string> {
  const { state, policy } = world;
  if (world.cursor.ready.size > 0) yield 'the pass is not done';
  for (const jobClass of state.classes.values()) {
    if (jobClass.length === 0 || exceededQuota(new Overlay(state), jobClass) !== undefined)
      continue;
    for (const { dataCenter, reason } of verdicts(state, policy, jobClass)) {
      if (reason === undefined) {
        yield `${jobClass.length} jobs of class ${jobClass.key} wait and would fit in ${dataCenter}`;
      }
    }
  }
}

/** Lines that are in one of the digests only, the first few. */
function differenceOf(a: string, b: string): string {
  if (a === b) return '';
  const [mine, other] = [new Set(a.split('\n')), new Set(b.split('\n'))];
  const gone = [...mine].filter((line) => !other.has(line)).map((line) => `- ${line}`);
  const come = [...other].filter((line) => !mine.has(line)).map((line) => `+ ${line}`);
  return ['', ...gone.slice(0, 3), ...come.slice(0, 3)].join('\n');
}
