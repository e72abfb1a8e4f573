import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import type { RunReport } from './command.ts';
import { digest } from './testing-digest.ts';
import { World } from './testing.ts';

/** Job `a` runs for the second time, now in the south; `old` reports of its first run in the north. */
function secondRun(): { w: World; old: (phase: RunState) => RunReport } {
  const w = new World().site('north').site('south').submit({ id: 'a' });
  w.place('a', 'north');
  w.report('a', RunState.RUNNING);
  w.leave('north').expire('north');
  w.place('a', 'south');
  const old = (phase: RunState) => ({ ...w.reportOf('a', phase), epoch: 1, exitCode: 1, runMs: 5 });
  return { w, old };
}

describe('nothing that a fenced run says changes anything', () => {
  const phases = Object.entries(RunState).filter(
    ([name]) => name !== 'SENT' && name !== 'RESERVED' && name !== 'UNKNOWN',
  );
  test.each(phases)('%s', (_, phase) => {
    const { w, old } = secondRun();
    const before = digest(w.state);
    const key = { uid: w.uid('a'), index: 0, epoch: 1 };
    const isFinal = ([7, 8, 9, 11] as readonly number[]).includes(phase);
    for (const site of ['north', 'south']) {
      const answer = w.reportAs(site, [old(phase)]);
      expect(answer).toEqual(isFinal ? { stop: [], forget: [key] } : { stop: [key], forget: [] });
    }
    expect(digest(w.state)).toBe(before);
  });
  test('nor when its agent comes back with it', () => {
    const { w, old } = secondRun();
    const answer = w.join('north', { runs: [old(RunState.RUNNING)] });
    expect(answer).toEqual({
      adopt: [],
      stop: [{ uid: w.uid('a'), index: 0, epoch: 1 }],
      forget: [],
      send: [],
    });
    expect([w.siteOf('a'), w.runOf('a'), w.epochOf('a')]).toEqual(['south', 'RESERVED', 2]);
  });
});

describe('a report changes nothing if it', () => {
  const cases: readonly [string, (w: World) => readonly RunReport[]][] = [
    ['is of a run that was never reserved', (w) => [{ ...w.reportOf('a', 5), epoch: 2 }]],
    ['is of a job that nobody knows', (w) => [{ ...w.reportOf('a', 5), uid: 99 }]],
    ['is of another element', (w) => [{ ...w.reportOf('a', 5), index: 1 }]],
    ['comes twice', (w) => [w.reportOf('a', RunState.STAGING)]],
    ['comes late', (w) => [w.reportOf('a', RunState.ACCEPTED)]],
    ['says what is not of an agent to say', (w) => [w.reportOf('a', RunState.SENT)]],
  ];
  test.each(cases)('%s', (_, reports) => {
    const w = new World().site('north').submit({ id: 'a' });
    w.place('a', 'north');
    w.report('a', RunState.STAGING);
    const before = digest(w.state);
    w.reportAs('north', reports(w));
    expect(digest(w.state)).toBe(before);
  });
  test('comes from a data center where the run is not', () => {
    const w = new World().site('north').site('south').submit({ id: 'a' });
    w.place('a', 'north');
    const before = digest(w.state);
    const answer = w.report('a', RunState.SUCCEEDED, { at: 'south' });
    expect(answer.forget).toHaveLength(1);
    expect(digest(w.state)).toBe(before);
  });
});

test('an end that comes again is acknowledged again, so that the agent can forget it', () => {
  const w = new World().site('north').submit({ id: 'a' });
  w.place('a', 'north');
  const end = w.reportOf('a', RunState.SUCCEEDED);
  expect(w.reportAs('north', [end]).forget).toHaveLength(1);
  const before = digest(w.state);
  expect(w.reportAs('north', [end]).forget).toHaveLength(1);
  expect(digest(w.state)).toBe(before);
});

