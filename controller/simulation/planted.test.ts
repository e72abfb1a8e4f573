// Every invariant is seen to bite: a bug is planted, and within a bounded number of seeds the invariant that it should break is
// broken, while the same seed passes without the bug.
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { State } from '#core/state.ts';
import { LOG_BUGS } from './bugs-log.ts';
import { RUN_BUGS } from './bugs-runs.ts';
import { Host } from './host.ts';
import { planted, replace } from './plants.ts';
import { runSeed, runTwice } from './run.ts';
import { INVARIANTS, type Invariant } from './violation.ts';

vi.mock('#core/decide.ts', async (load) => {
  const real = await load<typeof import('#core/decide.ts')>();
  const { planted: plants, whileDeciding } = await import('./plants.ts');
  const decide = (...[state, command, context]: Parameters<typeof real.decide>) => {
    const asked = (plants.now.command?.(state, command) ?? command) as typeof command;
    const outcome = whileDeciding(() => real.decide(state, asked, context));
    return plants.now.decide?.(outcome, asked) ?? outcome;
  };
  return { ...real, decide };
});

vi.mock('#core/room.ts', async (load) => {
  const real = await load<typeof import('#core/room.ts')>();
  const { planted: plants } = await import('./plants.ts');
  const release = (state: State, run: number) => {
    if (plants.now.releases?.(run) !== false) real.release(state, run);
  };
  return { ...real, release };
});

vi.mock('#core/queue.ts', async (load) => {
  const real = await load<typeof import('#core/queue.ts')>();
  const { planted: plants } = await import('./plants.ts');
  const requeue = (state: State, row: number) => {
    if (plants.now.requeues?.(state, row) === false) real.leaveQueue(state, row);
    else real.requeue(state, row);
  };
  return { ...real, requeue };
});

vi.mock('#core/overlay.ts', async (load) => {
  const real = await load<typeof import('#core/overlay.ts')>();
  const { planted: plants } = await import('./plants.ts');
  const exceededQuota: typeof real.exceededQuota = (overlay, jobClass) =>
    plants.now.ignoresQuota === true ? undefined : real.exceededQuota(overlay, jobClass);
  return { ...real, exceededQuota };
});

vi.mock('#core/usage.ts', async (load) => {
  const real = await load<typeof import('#core/usage.ts')>();
  const { planted: plants } = await import('./plants.ts');
  const foldUsageBooked: typeof real.foldUsageBooked = (state, event) =>
    real.foldUsageBooked(state, plants.now.booked?.(event) ?? event);
  return { ...real, foldUsageBooked };
});

vi.mock('#domain/states.ts', async (load) => {
  const real = await load<typeof import('#domain/states.ts')>();
  const { planted: plants, isDeciding } = await import('./plants.ts');
  const mayRunMove: typeof real.mayRunMove = (from, to) =>
    (plants.now.ignoresRunTable === true && isDeciding()) || real.mayRunMove(from, to);
  return { ...real, mayRunMove };
});

vi.mock('#loop/views.ts', async (load) => {
  const real = await load<typeof import('#loop/views.ts')>();
  const { planted: plants } = await import('./plants.ts');
  const partsOf: typeof real.partsOf = (state, run) => {
    const parts = real.partsOf(state, run);
    return plants.now.parts?.(parts) ?? parts;
  };
  return { ...real, partsOf };
});

vi.mock('#loop/leases.ts', async (load) => {
  const real = await load<typeof import('#loop/leases.ts')>();
  const { planted: plants } = await import('./plants.ts');
  class Leases extends real.Leases {
    constructor(options: ConstructorParameters<typeof real.Leases>[0]) {
      const { clock } = options;
      let isConstructing = true;
      const bootMs = () => {
        const ms = clock.bootMs();
        return plants.now.leaseClock?.(ms, isConstructing) ?? ms;
      };
      const after: typeof clock.after = (delayMs, call) => clock.after(delayMs, call);
      super({
        ...options,
        clock: { bootMs, after, soon: (call) => clock.soon(call), wallMs: () => clock.wallMs() },
      });
      isConstructing = false;
    }
  }
  return { ...real, Leases };
});

vi.mock('#loop/recover.ts', async (load) => {
  const real = await load<typeof import('#loop/recover.ts')>();
  const { planted: plants } = await import('./plants.ts');
  const recover: typeof real.recover = async (log) => {
    const state = await real.recover(log);
    plants.now.recovered?.(state);
    return state;
  };
  return { ...real, recover };
});

const BUGS = [...LOG_BUGS, ...RUN_BUGS];
const SEEDS = 40;
const TIMEOUT_MS = 120_000;
const undo: (() => void)[] = [];

function remove(): void {
  for (const back of undo.splice(0).toReversed()) back();
  planted.now = {};
}

afterEach(remove);

describe('a planted bug is caught', { timeout: TIMEOUT_MS }, () => {
  test.each(BUGS)('$bug: $caughtBy', async ({ caughtBy, profile, plant }) => {
    const options = profile === undefined ? {} : { profile };
    const others: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const made = plant();
      if (Array.isArray(made)) undo.push(...made);
      else planted.now = made;
      undo.push(
        replace(
          Host.prototype,
          'start',
          (start) =>
            function seen(this: Host) {
              planted.host = this;
              start.call(this);
            },
        ),
      );
      const run = caughtBy === 'repeatable' ? runTwice : runSeed;
      const { failure } = await run(seed, options);
      remove();
      if (failure !== undefined && failure.invariant !== caughtBy) {
        others.push(`seed ${seed} ${failure.invariant}: ${failure.message.slice(0, 200)}`);
      }
      if (failure?.invariant !== caughtBy) continue;
      expect((await runSeed(seed, options)).failure?.report).toBeUndefined();
      return;
    }
    expect.fail(`not caught in ${SEEDS} seeds; ${others.slice(0, 5).join('\n')}`);
  });
});

test('every invariant has a bug that it catches', () => {
  const caught = new Set(BUGS.map(({ caughtBy }) => caughtBy));
  expect(Object.keys(INVARIANTS).filter((name) => !caught.has(name as Invariant))).toEqual([]);
});
