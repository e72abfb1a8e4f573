// A data center leaves when it is drained: by a record of the controller's own, and whatever its agent does then.
import { describe, expect, test } from 'vitest';
import type { Command } from '#core/command.ts';
import { observe } from '#core/observe.ts';
import { toDataCenter, toItem, toNodes, toTenant } from '#core/testing-words.ts';
import { World } from '#core/testing.ts';
import { DataCenterState, JobState, RunState } from '#domain/states.ts';
import { controllerInMemory } from '#simulation/controller.ts';
import { Machine } from '#simulation/machine.ts';
import { Timeline } from '#simulation/timeline.ts';
import { ask } from './ask.ts';
import { Departures } from './departures.ts';

/** A controller whose time stands still unless the test lets it pass, with data centers that have joined and are connected. */
async function controllerWith(...ids: readonly string[]) {
  const timeline = new Timeline();
  const { loop, log, leases } = controllerInMemory(new Machine(timeline));
  const settle = async (ms = 0): Promise<void> => {
    const untilMs = timeline.nowMs + ms;
    while (timeline.step(untilMs)) for (let i = 0; i < 4; i++) await Promise.resolve();
    timeline.nowMs = untilMs;
  };
  const must = async (command: Command): Promise<void> => {
    const asked = ask(loop, command, { actor: 'olga', method: command.kind, requestId: '' });
    await settle();
    const answered = await asked;
    if (answered.kind === 'refusal') throw new Error(answered.message);
    await settle();
  };
  const etag = undefined;
  await must({ kind: 'foundFederation', federation: 'nation', incarnation: 1 });
  await must({ kind: 'putTenant', mode: 'create', entity: toTenant('t'), etag });
  for (const [i, id] of ids.entries()) {
    await must({ kind: 'putDataCenter', mode: 'create', entity: toDataCenter(id), etag });
    const inventory = { offers: [], nodes: toNodes(1, {}), runs: [] };
    await must({ kind: 'joinDataCenter', id, executor: 'simulated', placement: 1, ...inventory });
    observe(loop.state, { kind: 'sessionOpened', dataCenter: id, number: i + 1, credit: 100 });
    leases.renewed(id);
  }
  return {
    loop,
    log,
    leases,
    must,
    settle,
    drain: (id: string) => must({ kind: 'moveDataCenter', id, verb: 'drain' }),
    stateOf: (id: string) => loop.state.dataCenters.get(id)?.state,
    disconnect: (id: string, number: number) =>
      observe(loop.state, { kind: 'sessionClosed', dataCenter: id, number }),
  };
}

describe('a data center that is drained', () => {
  test('leaves at once when nothing runs there, by a record and an audit entry of the controller', async () => {
    const { drain, stateOf, log } = await controllerWith('north');
    await drain('north');
    expect(stateOf('north')).toBe(DataCenterState.LEFT);
    const query = { tenants: undefined, peopleOnly: false, beforeRevision: 0, limit: 2 };
    const audit = await log.listAudit(query);
    expect(audit).toMatchObject([
      { actor: 'controller', method: 'drains/leave', resource: 'dataCenters/north' },
      { actor: 'olga', method: 'moveDataCenter', resource: 'dataCenters/north' },
    ]);
  });
  test('leaves with the end of its last run', async () => {
    const { drain, stateOf, must, loop } = await controllerWith('north');
    const items = [toItem('t', { id: 'a' })];
    await must({ kind: 'submitJobs', tenant: 't', user: 'ada', items, allOrNothing: false });
    const row = loop.state.jobs.rowOfId('t', 'a')!;
    expect(loop.state.jobs.stateOf(row)).toBe(JobState.RUNNING);
    await drain('north');
    expect(stateOf('north')).toBe(DataCenterState.DRAINING);
    const run = { uid: loop.state.jobs.uid[row]!, index: 0, epoch: 1, phase: RunState.STOPPED };
    const said = { timeMs: 0, exitCode: 0, reason: undefined, lastLines: [], runMs: 0 };
    await must({ kind: 'reportRuns', dataCenter: 'north', runs: [{ ...run, ...said }] });
    expect(stateOf('north')).toBe(DataCenterState.LEFT);
  });
  test('and opened again in time does not leave', async () => {
    const { drain, must, stateOf, loop } = await controllerWith('north');
    const items = [toItem('t', { id: 'a' })];
    await must({ kind: 'submitJobs', tenant: 't', user: 'ada', items, allOrNothing: false });
    await drain('north');
    await must({ kind: 'moveDataCenter', id: 'north', verb: 'uncordon' });
    const uid = loop.state.jobs.uid[loop.state.jobs.rowOfId('t', 'a')!]!;
    const run = { uid, index: 0, epoch: 1, phase: RunState.SUCCEEDED };
    const said = { timeMs: 0, exitCode: 0, reason: undefined, lastLines: [], runMs: 0 };
    await must({ kind: 'reportRuns', dataCenter: 'north', runs: [{ ...run, ...said }] });
    expect(stateOf('north')).toBe(DataCenterState.ACTIVE);
  });
  test('is found by a controller that starts, if an earlier one did not come to it', () => {
    const w = new World().site('north').site('south');
    w.must({ kind: 'moveDataCenter', id: 'north', verb: 'drain' });
    expect([...new Departures(w.state).due()]).toEqual(['north']);
    w.must({ kind: 'leaveDataCenter', id: 'north' }, 'controller');
    expect([...new Departures(w.state).due()]).toEqual([]);
  });
});

test('the silence of what has left says nothing of the controller', async () => {
  const { drain, disconnect, settle, leases, must } = await controllerWith('a', 'b', 'c');
  for (const [i, id] of ['a', 'b'].entries()) {
    await drain(id);
    disconnect(id, i + 1);
  }
  await settle(1_000);
  expect(leases.condition).toBeUndefined();
  for (const id of ['a', 'b']) await must({ kind: 'moveDataCenter', id, verb: 'uncordon' });
  await settle(1_000);
  expect(leases.condition).toMatchObject({ code: 'CONTROLLER_ISOLATED', needed: 3, available: 2 });
});
