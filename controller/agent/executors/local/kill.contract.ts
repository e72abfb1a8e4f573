// What is left of the promise when processes are killed with -9: real ones, each in turn and together. For the tests and,
// with every isolation, the soak.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import { Agent, assignmentOf, key } from '../agent.contract.ts';
import { LocalPlace, sleeper, type Sleeper, until } from './machine.contract.ts';
import { type ProcessId, bootMs, isAlive } from './proc.ts';
import type { IsolationKind } from './trees.ts';

/** The guard looks once a second, starts a supervisor in a tenth, and itself kills three seconds late. */
const GUARDED_MS = 3500;
const LEASE_MS = 1500;

export function killContract(isolation: IsolationKind): void {
  describe(`kill -9 with ${isolation}`, () => {
    let place: LocalPlace;
    let agents: StandIn[];

    beforeEach(() => {
      place = new LocalPlace({ isolation });
      agents = [];
    });
    afterEach(async () => {
      for (const agent of agents) agent.kill();
      await place.dispose();
    });

    const runAgent = async (leaseMs: number, command: string[]): Promise<StandIn> => {
      const agent = new StandIn(place, isolation, leaseMs, command);
      agents.push(agent);
      await until('the stand-in has started its run', () => agent.said.includes('running'));
      return agent;
    };
    const runSleeper = async (leaseMs: number, sleep: Sleeper): Promise<StandIn> => {
      const agent = await runAgent(leaseMs, sleep.command);
      await until('it sleeps', () => sleep.pids().length > 0);
      return agent;
    };
    const killSupervisor = (): ProcessId => {
      const supervisor = place.processIn('supervisor');
      if (supervisor === undefined) throw new Error('there is no supervisor');
      process.kill(supervisor.pid, 'SIGKILL');
      return supervisor;
    };

    test('of the agent: the fence falls at its deadline', async () => {
      const sleep = sleeper();
      const agent = await runSleeper(LEASE_MS, sleep);
      agent.kill();
      expect(sleep.pids()).not.toEqual([]);
      await until('the run is fenced', () => sleep.pids().length === 0);
      expect(bootMs()).toBeGreaterThanOrEqual(agent.deadlineMs);
      expect(bootMs()).toBeLessThan(agent.deadlineMs + 1000);
      const next = await Agent.open(place);
      expect(await next.ended(key(1))).toMatchObject({ reason: { code: 'LEASE_FENCED' } });
    });

    test('of agent and supervisor at once: the fence still falls', async () => {
      const sleep = sleeper();
      const agent = await runSleeper(LEASE_MS, sleep);
      agent.kill();
      killSupervisor();
      expect(sleep.pids()).not.toEqual([]);
      await until('the run is fenced', () => sleep.pids().length === 0);
      expect(bootMs()).toBeGreaterThanOrEqual(agent.deadlineMs);
      expect(bootMs()).toBeLessThan(agent.deadlineMs + GUARDED_MS);
      const next = await Agent.open(place);
      expect(await next.ended(key(1))).toMatchObject({ reason: { code: 'LEASE_FENCED' } });
    });

    test('of the supervisor: its tasks go on and the next one looks after them', async () => {
      const agent = await Agent.open(place);
      const sleep = sleeper();
      agent.executor.start(assignmentOf(key(1), [{ command: sleep.command }]));
      agent.executor.start(assignmentOf(key(2), [place.task({ ms: 600, exitCode: 5, lines: 2 })]));
      await until('it sleeps', () => sleep.pids().length > 0);
      await agent.reached(key(2), RunState.RUNNING);
      const pids = sleep.pids();
      killSupervisor();
      agent.executor.start(assignmentOf(key(3), [place.task({ ms: 10 })]));
      expect(await agent.ended(key(3))).toMatchObject({ phase: RunState.SUCCEEDED });
      expect(await agent.ended(key(2))).toMatchObject({
        phase: RunState.FAILED,
        exitCode: 5,
        lastLines: ['line 1', 'line 2'],
      });
      expect(sleep.pids()).toEqual(pids);
      agent.executor.stop(key(1));
      expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.STOPPED, exitCode: 143 });
      expect(sleep.pids()).toEqual([]);
    });

    test('of the supervisor while it waits for a stop: the next one goes on with the same grace', async () => {
      const agent = await Agent.open(place);
      const sleep = sleeper("trap '' TERM; ");
      const stopGrace = { seconds: 2, nanos: 0 };
      agent.executor.start(assignmentOf(key(1), [{ command: sleep.command }], { stopGrace }));
      await until('it sleeps', () => sleep.pids().length > 0);
      const askedMs = bootMs();
      agent.executor.stop(key(1));
      await agent.reached(key(1), RunState.STOPPING);
      killSupervisor();
      expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.STOPPED, exitCode: 137 });
      expect(bootMs() - askedMs).toBeGreaterThan(1900);
      expect(bootMs() - askedMs).toBeLessThan(3500);
    });

    test('of agent and supervisor: what ends meanwhile is still told', async () => {
      const agent = await runAgent(0, ['/bin/sh', '-c', 'echo done; sleep 0.3; exit 6']);
      agent.kill();
      killSupervisor();
      const next = await Agent.open(place);
      expect(await next.ended(key(1))).toMatchObject({
        phase: RunState.FAILED,
        exitCode: 6,
        lastLines: ['done'],
      });
    });

    test('of the guard: there is another one', async () => {
      const sleep = sleeper();
      await runSleeper(0, sleep);
      const guard = place.processIn('guard');
      if (guard === undefined) throw new Error('there is no guard');
      process.kill(guard.pid, 'SIGKILL');
      const other = (): ProcessId | undefined => {
        const named = place.processIn('guard');
        return named?.pid === guard.pid ? undefined : named;
      };
      await until('there is another guard', () => other() !== undefined);
      expect(isAlive(other() ?? guard)).toBe(true);
    });

    test('of a wrapper: its task goes with it', async () => {
      const agent = await Agent.open(place);
      const sleep = sleeper();
      agent.executor.start(assignmentOf(key(1), [{ command: sleep.command }]));
      await until('it sleeps', () => sleep.pids().length > 0);
      process.kill(topOf(place), 'SIGKILL');
      expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.FAILED, exitCode: 137 });
      expect(sleep.pids()).toEqual([]);
    });

    test('of the agent, with a supervisor that hangs: the guard keeps the fence', async () => {
      const sleep = sleeper();
      const agent = await runSleeper(LEASE_MS, sleep);
      agent.kill();
      const supervisor = place.processIn('supervisor');
      if (supervisor === undefined) throw new Error('there is no supervisor');
      process.kill(supervisor.pid, 'SIGSTOP');
      await until('the run is fenced', () => sleep.pids().length === 0);
      expect(bootMs()).toBeGreaterThanOrEqual(agent.deadlineMs);
      process.kill(supervisor.pid, 'SIGCONT');
      const next = await Agent.open(place);
      expect(await next.ended(key(1))).toMatchObject({ reason: { code: 'LEASE_FENCED' } });
    });
  });
}

class StandIn {
  said = '';
  readonly #child: ChildProcess;

  constructor(place: LocalPlace, isolation: IsolationKind, leaseMs: number, command: string[]) {
    const script = fileURLToPath(new URL('./standin.contract.ts', import.meta.url));
    const args = [script, place.stateDir, isolation, String(leaseMs), ...command];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout?.on('data', (text) => {
      this.said += String(text);
    });
  }

  get deadlineMs(): number {
    return Number(/deadline (\d+)/.exec(this.said)?.[1]);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** The process on top of the first task of job 1. */
function topOf(place: LocalPlace): number {
  const journal = readFileSync(join(place.stateDir, 'control/runs/1-0-1'), 'utf8');
  return Number(/^task 0 (\d+)/m.exec(journal)?.[1]);
}
