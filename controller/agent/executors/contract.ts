// What every executor must do, whatever runs behind it. `executorContract` is called by the tests of each.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunState, mayRunMove } from '#domain/states.ts';
import { Duration } from '#gen/google/protobuf/duration.ts';
import type { RunReport } from '#gen/isobar/v1/agent.ts';
import type { TaskGroup } from '#gen/isobar/v1/job.ts';
import type { Clock } from '#ports/clock.ts';
import { type Executor, type RunKey, keyOf } from '#ports/executor.ts';
import { Agent, assignmentOf, key } from './agent.contract.ts';

/** What a task does, to be said in the words of the executor under test. */
export interface Behaviour {
  /** Time until it ends by itself. `Infinity`: never. */
  readonly ms: number;
  readonly exitCode?: number;
  /** Writes `line 1`, `line 2`, … when it starts. */
  readonly lines?: number;
  readonly ignoresStop?: boolean;
}

/** Machines on which agents come and go. */
export interface Place {
  readonly clock: Clock;
  /** The executor of a new agent. The one before may have closed or not. */
  executor(): Executor;
  task(behaviour: Behaviour): Partial<TaskGroup>;
  /** Lets time pass until it holds. Rejects when it does not come to hold within seconds. */
  until(what: string, holds: () => boolean): Promise<void>;
  /** Ends everything that it started. */
  dispose(): Promise<void>;
}

const LONG_MS = 600_000;
/** Long enough for a machine with two busy cores, short enough to wait for. */
const SOON_MS = 700;

