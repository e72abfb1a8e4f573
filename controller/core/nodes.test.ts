import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import { digest } from './testing-digest.ts';
import { World } from './testing.ts';

/** A site with a node of ten CPUs, of which a job holds four. */
function held(): World {
  const w = new World().site('north').submit({ id: 'a', cpu: 4 });
  w.place('a', 'north');
  return w;
}
const end = (w: World, id = 'a') => w.report(id, RunState.SUCCEEDED);
const capacity = (w: World) => w.state.dataCenters.get('north')!.capacity[0]! / 1000;

describe('nodes', () => {
  test('appear, and their room counts', () => {
    const w = held().nodes('north', { n2: { cpu: 5 } });
    expect([w.freeCpu('north'), w.freeCpu('north', 'n2'), capacity(w)]).toEqual([6, 5, 15]);
  });
  test('shrink below what is held: room is negative until the run ends', () => {
    const w = held().nodes('north', { n1: { cpu: 3 } });
    expect([w.freeCpu('north'), capacity(w)]).toEqual([-1, 3]);
    w.submit({ id: 'b' });
    expect(w.place('b', 'north')).toBe(false);
    end(w);
    expect(w.freeCpu('north')).toBe(3);
  });
  test('that did not change are no news', () => {
    const w = held();
    const { revision } = w.state;
    w.nodes('north', { n1: {} });
    expect(w.state.revision).toBe(revision);
  });
  test('that lost an extra are no news the second time', () => {
    const w = new World().site('north', { node: { extra: { fpga: 2 } } });
    w.nodes('north', { n1: {} });
    const { revision } = w.state;
    w.nodes('north', { n1: {} });
    w.nodes('north', { n1: { extra: { fpga: 0 } } });
    expect(w.state.revision).toBe(revision);
  });
  test('go while a run holds them: it keeps its room if they come back', () => {
    const w = held().nodes('north', {}, ['n1']);
    expect(capacity(w)).toBe(0);
    w.submit({ id: 'b' });
    expect(w.place('b', 'north')).toBe(false);
    w.nodes('north', { n1: {} });
    expect([w.freeCpu('north'), capacity(w)]).toEqual([6, 10]);
    end(w);
    expect(w.freeCpu('north')).toBe(10);
  });
  test('go while a run holds them and are forgotten with it', () => {
    const w = held().nodes('north', {}, ['n1']);
    end(w);
    expect(w.state.dataCenters.get('north')?.nodes.size).toBe(0);
    expect(w.state.nodes.live).toBe(0);
    w.nodes('north', { n1: {} });
    expect(w.freeCpu('north')).toBe(10);
  });
  test('named twice among those that are gone go once', () => {
    const w = held().nodes('north', { n2: {} }, ['n1', 'n1']);
    expect(capacity(w)).toBe(10);
  });
  test('that nobody knows cannot go', () => {
    const w = held();
    const { revision } = w.state;
    w.nodes('north', {}, ['x']);
    expect(w.state.revision).toBe(revision);
  });
  test('which an agent does not name any more when it joins are gone', () => {
    const w = new World().site('north', { nodes: 3 });
    w.join('north', { nodes: w.nodesOf('north').slice(1) });
    expect([...w.state.dataCenters.get('north')!.nodes.keys()].toSorted()).toEqual(['n2', 'n3']);
  });
});

describe('what others use', () => {
  test('is not free, and may be more than there is', () => {
    const w = held().foreign('north', 'n1', 5);
    expect(w.freeCpu('north')).toBe(1);
    w.foreign('north', 'n1', 8);
    expect(w.freeCpu('north')).toBe(-2);
    w.foreign('north', 'n1', 0);
    expect(w.freeCpu('north')).toBe(6);
  });
  test('stays with a node that goes and comes back while it is held', () => {
    const w = held().foreign('north', 'n1', 2).nodes('north', {}, ['n1']);
    w.nodes('north', { n1: {} });
    expect(w.freeCpu('north')).toBe(4);
    expect(w.state.dataCenters.get('north')?.foreign[0]).toBe(2000);
  });
  test('of a node that nobody knows says nothing', () => {
    const w = held();
    const before = digest(w.state);
    w.foreign('north', 'x', 5).foreign('x', 'n1', 5);
    expect(digest(w.state)).toBe(before);
  });
});

