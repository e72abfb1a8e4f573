// Bugs in where runs go and what becomes of them: room, leases, fences, agents.
import { SimulatedExecutor } from '#agent/executors/simulated.ts';
import { NONE } from '#core/columns.ts';
import { accept, type AnswerOf, type Outcome } from '#core/command.ts';
import { Overlay } from '#core/overlay.ts';
import type { State } from '#core/state.ts';
import { isRunFinal, JobState, type RunState } from '#domain/states.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { Outbox } from '#loop/outbox.ts';
import { Specs } from '#loop/specs.ts';
import { isDeciding, replace, type Bug, type Planted } from './plants.ts';
import { ObservedExecutor } from './truth.ts';

export const RUN_BUGS: readonly Bug[] = [
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
    caughtBy: '3-effects',
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
    bug: 'an old report moves a run back',
    caughtBy: 'table',
    plant: () => ({ ignoresRunTable: true }),
  },
  {
    bug: 'a job that is cancelled while it runs is cancelled at once',
    caughtBy: 'table',
    plant: () => ({
      decide: (outcome, command) => {
        const made = outcome as { events?: readonly Event[] };
        if (command.kind !== 'changeJobs' || made.events === undefined) return outcome;
        return { ...made, events: made.events.map(withoutStopping) };
      },
    }),
  },
  {
    bug: 'specifications of one message are mixed up',
    caughtBy: 'specification',
    plant: () => [
      replace(
        Specs.prototype,
        'read',
        (read) =>
          function mixed(this: Specs, uids, done) {
            read.call(this, uids, (specs, error) => done(specs.toReversed(), error));
          },
      ),
    ],
  },
  {
    bug: 'the scheduler gives the same room twice within a slice',
    caughtBy: 'agree',
    plant: () => [
      replace(
        Overlay.prototype,
        'take',
        (take) =>
          function forgetful(this: Overlay, ...args) {
            if (isDeciding()) take.apply(this, args);
          },
      ),
    ],
  },
  {
    bug: 'agents are told to put all tasks on one node',
    caughtBy: '4-real-use',
    plant: () => ({
      parts: (parts) =>
        parts.map((part) => ({
          ...part,
          allocations: part.allocations.map((held) => ({
            ...held,
            node: part.allocations[0]?.node ?? '',
          })),
        })),
    }),
  },
  {
    bug: 'where clocks drift, what an agent still has is taken for lost',
    caughtBy: '3-one-run-alive',
    profile: 'drifting',
    plant: () => ({
      command: (_, command) =>
        command.kind === 'joinDataCenter' ? { ...command, runs: [] } : command,
    }),
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
    bug: 'a drained node keeps its runs',
    caughtBy: 'closed',
    plant: () => ({
      decide: (outcome, command) => {
        const made = outcome as Outcome<unknown>;
        if (command.kind !== 'drainNode' || made.kind === 'refusal') return outcome;
        const events = made.events.filter(({ kind }) => kind?.$case !== 'jobChanged');
        return { ...made, events };
      },
    }),
  },
  {
    bug: 'a drained data center never leaves',
    caughtBy: 'closed',
    plant: () => ({
      decide: (outcome, command) =>
        command.kind === 'leaveDataCenter' ? accept([], undefined) : outcome,
    }),
  },
  {
    bug: 'a cordon is forgotten when jobs come',
    caughtBy: 'closed',
    plant: () => ({
      command: (of, command) => {
        if (command.kind === 'submitJobs') (of as State).nodes.cordoned.fill(0);
        return command;
      },
    }),
  },
  {
    bug: 'an operator vouches for a run that is still on its way',
    caughtBy: '3-one-run-alive',
    plant: () => ({ command: withLeasesOver }),
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

function withoutStopping(event: Event): Event {
  const { kind } = event;
  if (kind?.$case !== 'jobChanged' || kind.value.state !== JobState.STOPPING) return event;
  return { kind: { ...kind, value: { ...kind.value, state: JobState.CANCELLED } } };
}

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

/** Whoever declares a run gone is believed that nothing is under way to it. */
function withLeasesOver(
  of: unknown,
  command: { readonly kind: string },
): { readonly kind: string } {
  if (command.kind !== 'forgetRun') return command;
  for (const dataCenter of (of as State).dataCenters.values()) dataCenter.isLeaseOver = true;
  return command;
}