test('several phases of a run in one message count as the last of them', () => {
  const w = new World().site('north').submit({ id: 'a' });
  w.place('a', 'north');
  w.wait(60_000);
  w.reportAs('north', [
    w.reportOf('a', RunState.ACCEPTED),
    w.reportOf('a', RunState.RUNNING),
    { ...w.reportOf('a', RunState.FAILED), exitCode: 3, runMs: 40_000 },
  ]);
  expect(w.stateOf('a')).toBe('FAILED EXITED');
  const [cell] = w.state.usage.values();
  expect(cell?.granted[0]).toBe(40 * 1000);
});

describe('a job that is asked to stop', () => {
  test('goes on being reported until it has stopped', () => {
    const w = new World().site('north').submit({ id: 'a' });
    w.place('a', 'north');
    w.change('cancel', 'a');
    w.report('a', RunState.RUNNING);
    expect([w.stateOf('a'), w.runOf('a')]).toEqual(['STOPPING CANCELLED_BY_USER', 'RUNNING']);
    w.report('a', RunState.STOPPING);
    w.report('a', RunState.STOPPED);
    expect(w.stateOf('a')).toBe('CANCELLED CANCELLED_BY_USER');
  });
});

describe('an agent joins', () => {
  /** Runs as the log knows them: sent, running, being stopped, not begun and to be stopped. */
  function known(): World {
    const w = new World().site('north');
    w.submit({ id: 'sent' }, { id: 'runs' }, { id: 'stops' }, { id: 'unborn' });
    for (const id of ['sent', 'runs', 'stops', 'unborn']) w.place(id, 'north');
    w.report('runs', RunState.RUNNING);
    w.report('stops', RunState.RUNNING);
    w.change('requeue', ['stops', 'unborn']);
    return w;
  }
  const names = (w: World, keys: readonly { readonly uid: number }[]) =>
    keys.map(({ uid }) => w.state.jobs.idOf(w.state.jobs.rowOf(uid)!));

  test('with all that it should have: it is adopted, or stopped if that was asked', () => {
    const w = known();
    const answer = w.join('north', {
      runs: ['sent', 'runs', 'stops', 'unborn'].map((id) => w.reportOf(id, RunState.RUNNING)),
    });
    expect(names(w, answer.adopt)).toEqual(['sent', 'runs']);
    expect(names(w, answer.stop)).toEqual(['stops', 'unborn']);
    expect(answer.send).toEqual([]);
    expect(w.runOf('sent')).toBe('RUNNING');
  });
  test('with nothing: what it had begun is lost, the rest is sent again', () => {
    const w = known();
    const answer = w.join('north', { runs: [] });
    expect(names(w, answer.send)).toEqual(['sent']);
    expect([answer.adopt, answer.stop, answer.forget]).toEqual([[], [], []]);
    expect(['sent', 'runs', 'stops', 'unborn'].map((id) => w.stateOf(id))).toEqual([
      'RUNNING',
      'QUEUED LOST',
      'QUEUED REQUEUED',
      'QUEUED REQUEUED',
    ]);
    expect(w.freeCpu('north')).toBe(9);
  });
  test('with ends that it could not tell: they count, and it may forget them', () => {
    const w = known();
    const answer = w.join('north', {
      runs: [w.reportOf('runs', RunState.SUCCEEDED), w.reportOf('stops', RunState.STOPPED)],
    });
    expect(names(w, answer.forget)).toEqual(['runs', 'stops']);
    expect(w.stateOf('runs')).toBe('SUCCEEDED');
    expect(w.stateOf('stops')).toBe('QUEUED REQUEUED');
  });
  test('with runs that nobody knows: they are stopped', () => {
    const w = known();
    const stranger = { ...w.reportOf('runs', RunState.RUNNING), uid: 7 };
    const answer = w.join('north', { runs: [stranger] });
    expect(answer.stop).toEqual([{ uid: 7, index: 0, epoch: 1 }]);
  });
  test('a second time right away: nothing changes', () => {
    const w = known();
    const runs = ['sent', 'runs'].map((id) => w.reportOf(id, RunState.RUNNING));
    w.join('north', { runs });
    const { revision } = w.state;
    w.join('north', { runs });
    expect(w.state.revision).toBe(revision);
  });
  test('a run that waited through the silence goes on', () => {
    const w = new World().site('north').submit({ id: 'a', wants: { unreachable: 2 } });
    w.place('a', 'north');
    w.report('a', RunState.RUNNING);
    w.leave('north').expire('north');
    expect(w.runOf('a')).toBe('UNKNOWN');
    const answer = w.join('north', { runs: [w.reportOf('a', RunState.RUNNING)] });
    expect(names(w, answer.adopt)).toEqual(['a']);
    expect([w.runOf('a'), w.epochOf('a')]).toEqual(['RUNNING', 1]);
  });
  test('a run that waited through the silence and is gone runs anew', () => {
    const w = new World().site('north').submit({ id: 'a', wants: { unreachable: 2 } });
    w.place('a', 'north');
    w.report('a', RunState.RUNNING);
    w.leave('north').expire('north');
    w.join('north', { runs: [] });
    expect([w.stateOf('a'), w.runOf('a')]).toEqual(['QUEUED LOST', 'none']);
  });
});

