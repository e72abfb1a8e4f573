import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import { quota, type JobWords, type NodeWords } from '#core/testing-words.ts';
import { jobsAhead } from './explain.ts';
import { world } from './testing.ts';

describe('why a job does not fit, with the numbers that decided it', () => {
  const cases: readonly [
    string,
    Omit<JobWords, 'id'>,
    Readonly<Record<string, NodeWords>>,
    string,
  ][] = [
    [
      'no node has so many CPUs',
      { cpu: 11 },
      { n1: {}, n2: { cpu: 8 } },
      'no node is large enough: 11000 cpuMillis needed, the largest has 10000',
    ],
    [
      'no node has so much memory',
      { memoryMib: 101 },
      { n1: { memoryMib: 100 } },
      'no node is large enough: 101 memoryMib needed, the largest has 100',
    ],
    [
      'no node has so much storage',
      { storageMib: 1 },
      { n1: {} },
      'no node is large enough: 1 storageMib needed, the largest has 0',
    ],
    [
      'no node has so many CPUs free',
      { cpu: 7 },
      { n1: {} },
      'no node has room now: 7000 cpuMillis needed, the freest has 6000',
    ],
    [
      'no node has an extra',
      { extra: { fpga: 3 } },
      { n1: { extra: { fpga: 2 } } },
      'no node is large enough: 3 fpga needed, the largest has 2',
    ],
    [
      'no node has devices',
      { devices: [{}] },
      { n1: {} },
      'no node has 1000 free thousandths of device of any model, the best has 0',
    ],
    [
      'no node has the model',
      { devices: [{ model: 'x', count: 2 }] },
      { n1: { devices: ['x', 'y'] } },
      'no node has 2000 free thousandths of device x, the best has 1000',
    ],
    [
      'no device has the memory',
      { devices: [{ memoryMib: 50 }] },
      { n1: { devices: ['x:40', 'x:40'] } },
      'no node has 1000 free thousandths of device of any model, the best has 0',
    ],
    [
      'each is free, but not on one node',
      { cpu: 5, devices: [{}] },
      { n1: {}, n2: { cpu: 1, devices: ['x'] } },
      'each resource is free somewhere, but on no single node all of them',
    ],
    [
      'not all tasks fit at once',
      { cpu: 5, replicas: 4 },
      { n1: {}, n2: { cpu: 8 } },
      'room for 2 of 4 tasks, all of them are needed at once',
    ],
    [
      'not all groups fit at once',
      { groups: [{ cpu: 4 }, { cpu: 5, replicas: 3 }] },
      { n1: {}, n2: { cpu: 9 } },
      'room for 2 of 4 tasks, all of them are needed at once',
    ],
    [
      'no node has the label',
      { wants: { nodeLabels: { disk: 'ssd' } } },
      { n1: {} },
      'no node has the labels and role that the job asks for',
    ],
  ];
  test.each(cases)('%s', (_, job, nodes, expected) => {
    const w = world()
      .site('north', { nodes })
      .submit({ id: 'other', cpu: 4 }, { id: 'a', ...job });
    w.place('other', 'north');
    expect(w.sentence('a', 'north')).toBe(expected);
    w.pass();
    expect(w.runOf('a')).toBe('none');
  });
  test('devices are free, but none is whole', () => {
    const w = world().site('north', { nodes: { n1: { devices: ['x', 'x'] } } });
    w.submit({ id: 's1', devices: [{ share: 600 }] }, { id: 's2', devices: [{ share: 600 }] });
    w.pass();
    w.submit({ id: 'a', devices: [{}] }, { id: 'b', devices: [{ share: 500 }] });
    const sentence = (needed: number, available: number) =>
      `no node has ${needed} free thousandths of device of any model, the best has ${available}`;
    expect(w.sentence('a', 'north')).toBe(sentence(1000, 0));
    expect(w.sentence('b', 'north')).toBe(sentence(500, 0));
  });
  test('one whole device is free where two are needed', () => {
    const w = world().site('north', { nodes: { n1: { devices: ['x', 'x', 'x'] } } });
    w.submit({ id: 's1', devices: [{ share: 600 }] }, { id: 's2', devices: [{ share: 600 }] });
    w.pass();
    w.submit({ id: 'a', devices: [{ count: 2 }] });
    expect(w.sentence('a', 'north')).toContain('has 2000 free thousandths');
    expect(w.sentence('a', 'north')).toContain('the best has 1000');
  });
  test('every node that would do is cordoned', () => {
    const w = world().site('north', { nodes: { n1: {}, n2: { role: 'hpc' } } });
    w.must({ kind: 'cordonNode', dataCenter: 'north', node: 'n1', cordoned: true });
    w.submit({ id: 'a', wants: { nodeRoles: ['general'] } });
    expect(w.why('a')).toEqual({ north: 'NODES_CORDONED' });
  });
  test('the agent has not answered', () => {
    const w = world().site('north', { credit: 2 }).submit({ id: 'a' });
    w.observe({ kind: 'unacknowledged', dataCenter: 'north', count: 2 });
    expect(w.sentence('a', 'north')).toBe(
      'the agent has 2 unacknowledged assignments; it takes no more before it answers',
    );
  });
  test('a data center with very many nodes can be explained', () => {
    const w = world()
      .site('north', { nodes: 200_000, node: { cpu: 1 } })
      .submit({ id: 'a', cpu: 2 });
    expect(w.why('a')).toEqual({ north: 'TOO_LARGE' });
  });
});

