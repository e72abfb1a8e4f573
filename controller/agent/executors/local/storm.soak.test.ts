// A storm: runs are started and stopped while agent, supervisor and guard are killed with -9 in turn and at once, and at the
// end every run that was accepted has exactly one end, nothing runs twice, and no process is left.
import { appendFileSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RunState, isRunFinal } from '#domain/states.ts';
import type { RunReport } from '#gen/isobar/v1/agent.ts';
import { Agent, assignmentOf, key } from '../agent.contract.ts';
import { LocalPlace, availableIsolations, until } from './machine.contract.ts';
import { commandOf, signal } from './proc.ts';

const ROUNDS = 60;
const RUNS_A_ROUND = 8;

for (const isolation of availableIsolations()) {
  test(`a storm with ${isolation}`, async () => {
    const place = new LocalPlace({ isolation });
    const chance = seeded(1);
    const ends = new Map<number, Set<RunState>>();
    const seen = new Set<number>();
    const note = (reports: readonly RunReport[]): void => {
      for (const report of reports) {
        const phase = report.phase as RunState; // executors report phases that both tables know
        if (!isRunFinal(phase)) continue;
        const known = ends.get(report.jobUid) ?? new Set();
        ends.set(report.jobUid, known.add(phase));
      }
    };
    const journal = join(place.stateDir, 'starts');
    appendFileSync(journal, '');
    let agent = await Agent.open(place);
    let uid = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      agent.executor.setFence(place.clock.bootMs() + 600_000);
      for (let i = 0; i < RUNS_A_ROUND; i += 1) {
        uid += 1;
        seen.add(uid);
        const sleep = (chance() * 2).toFixed(2);
        // It says that it started: a run that starts twice says so twice.
        const script = `echo ${uid} >>${journal}; setsid sleep ${sleep}7777 & sleep ${sleep}; exit ${uid % 3}`;
        agent.executor.start(assignmentOf(key(uid), [{ command: ['/bin/sh', '-c', script] }]));
        if (chance() < 0.2) agent.executor.stop(key(1 + Math.floor(chance() * uid)));
      }
      const last = key(uid);
      await until('the round is accepted', () => agent.last(last) !== undefined);
      for (const victim of ['supervisor', 'guard'] as const) {
        const id = chance() < 0.4 ? place.processIn(victim) : undefined;
        if (id !== undefined && id.pid > 1) signal(id.pid, 'SIGKILL');
      }
      if (chance() < 0.3) {
        note(agent.reports);
        await agent.executor.close({ stopRuns: false });
        agent = await Agent.open(place);
      }
    }
    await until('all have ended', () => {
      note(agent.reports);
      return [...seen].every((each) => ends.has(each));
    });
    const started = readFileSync(journal, 'utf8').trim().split('\n').map(Number);
    expect(started.length).toBe(new Set(started).size);
    expect([...ends.values()].filter((phases) => phases.size !== 1)).toEqual([]);
    expect(sleepersLeft()).toEqual([]);
    // What succeeded had exit code 0.
    const succeeded = agent.reports.filter((report) => report.phase === RunState.SUCCEEDED);
    expect(succeeded.filter((report) => report.jobUid % 3 !== 0)).toEqual([]);
    await place.dispose();
  });
}

function sleepersLeft(): string[] {
  return readdirSync('/proc')
    .map((pid) => commandOf(Number(pid)).join(' '))
    .filter((command) => command.includes('7777'));
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
