// Gangs, devices and nodes: where the tasks of one job go.
import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import type { DeviceWords, JobWords, NodeWords } from '#core/testing-words.ts';
import { world } from './testing.ts';

const site = (nodes: Readonly<Record<string, NodeWords>>) => world().site('north', { nodes });

describe('a gang', () => {
  test('is spread over the nodes of one data center', () => {
    const w = world().site('north', { nodes: 3 }).submit({ id: 'a', cpu: 5, replicas: 5 });
    w.pass();
    expect(w.running()).toEqual(['a north/n1+n2+n3']);
    expect([w.freeCpu('north', 'n1'), w.freeCpu('north', 'n3')]).toEqual([0, 5]);
  });
  test('is not spread over two data centers, though both together have room', () => {
    const w = world().site('north').site('south').submit({ id: 'a', cpu: 5, replicas: 3 });
    w.pass();
    expect(w.running()).toEqual([]);
    expect([w.freeCpu('north'), w.freeCpu('south')]).toEqual([10, 10]);
  });
  test('that does not fit leaves all of its room to the next', () => {
    const w = site({ n1: {}, n2: {} });
    w.submit({ id: 'a', cpu: 5, replicas: 5, wants: { priority: 9 } });
    w.submit({ id: 'b', cpu: 5, replicas: 4 });
    w.pass();
    expect(w.running()).toEqual(['b north/n1+n2']);
  });
  test('of several groups comes whole', () => {
    const w = site({ n1: {}, n2: {} });
    const groups = [{ cpu: 1 }, { cpu: 9, replicas: 2 }];
    w.submit({ id: 'a', groups });
    w.pass();
    expect(w.sites()).toEqual(['a north']);
    expect(w.freeCpu('north', 'n1') + w.freeCpu('north', 'n2')).toBe(1);
  });
  test('of several groups gives its larger tasks the larger nodes, in whatever order it names them', () => {
    for (const groups of [
      [{ cpu: 1 }, { cpu: 10 }],
      [{ cpu: 10 }, { cpu: 1 }],
    ]) {
      const w = site({ large: { cpu: 10 }, small: { cpu: 1 } }).submit({ id: 'a', groups });
      w.pass();
      expect(w.sites()).toEqual(['a north']);
    }
  });
  test('of several groups that does not fit whole holds nothing', () => {
    const w = site({ n1: {}, n2: {} });
    w.submit({
      id: 'a',
      groups: [
        { cpu: 1, replicas: 2 },
        { cpu: 9, replicas: 3 },
      ],
    });
    w.pass();
    expect(w.running()).toEqual([]);
    expect(w.freeCpu('north')).toBe(10);
  });
  test('holds and gives back the room of all of its tasks', () => {
    const w = world().site('north', { nodes: 3 }).submit({ id: 'a', cpu: 5, replicas: 5 });
    w.pass();
    w.report('a', RunState.SUCCEEDED);
    expect([1, 2, 3].map((n) => w.freeCpu('north', `n${n}`))).toEqual([10, 10, 10]);
  });
});