export function executorContract(name: string, makePlace: () => Promise<Place>): void {
  describe(`${name} keeps the contract of executors`, () => {
    let place: Place;
    let agent: Agent;

    beforeEach(async () => {
      place = await makePlace();
      agent = await Agent.open(place);
    });
    afterEach(async () => {
      await agent.executor.close({ stopRuns: true });
      await place.dispose();
    });

    const forever = (): Partial<TaskGroup> => place.task({ ms: Infinity });
    const last = (run: RunKey): RunReport | undefined => agent.last(run);
    const ended = (run: RunKey): Promise<RunReport> => agent.ended(run);
    const running = (run: RunKey): Promise<void> => agent.reached(run, RunState.RUNNING);

    test('it has nodes with room', () => {
      expect(agent.opened.nodes.length).toBeGreaterThan(0);
      for (const node of agent.opened.nodes) {
        expect(node.allocatable?.cpuMillis).toBeGreaterThan(0);
        expect(node.allocatable?.memoryMib).toBeGreaterThan(0);
      }
      expect(agent.opened.runs).toEqual([]);
    });

    test('a run goes through its phases in order and succeeds', async () => {
      agent.executor.start(assignmentOf(key(1), [place.task({ ms: 30 })]));
      const end = await ended(key(1));
      expect(end).toMatchObject({ phase: RunState.SUCCEEDED, exitCode: 0, reason: undefined });
      const phases = agent.phases(key(1));
      expect(phases).toContain(RunState.RUNNING);
      const steps = phases.slice(1).map((phase, i) => mayRunMove(phases[i] ?? phase, phase));
      expect(steps).not.toContain(false);
      expect(end.runMillis).toBeGreaterThan(0);
    });

    test('a task that fails gives its exit code and its last twenty lines', async () => {
      agent.executor.start(assignmentOf(key(2), [place.task({ ms: 10, exitCode: 7, lines: 30 })]));
      const end = await ended(key(2));
      expect(end).toMatchObject({ phase: RunState.FAILED, exitCode: 7, reason: undefined });
      expect(end.lastLines).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i + 11}`));
    });

    test('the first task of a gang that fails ends the others', async () => {
      agent.executor.start(
        assignmentOf(key(3), [
          { ...forever(), name: 'a', replicas: 2 },
          { ...place.task({ ms: 50, exitCode: 4 }), name: 'b' },
        ]),
      );
      expect(await ended(key(3))).toMatchObject({ phase: RunState.FAILED, exitCode: 4 });
    });

    test('a gang succeeds when its last task does', async () => {
      agent.executor.start(
        assignmentOf(key(4), [
          { ...place.task({ ms: 5 }), name: 'a', replicas: 2 },
          { ...place.task({ ms: 100 }), name: 'b' },
        ]),
      );
      expect(await ended(key(4))).toMatchObject({ phase: RunState.SUCCEEDED, exitCode: 0 });
    });

    test('stop asks first', async () => {
      agent.executor.start(assignmentOf(key(5), [forever()]));
      await running(key(5));
      agent.executor.stop(key(5));
      expect(await ended(key(5))).toMatchObject({ phase: RunState.STOPPED, exitCode: 143 });
      expect(agent.phases(key(5))).toContain(RunState.STOPPING);
    });

    test('a task that ignores the signal is killed after the grace', async () => {
      const deaf = place.task({ ms: Infinity, ignoresStop: true });
      agent.executor.start(
        assignmentOf(key(6), [deaf], { stopGrace: Duration.fromPartial({ nanos: 200_000_000 }) }),
      );
      await running(key(6));
      const stoppedMs = place.clock.bootMs();
      agent.executor.stop(key(6));
      expect(await ended(key(6))).toMatchObject({ phase: RunState.STOPPED, exitCode: 137 });
      expect(place.clock.bootMs() - stoppedMs).toBeGreaterThanOrEqual(190);
    });

    test('a run that takes longer than it may is ended', async () => {
      agent.executor.start(
        assignmentOf(key(7), [forever()], {
          maxRunTime: Duration.fromPartial({ nanos: 200_000_000 }),
        }),
      );
      const end = await ended(key(7));
      expect(end).toMatchObject({ phase: RunState.FAILED, reason: { code: 'RUN_TIME_EXCEEDED' } });
    });

    test('a run that was stopped before it came never starts', async () => {
      agent.executor.stop(key(8));
      expect(await ended(key(8))).toMatchObject({ phase: RunState.STOPPED });
      agent.executor.start(assignmentOf(key(8), [place.task({ ms: 5 })]));
      agent.executor.forget(key(8));
      agent.executor.start(assignmentOf(key(8), [place.task({ ms: 5 })]));
      // A later run of another job shows that the earlier orders were carried out.
      agent.executor.start(assignmentOf(key(9), [place.task({ ms: 5 })]));
      await ended(key(9));
      expect(agent.phases(key(8))).not.toContain(RunState.RUNNING);
    });

    test('an order that comes twice starts one run', async () => {
      const order = assignmentOf(key(10), [place.task({ ms: 50 })]);
      agent.executor.start(order);
      agent.executor.start(order);
      await ended(key(10));
      agent.executor.start(order);
      agent.executor.start(assignmentOf(key(11), [place.task({ ms: 5 })]));
      await ended(key(11));
      expect(agent.ends(key(10))).toBe(1);
      expect(last(key(10))?.phase).toBe(RunState.SUCCEEDED);
    });

    test('an older epoch never starts', async () => {
      agent.executor.start(assignmentOf(key(12, 3), [place.task({ ms: 5 })]));
      await ended(key(12, 3));
      agent.executor.forget(key(12, 3));
      agent.executor.start(assignmentOf(key(12, 2), [forever()]));
      const end = await ended(key(12, 2));
      expect(end).toMatchObject({ phase: RunState.STOPPED, reason: { code: 'LOST' } });
      expect(agent.phases(key(12, 2))).not.toContain(RunState.RUNNING);
    });

    test('a newer epoch starts when the older one is dead', async () => {
      const deaf = place.task({ ms: Infinity, ignoresStop: true });
      agent.executor.start(assignmentOf(key(13, 1), [deaf]));
      await running(key(13, 1));
      agent.executor.start(assignmentOf(key(13, 2), [place.task({ ms: 20 })]));
      expect(await ended(key(13, 2))).toMatchObject({ phase: RunState.SUCCEEDED });
      const order = agent.reports.map((each) => `${each.epoch} ${each.phase}`);
      expect(order.indexOf(`1 ${RunState.STOPPED}`)).toBeGreaterThan(-1);
      expect(order.indexOf(`1 ${RunState.STOPPED}`)).toBeLessThan(
        order.indexOf(`2 ${RunState.RUNNING}`),
      );
    });

    test('elements of a job do not fence each other', async () => {
      agent.executor.start(assignmentOf({ ...key(14, 5), index: 1 }, [place.task({ ms: 5 })]));
      agent.executor.start(assignmentOf({ ...key(14, 1), index: 2 }, [place.task({ ms: 5 })]));
      const ends = [
        await ended({ ...key(14, 5), index: 1 }),
        await ended({ ...key(14), index: 2 }),
      ];
      expect(ends.map((end) => end.phase)).toEqual([RunState.SUCCEEDED, RunState.SUCCEEDED]);
    });

    test('the next agent adopts what runs, and is told what ended', async () => {
      agent.executor.start(assignmentOf(key(15), [place.task({ ms: 5, exitCode: 3 })]));
      agent.executor.start(assignmentOf(key(16), [forever()]));
      agent.executor.start(assignmentOf(key(17), [place.task({ ms: 5 })]));
      await running(key(16));
      await ended(key(15));
      await ended(key(17));
      agent.executor.forget(key(17));
      await agent.executor.close({ stopRuns: false });

      agent = await Agent.open(place);
      const found = new Map(agent.opened.runs.map((run) => [keyOf(run), run]));
      expect([...found.keys()].toSorted()).toEqual([keyOf(key(15)), keyOf(key(16))]);
      expect(found.get(keyOf(key(15)))).toMatchObject({ phase: RunState.FAILED, exitCode: 3 });
      expect(found.get(keyOf(key(16)))?.phase).toBe(RunState.RUNNING);
      agent.executor.stop(key(16));
      expect(await ended(key(16))).toMatchObject({ phase: RunState.STOPPED });
    });

    test('a final status is kept until it is forgotten, by every agent that comes', async () => {
      agent.executor.start(assignmentOf(key(18), [place.task({ ms: 5 })]));
      await ended(key(18));
      for (const _ of [1, 2]) {
        await agent.executor.close({ stopRuns: false });
        agent = await Agent.open(place);
        expect(agent.opened.runs).toMatchObject([{ jobUid: 18, phase: RunState.SUCCEEDED }]);
      }
      agent.executor.forget(key(18));
      await agent.executor.close({ stopRuns: false });
      agent = await Agent.open(place);
      expect(agent.opened.runs).toEqual([]);
    });

    test('closing with stopRuns leaves nothing alive', async () => {
      agent.executor.start(assignmentOf(key(19), [forever()]));
      await running(key(19));
      await agent.executor.close({ stopRuns: true });
      agent = await Agent.open(place);
      expect(agent.opened.runs).toMatchObject([{ jobUid: 19, phase: RunState.STOPPED }]);
    });

    test('the fence ends what has a lease at its deadline, and nothing else', async () => {
      agent.executor.setFence(place.clock.bootMs() + LONG_MS);
      agent.executor.start(assignmentOf(key(20), [forever()]));
      agent.executor.start({ ...assignmentOf(key(21), [forever()]), withoutLease: true });
      await running(key(20));
      await running(key(21));
      const deadlineMs = place.clock.bootMs() + SOON_MS;
      agent.executor.setFence(deadlineMs);
      const end = await ended(key(20));
      expect(end).toMatchObject({ phase: RunState.STOPPED, reason: { code: 'LEASE_FENCED' } });
      expect(place.clock.bootMs()).toBeGreaterThanOrEqual(deadlineMs);
      expect(last(key(21))?.phase).toBe(RunState.RUNNING);
    });

    test('behind the fence nothing with a lease begins, until it is renewed', async () => {
      agent.executor.setFence(place.clock.bootMs() - 1);
      agent.executor.start(assignmentOf(key(22), [forever()]));
      const end = await ended(key(22));
      expect(end).toMatchObject({ phase: RunState.STOPPED, reason: { code: 'LEASE_FENCED' } });
      expect(agent.phases(key(22))).not.toContain(RunState.RUNNING);
      agent.executor.setFence(place.clock.bootMs() + LONG_MS);
      agent.executor.start(assignmentOf(key(23), [place.task({ ms: 5 })]));
      expect(await ended(key(23))).toMatchObject({ phase: RunState.SUCCEEDED });
    });

    test('a fence that is renewed in time ends nothing', async () => {
      const firstMs = place.clock.bootMs() + SOON_MS;
      agent.executor.setFence(firstMs);
      agent.executor.start(assignmentOf(key(24), [place.task({ ms: 2 * SOON_MS })]));
      await running(key(24));
      agent.executor.setFence(firstMs + LONG_MS);
      expect(await ended(key(24))).toMatchObject({ phase: RunState.SUCCEEDED });
      expect(place.clock.bootMs()).toBeGreaterThan(firstMs);
    });

    test('the fence holds while no agent is there', async () => {
      const deadlineMs = place.clock.bootMs() + SOON_MS;
      agent.executor.setFence(deadlineMs);
      agent.executor.start(assignmentOf(key(25), [forever()]));
      await running(key(25));
      await agent.executor.close({ stopRuns: false });
      await place.until('the deadline is over', () => place.clock.bootMs() >= deadlineMs);
      agent = await Agent.open(place);
      expect(await ended(key(25))).toMatchObject({
        phase: RunState.STOPPED,
        reason: { code: 'LEASE_FENCED' },
      });
    });

    test('output is read from its beginning, or only its last lines', async () => {
      agent.executor.start(assignmentOf(key(26), [place.task({ ms: 20, lines: 5 })]));
      await ended(key(26));
      expect(await agent.log(key(26))).toBe('line 1\nline 2\nline 3\nline 4\nline 5\n');
      expect(await agent.log(key(26), { tailLines: 2 })).toBe('line 4\nline 5\n');
      expect(await agent.log(key(26), { tailLines: 99 })).toMatch(/^line 1\n/);
    });

    test('output is followed until the task ends', async () => {
      agent.executor.start(assignmentOf(key(27), [place.task({ ms: 200, lines: 3 })]));
      await running(key(27));
      expect(await agent.log(key(27), { follow: true })).toBe('line 1\nline 2\nline 3\n');
      await ended(key(27));
    });

    test('output that there is not is an error', async () => {
      await expect(agent.log(key(28))).rejects.toThrow(/no output/);
      agent.executor.start(assignmentOf(key(29), [place.task({ ms: 5 })]));
      await ended(key(29));
      await expect(agent.log(key(29), { rank: 1 })).rejects.toThrow(/no output/);
    });
  });
}
