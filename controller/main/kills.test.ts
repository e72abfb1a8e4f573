// Agents and supervisors that are killed with -9 while their runs go on: these are adopted, or dead before others take their place.
import { describe, expect, test } from 'vitest';
import { processesOf, signal } from './testbed/processes-of.ts';
import { linesOf, overlaps } from './testbed/tasks.ts';
import { until } from './testbed/until.ts';
import { useFederations } from './testbed/use-federations.ts';
import { allTick, epochsOf, finish, startWork } from './testbed/work.ts';

const start = useFederations();

describe('kill -9', () => {
  test('of an agent, of its supervisor, and of both at once: what runs goes on and is adopted', async () => {
    const federation = await start({ agents: 1 });
    const work = await startWork(federation, 4);
    await federation.killAgent('a');
    await allTick(federation, work);
    await federation.startAgent('a');
    await federation.joined();

    const killed = federation.supervisorOf('a');
    signal(killed, 'SIGKILL');
    await until('another supervisor is there', () => federation.supervisorOf('a') !== killed);
    await allTick(federation, work);

    signal(federation.supervisorOf('a'), 'SIGKILL');
    await federation.killAgent('a');
    await allTick(federation, work);
    await federation.startAgent('a');
    await federation.joined();
    await finish(federation, work);
    expect(epochsOf(federation, work)).toEqual([[1], [1], [1], [1]]);
  }, 90_000);

  test('of the controller and of an agent that never comes back: nothing runs on behind the lease, then it runs elsewhere', async () => {
    const federation = await start({ agents: 2, leaseSeconds: 5 });
    const work = await startWork(federation, 8);
    await federation.killAgent('a');
    await federation.killController();
    const tasks = (): string[] =>
      processesOf(federation.folder)
        .map(({ command }) => command)
        .filter((command) => command.startsWith('/bin/sh -c say()'));
    expect(tasks()).toHaveLength(8);
    // The lease, the time for its end that a task is given, and what a loaded machine needs for it.
    await until('no process of a job is left', () => tasks().length === 0, 5000 + 5000);
    const before = linesOf(federation.report).length;

    await federation.startController();
    await allTick(federation, work);
    const after = linesOf(federation.report).slice(before);
    expect(after.filter(({ epoch }) => epoch !== 2)).toEqual([]);
    await finish(federation, work);
    expect(overlaps(linesOf(federation.report))).toEqual([]);
  }, 90_000);
});
