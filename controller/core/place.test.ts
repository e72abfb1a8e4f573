import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import type { Placement } from './command.ts';
import { digest } from './testing-digest.ts';
import { quota } from './testing-words.ts';
import { World } from './testing.ts';

const placement = (w: World, id: string, dataCenter = 'north', node = 'n1'): Placement => ({
  uid: w.uid(id),
  parts: [{ dataCenter, allocations: w.allocationsFor(id, node) }],
  decision: '',
});

describe('a placement is dropped, and its job stays in the queue, if', () => {
  const cases: readonly [string, (w: World) => void][] = [
    ['the job was cancelled', (w) => w.change('cancel', 'a')],
    ['the job was held', (w) => w.change('hold', 'a')],
    ['the job runs already', (w) => w.place('a', 'south')],
    [
      'the data center is cordoned',
      (w) => w.must({ kind: 'moveDataCenter', id: 'north', verb: 'cordon' }),
    ],
    ['the data center is not connected', (w) => w.leave('north')],
    [
      'its agent has too much to answer',
      (w) => {
        w.observe({ kind: 'unacknowledged', dataCenter: 'north', count: 4096 });
      },
    ],
    ['the node is gone', (w) => w.nodes('north', {}, ['n1'])],
    [
      'the node is cordoned',
      (w) => w.must({ kind: 'cordonNode', dataCenter: 'north', node: 'n1', cordoned: true }),
    ],
    ['the node has shrunk', (w) => w.nodes('north', { n1: { cpu: 3 } })],
    ['others use the node', (w) => w.foreign('north', 'n1', 7)],
    ['the quota is smaller now', (w) => w.tenant('t', { quota: quota(3) })],
  ];
  test.each(cases)('%s', (_, happens) => {
    const w = new World().site('north').site('south').submit({ id: 'a', cpu: 4 });
    const decided = placement(w, 'a');
    happens(w);
    const before = digest(w.state);
    expect(w.placeAs([decided])).toBe(0);
    expect(digest(w.state)).toBe(before);
  });
  test('the same job is placed twice in one batch', () => {
    const w = new World().site('north').site('south').submit({ id: 'a', cpu: 4 });
    expect(w.placeAs([placement(w, 'a'), placement(w, 'a', 'south')])).toBe(1);
    expect(w.siteOf('a')).toBe('north');
  });
  test('an earlier one of the batch takes the room', () => {
    const w = new World()
      .site('north')
      .submit({ id: 'a', cpu: 6 }, { id: 'b', cpu: 5 }, { id: 'c', cpu: 4 });
    expect(w.placeAs(['a', 'b', 'c'].map((id) => placement(w, id)))).toBe(2);
    expect(w.runOf('b')).toBe('none');
    expect(w.freeCpu('north')).toBe(0);
  });
  test('an earlier one of the batch takes the quota', () => {
    const w = new World().site('north').tenant('t', { quota: quota(6) });
    w.submit({ id: 'a', cpu: 4 }, { id: 'b', cpu: 4 }, { id: 'c', cpu: 2 });
    expect(w.placeAs(['a', 'b', 'c'].map((id) => placement(w, id)))).toBe(2);
    expect(w.runOf('b')).toBe('none');
  });
  test('only some of the tasks have a place', () => {
    const w = new World().site('north').submit({ id: 'a', cpu: 4, replicas: 3 });
    const part = {
      dataCenter: 'north',
      allocations: [{ node: 'n1', group: 0, tasks: 2, devices: [], thousandths: [] }],
    };
    expect(w.placeAs([{ uid: w.uid('a'), parts: [part], decision: '' }])).toBe(0);
    expect(w.placeAs([placement(w, 'a')])).toBe(0);
  });
});

describe('quotas', () => {
  const tree = (root: number, leaf: number) =>
    new World()
      .site('north', { node: { cpu: 100 } })
      .tenant('root', { quota: quota(root) })
      .tenant('middle', { parent: 'root' })
      .tenant('leaf', { parent: 'middle', quota: quota(leaf) })
      .tenant('other', { parent: 'root' });
  test.each([
    ['the leaf', 100, 5],
    ['the root', 5, 100],
    ['none, if zero', 0, 5],
  ])('bind along the path to the root: %s', (_, root, leaf) => {
    const w = tree(root, leaf);
    w.submit({ id: 'a', tenant: 'leaf', cpu: 4 }, { id: 'b', tenant: 'leaf', cpu: 2 });
    expect(w.place('a', 'north')).toBe(true);
    expect(w.place('b', 'north')).toBe(false);
    w.report('a', RunState.SUCCEEDED);
    expect(w.place('b', 'north')).toBe(true);
  });
  test('of the root count what other tenants below it hold', () => {
    const w = tree(5, 100);
    w.submit({ id: 'a', tenant: 'other', cpu: 4 }, { id: 'b', tenant: 'leaf', cpu: 2 });
    w.place('a', 'north');
    expect(w.place('b', 'north')).toBe(false);
  });
  test('count what is unknown', () => {
    const w = tree(5, 100);
    w.submit(
      { id: 'a', tenant: 'leaf', cpu: 4, wants: { unreachable: 2 } },
      { id: 'b', tenant: 'leaf', cpu: 2 },
    );
    w.place('a', 'north');
    w.leave('north').expire('north');
    w.join('north', { runs: [w.reportOf('a', RunState.RUNNING)] });
    expect(w.place('b', 'north')).toBe(false);
  });
});

test('usage of a tree of tenants is that of the live runs below each', () => {
  const w = new World().site('north').tenant('root').tenant('leaf', { parent: 'root' });
  w.submit({ id: 'a', tenant: 'leaf', cpu: 4 }, { id: 'b', tenant: 'root', cpu: 2 });
  w.place('a', 'north');
  w.place('b', 'north');
  const usage = (id: string) => {
    const tenant = w.state.tenants.get(id)!;
    return [tenant.usage[0]! / 1000, tenant.subtreeUsage[0]! / 1000];
  };
  expect([usage('root'), usage('leaf')]).toEqual([
    [2, 6],
    [4, 4],
  ]);
});