describe('a cordoned node', () => {
  const cordon = (w: World, cordoned: boolean, node = 'n1') =>
    w.reasonOf({ kind: 'cordonNode', dataCenter: 'north', node, cordoned });
  test('takes nothing new and keeps what it has', () => {
    const w = held().submit({ id: 'b' });
    cordon(w, true);
    expect(w.place('b', 'north')).toBe(false);
    expect(w.runOf('a')).toBe('RESERVED');
    cordon(w, false);
    expect(w.place('b', 'north')).toBe(true);
  });
  test('stays cordoned when its description changes', () => {
    const w = held().submit({ id: 'b' });
    cordon(w, true);
    w.nodes('north', { n1: { cpu: 20 } });
    expect(w.place('b', 'north')).toBe(false);
  });
  test('twice is once; one that is not there is not found', () => {
    const w = held();
    cordon(w, true);
    const { revision } = w.state;
    expect(cordon(w, true)).toBe('accepted');
    expect(w.state.revision).toBe(revision);
    expect(cordon(w, true, 'x')).toBe('NODE_NOT_FOUND');
  });
});

describe('extras', () => {
  const withFpga = () => {
    const w = new World().site('north', { node: { extra: { fpga: 2 } } });
    w.submit({ id: 'a', extra: { fpga: 2 } }, { id: 'b', extra: { fpga: 1 } });
    w.place('a', 'north');
    return w;
  };
  test('are held and given back', () => {
    const w = withFpga();
    expect(w.place('b', 'north')).toBe(false);
    end(w);
    expect(w.place('b', 'north')).toBe(true);
  });
  test('that vanish and come back are still held', () => {
    const w = withFpga().nodes('north', { n1: {} });
    w.nodes('north', { n1: { extra: { fpga: 2 } } });
    expect(w.place('b', 'north')).toBe(false);
    end(w);
    expect(w.place('b', 'north')).toBe(true);
  });
  test('that a node does not have do not fit', () => {
    const w = new World().site('north').submit({ id: 'a', extra: { fpga: 1 } });
    expect(w.place('a', 'north')).toBe(false);
  });
});

describe('devices', () => {
  const gpus = (...devices: string[]) => ({ n1: { devices } });
  const one = (device = 0, thousandths = 1000, node = 'n1') => ({
    allocations: [{ node, group: 0, tasks: 1, devices: [device], thousandths: [thousandths] }],
  });
  const withGpus = () => {
    const w = new World().site('north', { nodes: gpus('x', 'x') });
    w.submit({ id: 'a', devices: [{}] }, { id: 'b', devices: [{}] }, { id: 'c', devices: [{}] });
    expect(w.place('a', 'north', 'n1', one(1))).toBe(true);
    return w;
  };
  test('are held and given back', () => {
    const w = withGpus();
    expect(w.freeDevices('north')).toEqual([1000, 0]);
    expect(w.place('b', 'north', 'n1', one(1))).toBe(false);
    end(w);
    expect(w.freeDevices('north')).toEqual([1000, 1000]);
  });
  test('of another model in their place are held too: who knows what was exchanged', () => {
    const w = withGpus().nodes('north', gpus('y', 'y'));
    expect(w.freeDevices('north')).toEqual([1000, 0]);
    end(w);
    expect(w.freeDevices('north')).toEqual([1000, 1000]);
  });
  test('that vanish and come back are still held', () => {
    const w = withGpus().nodes('north', gpus('x'));
    expect(w.freeDevices('north')).toEqual([1000]);
    w.nodes('north', gpus('x', 'x', 'x'));
    expect(w.freeDevices('north')).toEqual([1000, 0, 1000]);
    end(w);
    expect(w.freeDevices('north')).toEqual([1000, 1000, 1000]);
  });
  test('that come and go do not make the table grow', () => {
    const w = withGpus();
    for (let i = 0; i < 1000; i++) w.nodes('north', i % 2 === 0 ? gpus('x') : gpus('x', 'x'));
    w.nodes('north', { n2: { devices: ['x', 'x'] } }, ['n2']);
    for (let i = 0; i < 1000; i++) {
      w.nodes('north', { n2: { devices: ['x', 'x'] } }).nodes('north', {}, ['n2']);
    }
    expect(w.state.nodes.devices.end).toBeLessThan(10);
    expect(w.state.nodes.devices.live).toBe(2);
  });
  test.each([
    ['a device that the node does not have', one(2)],
    ['a node without devices', one(0, 1000, 'n2')],
    [
      'the same device twice',
      {
        allocations: [{ node: 'n1', group: 0, tasks: 1, devices: [0, 0], thousandths: [600, 600] }],
      },
    ],
  ])('a placement is dropped that names %s', (_, words) => {
    const w = withGpus().nodes('north', { n2: {} });
    expect(w.place('b', 'north', 'n1', words)).toBe(false);
    expect(w.freeDevices('north')).toEqual([1000, 0]);
  });
});

test('storage of a node beyond what a column holds is cut, not turned around', () => {
  const w = new World().site('north', { node: { storageMib: 5_000_000_000 } });
  expect(w.state.nodes.storageMib[0]).toBe(2 ** 31 - 1);
  const { revision } = w.state;
  w.join('north', { nodes: w.nodesOf('north') });
  w.nodes('north', { n1: { storageMib: 6_000_000_000 } });
  expect(w.state.revision).toBe(revision);
});
