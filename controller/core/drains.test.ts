// How data centers and nodes are drained of their runs, and how a data center leaves.
import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import { Overlay } from './overlay.ts';
import { quota } from './testing-words.ts';
import { World } from './testing.ts';

const drain = (w: World, node = 'n1') =>
  w.must({ kind: 'drainNode', dataCenter: 'north', node }).answer.movedRuns;
const uncordon = (w: World, node = 'n1') =>
  w.must({ kind: 'cordonNode', dataCenter: 'north', node, cordoned: false });

/** Two nodes: `a` and `b` on the first, `c` on the second. */
function world(): World {
  const w = new World().site('north', { nodes: 2 });
  w.submit({ id: 'a' }, { id: 'b', wants: { unreachable: 2 } }, { id: 'c' });
  w.place('a', 'north');
  w.place('b', 'north');
  w.place('c', 'north', 'n2');
  return w;
}

describe('a node that is drained', () => {
  test('is cordoned, and its runs stop, also those without a lease; the others go on', () => {
    const w = world();
    expect(drain(w)).toBe(2);
    expect(['a', 'b', 'c'].map((id) => w.stateOf(id))).toEqual([
      'STOPPING NODE_DRAINED',
      'STOPPING NODE_DRAINED',
      'RUNNING',
    ]);
    w.report('a', RunState.STOPPED);
    expect(w.stateOf('a')).toBe('QUEUED NODE_DRAINED');
    expect(w.place('a', 'north')).toBe(false);
    expect(w.place('a', 'north', 'n2')).toBe(true);
  });
  test('tells which node and where', () => {
    const w = world();
    drain(w);
    expect(w.state.jobs.reasons.get(w.row('a'))).toMatchObject({
      code: 'NODE_DRAINED',
      dataCenter: 'north',
      subject: 'n1',
    });
  });
  test('moves a gang whole, of which one task is there', () => {
    const w = new World().site('north', { nodes: 3 }).submit({ id: 'gang', replicas: 2 });
    const [held] = w.allocationsFor('gang', 'n1');
    const allocations = ['n1', 'n2'].map((node) => ({ ...held!, node, tasks: 1 }));
    expect(w.place('gang', 'north', 'n1', { allocations })).toBe(true);
    expect(drain(w, 'n3')).toBe(0);
    expect(drain(w, 'n2')).toBe(1);
    w.report('gang', RunState.STOPPED);
    expect([w.stateOf('gang'), w.freeCpu('north', 'n1')]).toEqual(['QUEUED NODE_DRAINED', 10]);
  });
  test('a second time asks nobody twice, and changes nothing', () => {
    const w = world();
    drain(w);
    const { revision } = w.state;
    expect(drain(w)).toBe(0);
    expect(w.state.revision).toBe(revision);
  });
  test('after a cordon moves what is still there', () => {
    const w = world();
    w.must({ kind: 'cordonNode', dataCenter: 'north', node: 'n1', cordoned: true });
    expect(w.stateOf('a')).toBe('RUNNING');
    expect(drain(w)).toBe(2);
  });
  test('takes runs again when it is uncordoned, and what was asked to stop stops', () => {
    const w = world().submit({ id: 'd' });
    drain(w);
    uncordon(w);
    expect([w.stateOf('a'), w.place('d', 'north')]).toEqual(['STOPPING NODE_DRAINED', true]);
    expect(drain(w)).toBe(1);
  });
  test('leaves a person’s cancel as it is', () => {
    const w = world();
    w.change('cancel', 'a');
    expect(drain(w)).toBe(1);
    expect(w.stateOf('a')).toBe('STOPPING CANCELLED_BY_USER');
  });
  test('while its data center is out of reach: its runs move when that is heard of again', () => {
    const w = world().leave('north');
    w.expire('north');
    expect([w.stateOf('a'), w.runOf('b')]).toEqual(['QUEUED LEASE_EXPIRED', 'UNKNOWN']);
    expect(drain(w)).toBe(1);
    const { stop } = w.join('north', {
      runs: ['b', 'c'].map((id) => w.reportOf(id, RunState.RUNNING)),
    });
    expect(stop.map(({ uid }) => uid)).toContain(w.uid('b'));
  });
  test.each([
    ['a node that is not there', 'north', 'x', 'NODE_NOT_FOUND'],
    ['a data center that is not there', 'x', 'n1', 'DATA_CENTER_NOT_FOUND'],
  ])('cannot be %s', (_, dataCenter, node, reason) => {
    expect(world().reasonOf({ kind: 'drainNode', dataCenter, node })).toBe(reason);
  });
  test('cannot be one that is gone, though runs still hold it', () => {
    const w = world().nodes('north', {}, ['n1']);
    const command = { kind: 'drainNode', dataCenter: 'north', node: 'n1' } as const;
    expect(w.reasonOf(command)).toBe('NODE_NOT_FOUND');
  });
});

