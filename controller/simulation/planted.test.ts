// Every invariant is seen to bite: a bug is planted, and within a bounded number of seeds the invariant that it should break is
// broken, while the same seed passes without the bug.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SimulatedExecutor } from '#agent/executors/simulated.ts';
import type { AnswerOf } from '#core/command.ts';
import { JobTable } from '#core/job-table.ts';
import { NONE } from '#core/columns.ts';
import { Overlay } from '#core/overlay.ts';
import type { State } from '#core/state.ts';
import { isRunFinal, JobState, type RunState } from '#domain/states.ts';
import { MemoryDisk } from '#log/memory-disk.ts';
import { Gate } from '#loop/gate.ts';
import { Hub } from '#loop/hub.ts';
import { Outbox } from '#loop/outbox.ts';
import { rowsSince } from '#loop/rows.ts';
import { Host } from './host.ts';
import { ObservedLog } from './observed-log.ts';
import { planted, replace, type Planted } from './plants.ts';
import type { Profile } from './plan.ts';
import { runSeed } from './run.ts';
import { ObservedExecutor } from './truth.ts';
import type { Invariant } from './violation.ts';

vi.mock('#core/decide.ts', async (load) => {
  const real = await load<typeof import('#core/decide.ts')>();
  const { planted: plants } = await import('./plants.ts');
  const decide = (...[state, command, context]: Parameters<typeof real.decide>) => {
    const asked = (plants.now.command?.(state, command) ?? command) as typeof command;
    const outcome = real.decide(state, asked, context);
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

interface Case {
  readonly bug: string;
  readonly caughtBy: Invariant;
  readonly profile?: Profile;
  /** Hooks, and methods that are replaced: the answers put them back. */
  readonly plant: () => Planted | (() => void)[];
}

const SEEDS = 40;
const TIMEOUT_MS = 120_000;
const undo: (() => void)[] = [];
/** The controller of the world that runs, for bugs that need to see it. */
let host: Host | undefined;
const see = (seen: Host) => (host = seen);

const cases: readonly Case[] = [
  {
    bug: 'an answer leaves before the append',
    caughtBy: 'gate',
    plant: () => [replace(Gate.prototype, 'when', () => (_, release) => release())],
  },
  {
    bug: 'an append that failed is taken for one that did not',
    caughtBy: 'gate',
    plant: () => [
      replace(
        ObservedLog.prototype,
        'append',
        (append) =>
          function failing(this: ObservedLog, group, done) {
            append.call(this, group, () => done(undefined));
          },
      ),
    ],
  },
  {
    bug: 'the fence is never set',
    caughtBy: '9-fence',
    plant: () => [replace(SimulatedExecutor.prototype, 'setFence', () => () => {})],
  },
  {
    bug: 'the agent adds an hour to its lease',
    caughtBy: '3-one-run-alive',
    plant: () => [
      replace(
        ObservedExecutor.prototype,
        'setFence',
        (setFence) =>
          function late(this: ObservedExecutor, ms) {
            setFence.call(this, ms + 3_600_000);
          },
      ),
    ],
  },
  {
    bug: 'the controller replaces before the lease has ended',
    caughtBy: '3-one-run-alive',
    plant: () => ({ leaseClock: (ms) => ms * 2 }),
  },
  {
    bug: 'a restarted controller counts leases from before it was there',
    caughtBy: '3-one-run-alive',
    plant: () => leasesFromBefore(),
  },
  {
    bug: 'a run keeps its room when it ends',
    caughtBy: 'rebuilt',
    plant: () => ({ releases: (run) => run % 5 !== 4 }),
  },
  {
    bug: 'stops get lost',
    caughtBy: '11-drain',
    plant: () => [
      replace(Outbox.prototype, 'stop', () => () => {}),
      replace(Outbox.prototype, 'expectStop', () => () => {}),
    ],
  },
  {
    bug: 'an agent that joins is not told what to stop',
    caughtBy: '11-drain',
    plant: () => ({
      decide: (outcome, command) => {
        const made = outcome as { kind: string; answer?: AnswerOf<'joinDataCenter'> };
        if (command.kind !== 'joinDataCenter' || made.answer === undefined) return outcome;
        return { ...made, answer: { ...made.answer, stop: [] } };
      },
    }),
  },
  {
    bug: 'the epoch of a report is not looked at',
    caughtBy: '3-one-run-alive',
    plant: () => ({ command: withNewestEpochs }),
  },
  {
    bug: 'the end of a run is acknowledged and not taken',
    caughtBy: '11-drain',
    plant: () => ({
      decide: (outcome, command) => {
        const made = outcome as { kind: string; events?: unknown[] };
        const isDropped = command.kind === 'reportRuns' && (made.events?.length ?? 0) % 3 === 0;
        return isDropped ? { ...made, events: [] } : outcome;
      },
    }),
  },
  {
    bug: 'an ended run is forgotten before the controller knows',
    caughtBy: '3-effects',
    plant: () => [
      replace(
        ObservedExecutor.prototype,
        'open',
        (open) =>
          async function forgetful(this: ObservedExecutor, events) {
            const opened = await open.call(this, events);
            return {
              ...opened,
              runs: opened.runs.filter(({ phase }) => !isRunFinal(phase as RunState)),
            };
          },
      ),
    ],
  },
  {
    bug: 'idempotency keys are forgotten by a restart',
    caughtBy: '2-idempotency',
    plant: () => ({
      recovered: (state) => {
        (state as State).jobs.rowOfKey = () => undefined;
      },
    }),
  },
  {
    bug: 'an id with another payload is taken for the same job',
    caughtBy: '2-idempotency',
    plant: () => [replace(JobTable.prototype, 'hasDigest', () => () => true)],
  },
  {
    bug: 'a watch loses a record where memory ends and the log begins',
    caughtBy: '5-watch',
    plant: () => [
      replace(
        Hub.prototype,
        'read',
        (read) =>
          function skipping(this: Hub, after, done) {
            let isInside = true;
            read.call(this, after, (found, error) => {
              const skips = !isInside && found.kind === 'records' && found.records.length > 1;
              done(skips ? { ...found, records: found.records.slice(1) } : found, error);
            });
            isInside = false;
          },
      ),
    ],
  },
  {
    bug: 'a job whose dependencies have ended never enters the queue',
    caughtBy: '11-drain',
    plant: () => ({
      requeues: (of, row) => {
        const { jobs } = of as State;
        return !(
          jobs.after.has(row) &&
          jobs.stateOf(row) === JobState.QUEUED &&
          jobs.run[row] === NONE
        );
      },
    }),
  },
  {
    bug: 'a record gets no audit entry',
    caughtBy: '7-audit',
    plant: () => [
      replace(
        MemoryDisk.prototype,
        'listAudit',
        (list) =>
          function incomplete(this: MemoryDisk, query) {
            return list.call(this, query).filter(({ revision }) => revision !== 7);
          },
      ),
    ],
  },
  {
    bug: 'a record gets two audit entries',
    caughtBy: '7-audit',
    plant: () => [
      replace(
        MemoryDisk.prototype,
        'listAudit',
        (list) =>
          function doubled(this: MemoryDisk, query) {
            return list
              .call(this, query)
              .flatMap((row) => (row.revision === 7 ? [row, row] : [row]));
          },
      ),
    ],
  },
  {
    bug: 'a checkpoint holds what is not in the log yet',
    caughtBy: 'rebuilt',
    plant: () => [
      replace(
        MemoryDisk.prototype,
        'write',
        (write) =>
          function ahead(this: MemoryDisk, group) {
            const state = host?.running?.loop.state;
            const { checkpoint = { deleted: [], completeFrom: undefined } } = group;
            if (state === undefined) return write.call(this, group);
            write.call(this, {
              ...group,
              checkpoint: { ...checkpoint, rows: [...rowsSince(state, 0)] },
            });
          },
      ),
    ],
  },
  {
    bug: 'a restart forgets a tenant',
    caughtBy: 'rebuilt',
    plant: () => ({ recovered: (state) => void (state as State).tenants.delete('health') }),
  },
  {
    bug: 'nodes are taken for larger than they are',
    caughtBy: '4-over-commit',
    plant: () => [
      replace(Overlay.prototype, 'countOnNode', () => (_row, _shape, atMost) => atMost),
    ],
  },
  {
    bug: 'quotas are not looked at',
    caughtBy: '4-quota',
    plant: () => ({ ignoresQuota: true }),
  },
  {
    bug: 'a controller that was away for less than the lease counts from before',
    caughtBy: '11-outage',
    profile: 'outages',
    plant: () => leasesFromBefore(),
  },
  {
    bug: 'a controller that comes back takes all it hears of for lost',
    caughtBy: '11-outage',
    profile: 'outages',
    plant: () => ({
      command: (_, command) =>
        command.kind === 'joinDataCenter' ? { ...command, runs: [] } : command,
    }),
  },
];

/** What was answered last by the controller before is taken for an hour ago. */
function leasesFromBefore(): Planted {
  let asked = 0;
  return {
    leaseClock: (ms, isConstructing) => {
      asked = isConstructing ? asked + 1 : 0;
      // The first question is for the time of the last look, which is now.
      return isConstructing && asked > 1 ? ms - 3_600_000 : ms;
    },
  };
}

/** What an agent says of any run is taken for the newest run of its job. */
function withNewestEpochs(
  of: unknown,
  command: { readonly kind: string },
): { readonly kind: string } {
  if (command.kind !== 'reportRuns' && command.kind !== 'joinDataCenter') return command;
  const { jobs } = of as State;
  const { runs } = command as unknown as { runs: { uid: number; epoch: number }[] };
  const newest = runs.map((run) => ({
    ...run,
    epoch: jobs.epoch[jobs.rowOf(run.uid) ?? NONE] ?? run.epoch,
  }));
  return { ...command, runs: newest } as { readonly kind: string };
}

function remove(): void {
  for (const back of undo.splice(0).toReversed()) back();
  planted.now = {};
}

afterEach(remove);

describe('a planted bug is caught', { timeout: TIMEOUT_MS }, () => {
  test.each(cases)('$bug: $caughtBy', async ({ caughtBy, profile, plant }) => {
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
              see(this);
              start.call(this);
            },
        ),
      );
      const { failure } = await runSeed(seed, options);
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