describe('an operator declares a run gone', () => {
  const forget = (w: World, epoch = 1) =>
    w.reasonOf({ kind: 'forgetRun', tenant: 't', job: 'a', index: 0, epoch });
  const unknown = () => {
    const w = new World().site('north').submit({ id: 'a', wants: { unreachable: 2 } });
    w.place('a', 'north');
    w.leave('north').expire('north');
    return w;
  };
  test('it runs anew, and the old run stays fenced', () => {
    const w = unknown();
    expect(forget(w)).toBe('accepted');
    expect([w.stateOf('a'), w.freeCpu('north')]).toEqual(['QUEUED FORGOTTEN', 10]);
    const late = { ...w.reportOf('a', RunState.SUCCEEDED), epoch: 1 };
    w.reportAs('north', [late]);
    expect(w.stateOf('a')).toBe('QUEUED FORGOTTEN');
  });
  test('not if it is not that run', () => {
    expect(forget(unknown(), 2)).toBe('RUN_NOT_FOUND');
  });
  test('not while the data center is connected', () => {
    const w = unknown();
    w.join('north', { runs: [{ ...w.reportOf('a', RunState.RUNNING) }] });
    expect(forget(w)).toBe('DATA_CENTER_REACHABLE');
  });
  test('not while it may be on its way to an agent, that is before the lease is over', () => {
    const w = new World().site('north').submit({ id: 'a', wants: { unreachable: 2 } });
    w.place('a', 'north');
    w.leave('north');
    expect(forget(w)).toBe('RUN_UNDER_WAY');
    w.observe({ kind: 'leaseOver', dataCenter: 'north' });
    expect(forget(w)).toBe('accepted');
  });
  test('of what its agent has taken people judge, also before the lease is over', () => {
    const w = new World().site('north').submit({ id: 'a' });
    w.place('a', 'north');
    w.report('a', RunState.ACCEPTED);
    w.leave('north');
    expect(forget(w)).toBe('accepted');
  });
  test('a lease begins anew when the agent comes back', () => {
    const w = new World().site('north').submit({ id: 'a' });
    w.leave('north').observe({ kind: 'leaseOver', dataCenter: 'north' });
    w.join('north');
    w.place('a', 'north');
    w.leave('north');
    expect(forget(w)).toBe('RUN_UNDER_WAY');
  });
  test('not if there is no such job', () => {
    const command = { tenant: 't', job: 'x', index: 0, epoch: 1 };
    expect(unknown().reasonOf({ kind: 'forgetRun', ...command })).toBe('JOB_NOT_FOUND');
  });
});
