// Which data centers a job may go to, which of them it goes to, and what people are told.
import { describe, expect, test } from 'vitest';
import type { JobWords } from '#core/testing-words.ts';
import type { SiteWords } from '#core/testing.ts';
import { DEFAULT_POLICY } from './policy.ts';
import { world } from './testing.ts';

type Wants = NonNullable<JobWords['wants']>;

describe('a data center takes a job only if', () => {
  const cases: readonly [string, Wants, SiteWords, string][] = [
    ['the job names it', { dataCenters: ['south'] }, {}, 'NOT_SELECTED'],
    ['the job does not exclude it', { notDataCenters: ['north'] }, {}, 'EXCLUDED'],
    ['it is in a region of the job', { regions: ['r2'] }, {}, 'WRONG_REGION'],
    ['it is of a class of the job', { classes: [2] }, {}, 'WRONG_CLASS'],
    [
      'it has the labels',
      { dataCenterLabels: { tier: '4' } },
      { labels: { tier: '3' } },
      'LABEL_MISSING',
    ],
    ['it has the labels at all', { dataCenterLabels: { tier: '4' } }, {}, 'LABEL_MISSING'],
    ['its clearance suffices', { classification: 3 }, { clearance: 2 }, 'CLEARANCE_TOO_LOW'],
    ['it accepts the tenant', {}, { accepts: ['other'] }, 'NOT_ACCEPTED'],
    ['it offers what is asked for', { offers: ['mpi'] }, { offers: ['web'] }, 'NOT_OFFERED'],
    ['its agent has joined', {}, { joins: false }, 'NOT_ACTIVE'],
    ['its agent keeps up', {}, { credit: 0 }, 'NO_CREDIT'],
    ['it has nodes', {}, { nodes: 0 }, 'NO_NODES'],
    ['a node has the role', { nodeRoles: ['hpc'] }, {}, 'NODE_SELECTOR'],
  ];
  test.each(cases)('%s', (_, wants, words, code) => {
    const w = world().tenant('other').site('north', words).submit({ id: 'a', wants });
    expect(w.why('a')).toEqual({ north: code });
    w.pass();
    expect(w.running()).toEqual([]);
  });
  const passes: readonly [string, Wants, SiteWords][] = [
    ['the job names it among others', { dataCenters: ['south', 'north'] }, {}],
    ['it accepts a tenant above', {}, { accepts: ['other', 'root'] }],
    ['the executor offers what is asked for', { offers: ['mpi'] }, { executorOffers: ['mpi'] }],
    ['its clearance is just enough', { classification: 3 }, { clearance: 3 }],
    ['it is of a class and in a region of the job', { classes: [3, 1], regions: ['r2', 'r1'] }, {}],
  ];
  test.each(passes)('it does if %s', (_, wants, words) => {
    const w = world().tenant('other').tenant('root').tenant('t', { parent: 'root' });
    w.site('north', words).submit({ id: 'a', wants });
    expect(w.why('a')).toEqual({ north: 'fits' });
    w.pass();
    expect(w.sites()).toEqual(['a north']);
  });
  test('it is not cordoned, drained or silent', () => {
    const w = world().site('north').submit({ id: 'a' });
    w.must({ kind: 'moveDataCenter', id: 'north', verb: 'cordon' });
    expect(w.sentence('a', 'north')).toBe('the data center is CORDONED; it takes no new runs');
    w.must({ kind: 'moveDataCenter', id: 'north', verb: 'uncordon' });
    w.leave('north');
    expect(w.why('a')).toEqual({ north: 'UNREACHABLE' });
  });
  test('the job may leave the region of its tenant, if the policy says so', () => {
    const w = world().tenant('t', { homeRegion: 'r1' }).site('far', { region: 'r2' });
    w.submit({ id: 'a' });
    w.policy = { ...DEFAULT_POLICY, homeOnly: true };
    expect(w.why('a')).toEqual({ far: 'WRONG_REGION' });
    w.pass();
    expect(w.running()).toEqual([]);
  });
});

describe('of those that take it a job goes', () => {
  test('home, until home is full', () => {
    const w = world().tenant('t', { homeRegion: 'r1' });
    w.site('far', { region: 'r2', nodes: 10 }).site('home', { region: 'r1' });
    w.submit(...Array.from({ length: 12 }, (_, i) => ({ id: `j${i}` })));
    w.pass();
    expect(w.sites().filter((text) => text.endsWith('home'))).toHaveLength(10);
    expect(w.sites().filter((text) => text.endsWith('far'))).toHaveLength(2);
  });
  test('near home when home is full', () => {
    const w = world().tenant('t', { homeRegion: 'r1' });
    w.site('far', { region: 'r3', latitude: 10, nodes: 5 });
    w.site('near', { region: 'r2', latitude: 2 }).site('home', { region: 'r1' });
    w.submit({ id: 'a', cpu: 10 }, { id: 'b', cpu: 10 });
    w.pass();
    expect(w.sites()).toEqual(['a home', 'b near']);
  });
  test('where it is cheaper, all else being equal', () => {
    const w = world()
      .site('dear', { priceMicrosPerCpuHour: 100 })
      .site('cheap', { priceMicrosPerCpuHour: 50 });
    w.submit({ id: 'a' });
    w.pass();
    expect(w.sites()).toEqual(['a cheap']);
  });
  test('where more is left, so that jobs spread', () => {
    const w = world().site('north').site('south');
    w.submit(...Array.from({ length: 10 }, (_, i) => ({ id: `j${i}` })));
    w.pass();
    expect(w.sites().filter((text) => text.endsWith('north'))).toHaveLength(5);
  });
  test('to the first that was registered, all being equal', () => {
    const w = world().site('b').site('a').submit({ id: 'j' });
    w.pass();
    expect(w.sites()).toEqual(['j b']);
  });
});
