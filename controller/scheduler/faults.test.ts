// The properties bite: bugs are planted one at a time, and each is noticed.
import { afterEach, expect, test, vi } from 'vitest';
import * as fc from 'fast-check';
import { steps } from '#simulation/scheduler-steps.ts';
import type { Command } from '#core/command.ts';
import { decide } from '#core/decide.ts';
import { Overlay } from '#core/overlay.ts';
import type { Step } from './testing-model.ts';
import { runSteps, type RunOptions } from './testing-properties.ts';

const planted = vi.hoisted(() => ({ bug: '' }));

vi.mock('#core/room.ts', async (original) => {
  const real = await original<typeof import('#core/room.ts')>();
  return {
    ...real,
    release: (...args: Parameters<typeof real.release>) => {
      if (planted.bug !== 'leak') real.release(...args);
    },
    grew: (...args: Parameters<typeof real.grew>) => {
      if (planted.bug !== 'growth') real.grew(...args);
    },
    holdDevices: (...args: Parameters<typeof real.holdDevices>) => {
      if (planted.bug !== 'new devices') real.holdDevices(...args);
    },
  };
});

vi.mock('#core/queue.ts', async (original) => {
  const real = await original<typeof import('#core/queue.ts')>();
  const isDropped = (...[{ jobs }, row]: Parameters<typeof real.requeue>): boolean =>
    (planted.bug === 'requeue' && jobs.epoch[row]! > 0) ||
    (planted.bug === 'dependency' && jobs.after.has(row));
  return {
    ...real,
    requeue: (...args: Parameters<typeof real.requeue>) => {
      if (isDropped(...args)) real.leaveQueue(...args);
      else real.requeue(...args);
    },
  };
});

vi.mock('#core/overlay.ts', async (original) => {
  const real = await original<typeof import('#core/overlay.ts')>();
  return {
    ...real,
    exceededQuota: (...[overlay, jobClass]: Parameters<typeof real.exceededQuota>) => {
      const isBlind = planted.bug === 'quota' && jobClass.tenant.parent !== undefined;
      const tenant = isBlind ? { ...jobClass.tenant, parent: undefined } : jobClass.tenant;
      return real.exceededQuota(overlay, isBlind ? { ...jobClass, tenant } : jobClass);
    },
  };
});

vi.mock('#core/usage.ts', async (original) => {
  const real = await original<typeof import('#core/usage.ts')>();
  return {
    ...real,
    foldUsageBooked: (...args: Parameters<typeof real.foldUsageBooked>) => {
      real.foldUsageBooked(...args);
      if (planted.bug === 'usage') real.foldUsageBooked(...args);
    },
  };
});

afterEach(() => {
  planted.bug = '';
  vi.restoreAllMocks();
});

/** A method as it was before it is spied on. */
function methodOf<K extends 'pickDevices' | 'countOnNode'>(name: K): Overlay[K] {
  const method: unknown = Object.getOwnPropertyDescriptor(Overlay.prototype, name)?.value;
  return method as Overlay[K];
}

/** What the first sequence that fails is told; empty: none did. */
function noticed(options: RunOptions = {}, numRuns = 100): string {
  const run = (sequence: readonly Step[]) => void runSteps(sequence, options);
  const settings = { seed: 1, numRuns, endOnFailure: true };
  const { errorInstance } = fc.check(fc.property(steps, run), settings);
  return errorInstance instanceof Error ? errorInstance.message : '';
}

test('without a bug nothing is noticed', () => {
  expect(noticed({}, 20)).toBe('');
});

test.each([
  ['a run that ends keeps its room', 'leak', /^free of .* should be/],
  ['room that grows is not told', 'growth', /wait and would fit|differs/],
  ['devices described anew look free', 'new devices', /^device .* should have/],
  ['a job that comes back is not queued', 'requeue', /is not in its queue/],
  ['a job whose dependency ended is not queued', 'dependency', /is not in its queue/],
  ['quotas are not looked at up to the root', 'quota', /beyond the quota of (root|t)/],
  ['what a run used is booked twice', 'usage', /^the ledger says/],
])('%s', (_, bug, message) => {
  planted.bug = bug;
  expect(noticed()).toMatch(message);
});

test('a share of a device is split over two', () => {
  const pickDevices = methodOf('pickDevices');
  vi.spyOn(Overlay.prototype, 'pickDevices').mockImplementation(function split(
    this: Overlay,
    row,
    needs,
  ) {
    const [need] = needs;
    if (need === undefined || need.thousandths === 1000) return pickDevices.call(this, row, needs);
    const half = { ...need, count: 2, thousandths: need.thousandths / 2 };
    return pickDevices.call(this, row, [half]) ?? pickDevices.call(this, row, needs);
  });
  expect(noticed()).toMatch(
    /asked for devices 700 and holds 350,350|asked for devices 400 and holds 200,200/,
  );
});

test('a report is believed whatever its epoch', () => {
  const believing = (state: Parameters<typeof decide>[0], command: Command): Command => {
    if (command.kind !== 'reportRuns') return command;
    const newest = ({ uid }: { readonly uid: number }) =>
      state.jobs.epoch[state.jobs.rowOf(uid) ?? 0] ?? 0;
    return { ...command, runs: command.runs.map((run) => ({ ...run, epoch: newest(run) })) };
  };
  const wrapped: typeof decide = (state, command, context) =>
    // The command is of the same kind, so the answer is too.
    decide(state, believing(state, command) as typeof command, context);
  expect(noticed({ decide: wrapped })).toMatch(/a report of a fenced run changed/);
});

test('a placement is not checked again against the room', () => {
  const countOnNode = methodOf('countOnNode');
  let isPlacing = false;
  vi.spyOn(Overlay.prototype, 'countOnNode').mockImplementation(function blind(
    this: Overlay,
    row,
    shape,
    most,
  ) {
    return isPlacing ? most : countOnNode.call(this, row, shape, most);
  });
  const wrapped: typeof decide = (state, command, context) => {
    isPlacing = command.kind === 'place';
    try {
      return decide(state, command, context);
    } finally {
      isPlacing = false;
    }
  };
  expect(noticed({ decide: wrapped })).toMatch(/which had no room|device .* is held/);
});

test('a drain asks nobody to stop', () => {
  const wrapped: typeof decide = (state, command, context) => {
    const outcome = decide(state, command, context);
    if (command.kind !== 'moveDataCenter' || outcome.kind === 'refusal') return outcome;
    const events = outcome.events.filter(({ kind }) => kind?.$case !== 'jobChanged');
    return { ...outcome, events };
  };
  expect(noticed({ decide: wrapped })).toMatch(/goes on in \w+, which is drained/);
});

test('decide changes something', () => {
  const wrapped: typeof decide = (state, command, context) => {
    if (command.kind === 'submitJobs') state.nextJob++;
    return decide(state, command, context);
  };
  expect(noticed({ decide: wrapped })).toMatch(/in two ways|deciding submitJobs changed/);
});

test('fold reads what is not in the record', () => {
  let calls = 0;
  const afterFold: NonNullable<RunOptions['afterFold']> = ({ state }, events) => {
    for (const { kind } of events) {
      if (kind?.$case === 'jobSubmitted')
        state.jobs.expectedRunMs[state.jobs.rowOf(kind.value.uid)!] = ++calls;
    }
  };
  expect(noticed({ afterFold })).toMatch(/^a replay differs/);
});