describe('devices', () => {
  const job = (id: string, ...devices: readonly DeviceWords[]): JobWords => ({
    id,
    cpu: 0,
    devices,
  });
  const share = (id: string, thousandths: number) => job(id, { share: thousandths });
  const gpus = (...devices: readonly string[]) => site({ n1: { devices } });

  test('a share is of one device and never of two', () => {
    const w = gpus('x', 'x').submit(share('a', 600), share('b', 600), share('c', 600));
    w.pass();
    expect(w.sites()).toEqual(['a north', 'b north']);
    expect(w.freeDevices('north')).toEqual([400, 400]);
  });
  test('shares are packed, so that whole devices stay whole', () => {
    const w = gpus('x', 'x').submit(share('a', 500), share('b', 500), job('c', {}));
    w.pass();
    expect(w.sites()).toHaveLength(3);
  });
  test('a share goes where the least is left that suffices', () => {
    const w = gpus('x', 'x').submit(share('a', 600), share('b', 700), share('c', 300));
    w.pass();
    expect(w.freeDevices('north')).toEqual([400, 0]);
  });
  test('a whole one is an untouched one', () => {
    const w = gpus('x', 'x').submit(share('a', 1), share('b', 1000), job('c', {}));
    w.pass();
    expect(w.sites()).toEqual(['a north', 'b north']);
  });
  test('two are two of one node', () => {
    const w = site({ n1: { devices: ['x'] }, n2: { devices: ['x'] } });
    w.submit(job('a', { count: 2 }));
    w.pass();
    expect(w.running()).toEqual([]);
    w.nodes('north', { n3: { devices: ['x', 'x'] } });
    w.pass();
    expect(w.running()).toEqual(['a north/n3']);
  });
  test.each<[string, DeviceWords, readonly string[]]>([
    ['model', { model: 'y' }, ['a north/n2']],
    ['memory', { memoryMib: 50 }, ['a north/n3']],
    ['model and memory', { model: 'y', memoryMib: 50 }, []],
  ])('must be of the %s that is asked for', (_, need, expected) => {
    const w = site({
      n1: { devices: ['x:10'] },
      n2: { devices: ['y:20'] },
      n3: { devices: ['z:80'] },
    });
    w.submit(job('a', need));
    w.pass();
    expect(w.running()).toEqual(expected);
  });
  test('a need of any device leaves the one of which another need is certain', () => {
    const w = gpus('x', 'y').submit(job('a', {}, { model: 'x' }));
    w.pass();
    expect(w.sites()).toEqual(['a north']);
    expect(w.freeDevices('north')).toEqual([0, 0]);
  });
  test('each task of a gang has its own', () => {
    const w = gpus('x', 'x', 'x').submit({ ...job('a', {}), replicas: 3 }, job('b', {}));
    w.pass();
    expect(w.sites()).toEqual(['a north']);
    w.report('a', RunState.SUCCEEDED);
    expect(w.freeDevices('north')).toEqual([1000, 1000, 1000]);
  });
  test('jobs without need of any leave the nodes that have some, as long as others have room', () => {
    const w = site({ n1: { devices: ['x'] }, n2: {} });
    w.submit({ id: 'a', cpu: 10 });
    w.pass();
    expect(w.running()).toEqual(['a north/n2']);
    w.submit({ id: 'b', cpu: 10 });
    w.pass();
    expect(w.running()).toEqual(['a north/n2', 'b north/n1']);
  });
});

describe('extras', () => {
  test('are counted like other room', () => {
    const w = site({ n1: { extra: { fpga: 2 } }, n2: {} });
    const extra = { fpga: 1 };
    w.submit({ id: 'a', extra }, { id: 'b', extra }, { id: 'c', extra }, { id: 'd' });
    w.pass();
    expect(w.sites()).toEqual(['a north', 'b north', 'd north']);
  });
  test('of which none is asked for need not be there', () => {
    const w = site({ n1: {} }).submit({ id: 'a', extra: { fpga: 0 } });
    w.pass();
    expect(w.sites()).toEqual(['a north']);
  });
});

describe('nodes', () => {
  const two = () =>
    site({ n1: { labels: { disk: 'ssd' } }, n2: { role: 'hpc', labels: { disk: 'nvme' } } });
  test.each([
    ['a label', { nodeLabels: { disk: 'nvme' } }, 'a north/n2'],
    ['a role', { nodeRoles: ['storage', 'hpc'] }, 'a north/n2'],
    ['both', { nodeRoles: ['general'], nodeLabels: { disk: 'ssd' } }, 'a north/n1'],
  ])('with %s that the job wants', (_, wants, expected) => {
    const w = two().submit({ id: 'a', wants });
    w.pass();
    expect(w.running()).toEqual([expected]);
  });
  test('that are cordoned take nothing', () => {
    const w = two();
    w.must({ kind: 'cordonNode', dataCenter: 'north', node: 'n1', cordoned: true });
    w.submit({ id: 'a' }, { id: 'b', cpu: 10 });
    w.pass();
    expect(w.running()).toEqual(['a north/n2']);
  });
});