describe('a data center that is drained', () => {
  const leave = (w: World) => w.reasonOf({ kind: 'leaveDataCenter', id: 'north' });
  const move = (w: World, verb: 'cordon' | 'uncordon' | 'drain') =>
    w.must({ kind: 'moveDataCenter', id: 'north', verb }).answer.movedRuns;
  const left = () => {
    const w = new World().site('north');
    move(w, 'drain');
    leave(w);
    return w;
  };
  test('has left when its last run has ended, not before', () => {
    const w = world();
    expect(leave(w)).toBe('WRONG_STATE');
    expect(move(w, 'drain')).toBe(3);
    for (const id of ['a', 'b', 'c']) {
      expect(leave(w)).toBe('WRONG_STATE');
      w.report(id, RunState.STOPPED);
    }
    expect(leave(w)).toBe('accepted');
    expect(w.siteState('north')).toBe('LEFT');
    expect(leave(w)).toBe('WRONG_STATE');
  });
  test('waits for a run that nobody hears of, until somebody vouches for it', () => {
    const w = world();
    for (const id of ['a', 'c']) w.report(id, RunState.SUCCEEDED);
    w.report('b', RunState.RUNNING);
    move(w, 'drain');
    w.leave('north').expire('north');
    expect([w.runOf('b'), leave(w)]).toEqual(['UNKNOWN', 'WRONG_STATE']);
    w.must({ kind: 'forgetRun', tenant: 't', job: 'b', index: 0, epoch: 1 });
    expect([w.stateOf('b'), leave(w)]).toEqual(['QUEUED DRAINED', 'accepted']);
  });
  test('stays so when its agent joins again, and takes nothing', () => {
    const w = left().submit({ id: 'a' });
    w.join('north', { executorOffers: ['mpi'] });
    expect([w.siteState('north'), w.place('a', 'north')]).toEqual(['LEFT', false]);
  });
  test('comes back when it is uncordoned', () => {
    const w = left().submit({ id: 'a' });
    move(w, 'uncordon');
    expect([w.siteState('north'), w.place('a', 'north')]).toEqual(['ACTIVE', true]);
  });
  test('and has left can be deleted', () => {
    const command = { kind: 'deleteDataCenter', id: 'north', etag: undefined } as const;
    expect(left().reasonOf(command)).toBe('accepted');
  });
  test('that is not there does not leave', () => {
    expect(new World().reasonOf({ kind: 'leaveDataCenter', id: 'north' })).toBe(
      'DATA_CENTER_NOT_FOUND',
    );
  });
});

describe('a run that is supposed to have ended', () => {
  test('leaves as much room and quota as when it really ends', () => {
    const w = new World().tenant('t', { quota: quota(5) });
    w.site('north', { node: { devices: ['x'], extra: { fpga: 2 } } });
    w.submit({ id: 'a', cpu: 4, devices: [{ share: 300 }], extra: { fpga: 1 } });
    const [held] = w.allocationsFor('a', 'n1');
    w.place('a', 'north', 'n1', { allocations: [{ ...held!, devices: [0], thousandths: [300] }] });
    const row = w.nodeRow('north', 'n1');
    const device = w.state.nodes.firstDevice[row]!;
    const roomIn = (overlay: Overlay) => [
      overlay.freeCpuMillis(row),
      overlay.freeExtra(row, 'fpga'),
      overlay.freeThousandths(device),
      overlay.subtreeUsage(w.state.tenants.get('t')!, 0),
    ];
    const overlay = new Overlay(w.state);
    expect(roomIn(overlay)).toEqual([6000, 1, 700, 4000]);
    overlay.vacate(w.state.jobs.run[w.row('a')]!);
    const supposed = roomIn(overlay);
    w.report('a', RunState.SUCCEEDED);
    expect(supposed).toEqual(roomIn(new Overlay(w.state)));
  });
  test('leaves none on a node that is closed', () => {
    const w = new World().site('north').submit({ id: 'a' });
    const overlay = new Overlay(w.state);
    overlay.close(w.nodeRow('north', 'n1'));
    const [shape] = w.state.classes.get(w.state.jobs.classNumber[w.row('a')]!)!.entity.groups;
    expect(overlay.countOnNode(w.nodeRow('north', 'n1'), shape!, 1)).toBe(0);
    overlay.clear();
    expect(overlay.countOnNode(w.nodeRow('north', 'n1'), shape!, 1)).toBe(1);
  });
});
