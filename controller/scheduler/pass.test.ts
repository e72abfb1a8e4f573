// What a pass places, and in which order.
import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import { quota, type JobWords } from '#core/testing-words.ts';
import { world } from './testing.ts';

const many = (count: number, words: Partial<JobWords> = {}, name = 'j'): readonly JobWords[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${name}${i + 1}`, ...words }));

describe('room', () => {
  test('two sites of ten take jobs of seven, seven, six and three: seven and three here, seven there', () => {
    const w = world().site('north').site('south');
    w.submit({ id: 'a', cpu: 7 }, { id: 'b', cpu: 7 }, { id: 'c', cpu: 6 }, { id: 'd', cpu: 3 });
    w.pass();
    expect(w.sites()).toHaveLength(3);
    expect(w.stateOf('c')).toBe('QUEUED');
    expect(w.siteOf('a')).not.toBe(w.siteOf('b'));
    w.report('a', RunState.SUCCEEDED);
    w.pass();
    expect(w.runOf('c')).toBe('RESERVED');
  });
  test('a job too large for any node blocks nobody', () => {
    const w = world().site('north', { nodes: 3 });
    w.submit({ id: 'huge', cpu: 11, wants: { priority: 9 } }, ...many(30));
    w.pass();
    expect(w.sites()).toHaveLength(30);
    expect(w.stateOf('huge')).toBe('QUEUED');
  });
  test('of a node is not the room of its data center', () => {
    const w = world().site('north', { nodes: 2 }).submit({ id: 'a', cpu: 11 });
    w.pass();
    expect(w.running()).toEqual([]);
  });
  test('that others use is not taken', () => {
    const w = world().site('north').foreign('north', 'n1', 9);
    w.submit(...many(2));
    w.pass();
    expect(w.sites()).toHaveLength(1);
  });
  test('in a thousand nodes is found however it is scattered', () => {
    const w = world().site('north', { nodes: 1000 });
    w.submit(...many(1000, { cpu: 10 }));
    w.pass();
    expect(w.sites()).toHaveLength(1000);
    w.submit({ id: 'x', cpu: 10 }, { id: 'y', cpu: 10 }, { id: 'z' });
    w.report('j500', RunState.SUCCEEDED);
    w.report('j77', RunState.SUCCEEDED);
    w.pass();
    expect([w.runOf('x'), w.runOf('y'), w.runOf('z')]).toEqual(['RESERVED', 'RESERVED', 'none']);
  });
});

describe('order', () => {
  test('within a tenant the highest priority goes first, then the oldest', () => {
    const w = world().site('north', { node: { cpu: 2 } });
    w.submit({ id: 'low' }, { id: 'high', wants: { priority: 5 } }, { id: 'later', cpu: 2 });
    w.submit({ id: 'high2', wants: { priority: 5 } });
    w.pass();
    expect(w.sites()).toEqual(['high north', 'high2 north']);
  });
  test('of equal jobs the oldest goes first, also if it ran before', () => {
    const w = world()
      .site('north', { node: { cpu: 1 } })
      .submit(...many(3));
    w.pass();
    w.change('requeue', 'j1');
    w.report('j1', RunState.STOPPED);
    w.pass();
    expect(w.sites()).toEqual(['j1 north']);
  });
  test('a class that waits goes before a younger one of lower priority when room appears', () => {
    const w = world().site('north', { node: { cpu: 2 } });
    w.submit({ id: 'first', cpu: 2 }, { id: 'waits', cpu: 2, wants: { priority: 5 } });
    w.change('hold', 'waits');
    w.pass();
    w.change('release', 'waits');
    w.pass();
    expect(w.runOf('waits')).toBe('none');
    // Room grows and a job comes in the same turn.
    w.report('first', RunState.SUCCEEDED);
    w.submit({ id: 'young' });
    w.pass();
    expect(w.sites()).toEqual(['waits north']);
  });
  test('a class that waits is not starved by jobs that come at every turn', () => {
    const w = world().site('north', { node: { cpu: 2 } });
    w.submit({ id: 'small0' }, { id: 'small1' });
    w.pass();
    w.submit({ id: 'large', cpu: 2, wants: { priority: 5 } });
    w.pass();
    for (let i = 2; i < 10 && w.runOf('large') === 'none'; i++) {
      for (const id of w.sites()) w.report(id.split(' ')[0]!, RunState.SUCCEEDED);
      w.submit({ id: `small${i}` });
      w.pass();
    }
    expect(w.runOf('large')).toBe('RESERVED');
  });
});

describe('a pass remembers what it has judged', () => {
  test('but a class whose jobs all found room is looked at for the next job', () => {
    const w = world()
      .site('north', { node: { cpu: 2 } })
      .submit(...many(3, { cpu: 2 }));
    w.pass();
    w.nodes('north', { n2: { cpu: 10 } });
    w.pass();
    expect(w.sites()).toHaveLength(3);
    w.submit({ id: 'late', cpu: 2 });
    w.pass();
    expect(w.runOf('late')).toBe('RESERVED');
  });
  test.each<[string, (w: ReturnType<typeof world>) => unknown]>([
    ['a node appears', (w) => w.nodes('north', { n2: {} })],
    ['a node grows', (w) => w.nodes('north', { n1: { cpu: 20 } })],
    ['a run ends', (w) => w.report('first', RunState.SUCCEEDED)],
    [
      'a run is lost',
      (w) => {
        w.change('cancel', 'first');
        w.join('north', { runs: [] });
      },
    ],
    ['others use less', (w) => w.foreign('north', 'n1', 0)],
    ['another data center comes', (w) => w.site('south')],
    [
      'a node is uncordoned',
      (w) => {
        w.must({ kind: 'cordonNode', dataCenter: 'north', node: 'spare', cordoned: false });
      },
    ],
    [
      'a data center is uncordoned',
      (w) => {
        w.must({ kind: 'moveDataCenter', id: 'closed', verb: 'uncordon' });
      },
    ],
    ['an agent comes back', (w) => w.join('gone')],
    ['a description changes', (w) => w.site('picky', { accepts: [] })],
    [
      'an agent answers',
      (w) => {
        w.observe({ kind: 'unacknowledged', dataCenter: 'busy', count: 0 });
      },
    ],
  ])('until %s', (_, happens) => {
    const w = world().tenant('t').tenant('u').site('north').foreign('north', 'n1', 1);
    w.submit({ id: 'first', cpu: 9 });
    w.pass();
    w.report('first', RunState.RUNNING);
    w.nodes('north', { spare: {} });
    w.must({ kind: 'cordonNode', dataCenter: 'north', node: 'spare', cordoned: true });
    w.site('closed')
      .site('gone')
      .site('picky', { accepts: ['u'] })
      .site('busy', { credit: 1 });
    w.must({ kind: 'moveDataCenter', id: 'closed', verb: 'cordon' });
    w.leave('gone');
    w.observe({ kind: 'unacknowledged', dataCenter: 'busy', count: 1 });
    w.submit({ id: 'a', cpu: 1 });
    w.pass();
    expect(w.runOf('a')).toBe('none');
    happens(w);
    w.pass();
    expect(w.runOf('a')).toBe('RESERVED');
  });
  test('until its tenant has a quota that suffices', () => {
    const w = world()
      .site('north')
      .tenant('t', { quota: quota(1) })
      .submit(...many(2));
    w.pass();
    expect(w.sites()).toHaveLength(1);
    w.tenant('t', { quota: quota(2) });
    w.pass();
    expect(w.sites()).toHaveLength(2);
  });
  test('until another tenant below the same root gives room in the quota', () => {
    const w = world()
      .site('north')
      .tenant('root', { quota: quota(1) });
    w.tenant('t', { parent: 'root' }).tenant('u', { parent: 'root' });
    w.submit({ id: 'a' }, { id: 'b', tenant: 'u' });
    w.pass();
    expect(w.sites()).toEqual(['a north']);
    w.report('a', RunState.SUCCEEDED);
    w.pass();
    expect(w.sites()).toEqual(['b north']);
  });
});

describe('slices', () => {
  test.each([1, 3, 7, 1000])('of %d steps place as many as one', (steps) => {
    const w = world().site('north', { nodes: 5 }).site('south', { nodes: 3 });
    w.submit(...many(100), ...many(10, { cpu: 3 }, 'k'), ...many(5, { cpu: 20 }, 'l'));
    w.pass({ steps });
    expect(w.sites()).toHaveLength(80 - 2 * w.sites().filter((id) => id.startsWith('k')).length);
    expect(w.pass({ steps })).toEqual([]);
    expect(w.dropped).toBe(0);
  });
  test('a job that comes between two of them is not forgotten', () => {
    const w = world()
      .site('north', { nodes: 5 })
      .submit(...many(10));
    w.pass({ steps: 1, slices: 2 });
    w.submit({ id: 'x', cpu: 2 });
    w.pass({ steps: 1 });
    expect(w.sites()).toHaveLength(11);
  });
});

describe('fair share', () => {
  const counts = (w: ReturnType<typeof world>) =>
    ['t', 'u', 'v'].map((id) => w.state.tenants.get(id)?.runningJobs ?? 0);
  const three = (weights: readonly number[]) => {
    const w = world().site('north', { node: { cpu: 60 } });
    for (const [i, id] of ['t', 'u', 'v'].entries()) w.tenant(id, { weight: weights[i] ?? 0 });
    for (const tenant of ['t', 'u', 'v']) w.submit(...many(100, { tenant }, tenant));
    w.pass();
    return counts(w);
  };
  test('equal weights get equal parts', () => expect(three([100, 100, 100])).toEqual([20, 20, 20]));
  test('parts follow the weights', () => expect(three([100, 200, 300])).toEqual([10, 20, 30]));
  test('no weight is a hundred', () => expect(three([0, 100, 200])).toEqual([15, 15, 30]));
  test('who has nothing to run leaves its part to the others', () => {
    const w = world()
      .site('north', { node: { cpu: 60 } })
      .tenant('t')
      .tenant('u');
    w.submit(...many(100));
    w.pass();
    expect(counts(w)).toEqual([60, 0, 0]);
  });
  test('the part is of the resource of which a tenant holds most', () => {
    const node = { cpu: 90, memoryMib: 180 };
    const w = world().site('north', { node }).tenant('t').tenant('u');
    // The example of the paper: of 9 CPUs and 18 GB, shares of 3 and 2 jobs.
    w.submit(...many(100, { tenant: 't', cpu: 10, memoryMib: 40 }, 't'));
    w.submit(...many(100, { tenant: 'u', cpu: 30, memoryMib: 10 }, 'u'));
    w.pass();
    expect(counts(w)).toEqual([3, 2, 0]);
  });
  test('what a tenant holds already counts', () => {
    const w = world()
      .site('north', { node: { cpu: 10 } })
      .tenant('t')
      .tenant('u');
    w.submit(...many(10));
    w.pass();
    for (const id of ['j1', 'j2', 'j3', 'j4']) w.report(id, RunState.SUCCEEDED);
    w.submit(...many(10, { tenant: 'u' }, 'u'), ...many(10, {}, 'k'));
    w.pass();
    expect(counts(w)).toEqual([6, 4, 0]);
  });
});
