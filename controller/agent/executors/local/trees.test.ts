// The tree of a task ends with it, whatever it has forked, with every isolation that works here.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import type { TaskGroup } from '#gen/isobar/v1/job.ts';
import { Resources } from '#gen/isobar/v1/resources.ts';
import { Agent, assignmentOf, key } from '../agent.contract.ts';
import { LocalPlace, availableIsolations, sleeper, until } from './machine.contract.ts';

/** The task ends well when the file is there. */
const WAIT_FOR_GO = 'while [ ! -e go ]; do sleep 0.02; done; exit 0';

for (const isolation of availableIsolations()) {
  describe(`the tree of a task, with ${isolation}`, () => {
    let place: LocalPlace;
    let agent: Agent;

    beforeEach(async () => {
      place = new LocalPlace({ isolation });
      agent = await Agent.open(place);
    });
    afterEach(async () => {
      await place.dispose();
    });

    /** Forks twice, each time into a session of its own, and goes on with `then`. */
    const daemon = (program: string, then: string): string[] => [
      '/bin/sh',
      '-c',
      `setsid sh -c 'setsid ${program} & exit 0'; ${program} & ${then}`,
    ];

    const go = (): void => writeFileSync(join(place.stateDir, 'work/1-0-1.0/go'), '');

    test('ends when the task ends by itself', async () => {
      const sleep = sleeper();
      agent.executor.start(assignmentOf(key(1), [{ command: daemon(sleep.program, WAIT_FOR_GO) }]));
      await until('both daemons sleep', () => sleep.pids().length === 2);
      go();
      expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.SUCCEEDED });
      expect(sleep.pids()).toEqual([]);
    });

    test('ends when the run is stopped', async () => {
      const sleep = sleeper();
      agent.executor.start(assignmentOf(key(1), [{ command: daemon(sleep.program, 'wait') }]));
      await until('both daemons sleep', () => sleep.pids().length === 2);
      agent.executor.stop(key(1));
      expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.STOPPED });
      expect(sleep.pids()).toEqual([]);
    });

    test('ends at the fence', async () => {
      const sleep = sleeper();
      agent.executor.start(assignmentOf(key(1), [{ command: daemon(sleep.program, 'wait') }]));
      await until('both daemons sleep', () => sleep.pids().length === 2);
      agent.executor.setFence(place.clock.bootMs());
      expect(await agent.ended(key(1))).toMatchObject({ reason: { code: 'LEASE_FENCED' } });
      expect(sleep.pids()).toEqual([]);
    });

    test('ends with the task of a gang that failed, and the others too', async () => {
      const sleep = sleeper();
      const groups = [
        { name: 'a', replicas: 3, command: daemon(sleep.program, 'wait') },
        { name: 'b', command: ['/bin/sh', '-c', 'sleep 0.5; exit 3'] },
      ];
      agent.executor.start(assignmentOf(key(1), groups));
      await until('all daemons sleep', () => sleep.pids().length === 6);
      expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.FAILED, exitCode: 3 });
      expect(sleep.pids()).toEqual([]);
    });

    // A process that hides its marker too is found only where the kernel keeps the tree together.
    test.runIf(isolation !== 'marker')(
      'ends even for those who clear their environment',
      async () => {
        const sleep = sleeper();
        const command = daemon(`env -i ${sleep.program}`, WAIT_FOR_GO);
        agent.executor.start(assignmentOf(key(1), [{ command }]));
        await until('both daemons sleep', () => sleep.pids().length === 2);
        go();
        expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.SUCCEEDED });
        expect(sleep.pids()).toEqual([]);
      },
    );

    const asking = (memoryMib: number, script: string): Partial<TaskGroup> => ({
      command: ['/bin/sh', '-c', script],
      resources: Resources.fromPartial({ memoryMib, cpuMillis: 100 }),
    });

    test('ends when it takes more memory than it asked for, and the others of its gang too', async () => {
      const sleep = sleeper();
      const hog = asking(64, 'echo begins; dd if=/dev/zero bs=200M count=1 | sleep 1000');
      const groups = [
        { ...asking(64, sleep.program), name: 'a', replicas: 2 },
        { ...hog, name: 'b' },
      ];
      agent.executor.start(assignmentOf(key(1), groups));
      expect(await agent.ended(key(1))).toMatchObject({
        phase: RunState.FAILED,
        exitCode: 137,
        reason: { code: 'MEMORY_EXCEEDED', subject: '2', needed: 64 },
        lastLines: ['begins'],
      });
      expect(sleep.pids()).toEqual([]);
    });

    // Five processes that show 20 MiB each, and are the same ones. One way to look for them is enough here.
    test.runIf(isolation === 'marker')(
      'may share memory between its processes, and have it for as long as it likes',
      async () => {
        const shared = 'x=$(head -c 20000000 /dev/zero | tr "\\0" x)';
        const children = '(sleep 3; : "$x") & '.repeat(4);
        agent.executor.start(
          assignmentOf(key(1), [asking(64, `${shared}; ${children} wait; exit 0`)]),
        );
        expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.SUCCEEDED });
      },
    );

    test('says which isolation is in use', () => {
      expect(place.executorInUse().isolation()).toBe(isolation);
    });
  });
}