describe('verdicts', () => {
  test('come best first, with the terms of those that fit', () => {
    const w = world().tenant('t', { homeRegion: 'r1' });
    w.site('full').site('far', { region: 'r2' }).site('home');
    w.submit({ id: 'x', cpu: 10 }, { id: 'a' });
    w.place('x', 'full');
    const found = w.verdictsOf('a');
    expect(found.map(({ dataCenter }) => dataCenter)).toEqual(['home', 'far', 'full']);
    expect(found[0]?.terms.map(({ name }) => name)).toEqual([
      'room',
      'balance',
      'distance',
      'price',
    ]);
    const sum = found[0]?.terms.reduce((all, { value }) => all + value, 0);
    expect(found[0]?.score).toBeCloseTo(sum ?? 0);
    expect(found[2]).toMatchObject({ score: 0, terms: [], reason: { code: 'INSUFFICIENT' } });
  });
  test('change nothing', () => {
    const w = world().site('north').submit({ id: 'a' });
    w.verdictsOf('a');
    w.pass();
    expect(w.sites()).toEqual(['a north']);
  });
});

describe('what holds a job back before any place is looked at', () => {
  const w = () => world().site('north');
  test('it is held', () => {
    expect(w().submit({ id: 'a', held: true }).blocked('a')).toContain('HELD');
  });
  test('it waits for others, of which one is named', () => {
    const waiting = w().submit({ id: 'x' }, { id: 'y' }, { id: 'a', after: ['x', 'y'] });
    expect(waiting.blocked('a')).toBe('WAITS_FOR_JOBS: waits for 2 other job(s) to end, first x');
    waiting.place('x', 'north');
    waiting.report('x', RunState.SUCCEEDED);
    expect(waiting.blocked('a')).toBe('WAITS_FOR_JOBS: waits for 1 other job(s) to end, first y');
  });
  test('it waits for its next attempt', () => {
    const failed = w().submit({ id: 'a', wants: { maxAttempts: 2, backoffMs: 10_000 } });
    failed.place('a', 'north');
    failed.report('a', RunState.FAILED, { exitCode: 1 });
    expect(failed.blocked('a')).toBe('BACKING_OFF: waits 10 s before its next attempt');
  });
  test('a tenant above is at its quota', () => {
    const full = w()
      .tenant('root', { quota: quota(3) })
      .tenant('t', { parent: 'root' });
    full.submit({ id: 'x', cpu: 2 }, { id: 'a', cpu: 2 });
    full.pass();
    expect(full.blocked('a')).toBe(
      'QUOTA_EXCEEDED: tenant root (cpuMillis) would exceed its quota: 2000 needed, 1 left'.replace(
        ' 1 ',
        ' 1000 ',
      ),
    );
  });
  test('nothing', () => {
    expect(w().submit({ id: 'a' }).blocked('a')).toBe('');
  });
});

test('jobs that go before are those of higher priority and the older ones of the same', () => {
  const w = world().site('north', { node: { cpu: 1 } });
  w.submit({ id: 'a' }, { id: 'b', cpu: 2 }, { id: 'c' }, { id: 'd', wants: { priority: 1 } });
  w.submit({ id: 'e', wants: { priority: -1 } }, { id: 'f', tenant: 'u' }, { id: 'g', held: true });
  const ahead = (id: string) => jobsAhead(w.state, w.row(id));
  expect([ahead('a'), ahead('c'), ahead('d'), ahead('e'), ahead('f')]).toEqual([1, 3, 0, 4, 0]);
});

describe('what if', () => {
  test('says where jobs would go that do not exist, and changes nothing', () => {
    const w = world().tenant('t').site('north').site('south');
    const { revision } = w.state;
    const jobs = ['a', 'b', 'c'].map((id) => ({ id, cpu: 7 }));
    expect(w.whatIf(jobs)).toEqual(['a north', 'b south']);
    expect(w.state.revision).toBe(revision);
    w.submit(...jobs);
    w.pass();
    expect(w.sites()).toEqual(['a north', 'b south']);
  });
  test('respects quotas and what runs', () => {
    const w = world()
      .site('north')
      .tenant('t', { quota: quota(5) })
      .submit({ id: 'x', cpu: 2 });
    w.pass();
    expect(w.whatIf(['a', 'b'].map((id) => ({ id, cpu: 3 })))).toEqual(['a north']);
  });
});
