// Data centers and tenants as people make, change and delete them.
import { describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import { toDataCenter, toTenant } from './testing-words.ts';
import { World } from './testing.ts';

const move = (w: World, verb: 'cordon' | 'uncordon' | 'drain') =>
  w.reasonOf({ kind: 'moveDataCenter', id: 'north', verb });

describe('a data center', () => {
  const begins = {
    REGISTERED: (w: World) => w.site('north', { joins: false }),
    ACTIVE: (w: World) => w.site('north'),
    CORDONED: (w: World) => {
      w.site('north');
      move(w, 'cordon');
    },
    DRAINING: (w: World) => {
      w.site('north');
      move(w, 'drain');
    },
    LEFT: (w: World) => {
      begins.DRAINING(w);
      w.must({ kind: 'leaveDataCenter', id: 'north' }, 'controller');
    },
  } as const;
  test.each([
    ['REGISTERED', 'cordon', 'WRONG_STATE', 'REGISTERED'],
    ['REGISTERED', 'drain', 'WRONG_STATE', 'REGISTERED'],
    ['ACTIVE', 'cordon', 'accepted', 'CORDONED'],
    ['ACTIVE', 'uncordon', 'accepted', 'ACTIVE'],
    ['ACTIVE', 'drain', 'accepted', 'DRAINING'],
    ['CORDONED', 'cordon', 'accepted', 'CORDONED'],
    ['CORDONED', 'uncordon', 'accepted', 'ACTIVE'],
    ['CORDONED', 'drain', 'accepted', 'DRAINING'],
    ['DRAINING', 'cordon', 'WRONG_STATE', 'DRAINING'],
    ['DRAINING', 'uncordon', 'accepted', 'ACTIVE'],
    ['DRAINING', 'drain', 'accepted', 'DRAINING'],
    ['LEFT', 'cordon', 'WRONG_STATE', 'LEFT'],
    ['LEFT', 'uncordon', 'accepted', 'ACTIVE'],
    ['LEFT', 'drain', 'accepted', 'LEFT'],
  ] as const)('%s, %s: %s, it is %s', (begin, verb, answer, state) => {
    const w = new World();
    begins[begin](w);
    expect(move(w, verb)).toBe(answer);
    expect(w.siteState('north')).toBe(state);
  });
  test('becomes active when its agent joins, and stays as it is when it joins again', () => {
    const w = new World().site('north', { joins: false });
    expect(w.siteState('north')).toBe('REGISTERED');
    w.join('north');
    expect(w.siteState('north')).toBe('ACTIVE');
    move(w, 'cordon');
    w.join('north', { executorOffers: ['mpi'] });
    expect(w.siteState('north')).toBe('CORDONED');
    expect(w.state.dataCenters.get('north')?.executorOffers).toEqual(['mpi']);
  });
  test('that is drained asks each of its runs to stop, once', () => {
    const w = new World().site('north').submit({ id: 'a' }, { id: 'b' });
    w.place('a', 'north');
    w.place('b', 'north');
    w.change('cancel', 'b');
    const { answer } = w.must({ kind: 'moveDataCenter', id: 'north', verb: 'drain' });
    expect(answer).toEqual({ movedRuns: 1 });
    expect([w.stateOf('a'), w.stateOf('b')]).toEqual([
      'STOPPING DRAINED',
      'STOPPING CANCELLED_BY_USER',
    ]);
  });
  test('that was never there cannot be joined, drained or deleted', () => {
    const w = new World();
    expect(move(w, 'drain')).toBe('DATA_CENTER_NOT_FOUND');
    expect(w.reasonOf({ kind: 'deleteDataCenter', id: 'north', etag: undefined })).toBe(
      'DATA_CENTER_NOT_FOUND',
    );
    expect(w.reasonOf({ kind: 'expireLease', dataCenter: 'north' })).toBe('DATA_CENTER_NOT_FOUND');
  });
  test('with live runs is not deleted; without them it goes with its nodes and links', () => {
    const w = new World().site('north').site('south').submit({ id: 'a' });
    const link = {
      id: 'l',
      source: 'north',
      target: 'south',
      bandwidthMbps: 1,
      latencyMicros: 1,
      priceMicrosPerGib: 0,
      down: false,
    };
    w.must({ kind: 'putLink', mode: 'create', entity: link, etag: undefined });
    w.place('a', 'north');
    const command = { kind: 'deleteDataCenter', id: 'north', etag: undefined } as const;
    expect(w.reasonOf(command)).toBe('DATA_CENTER_IN_USE');
    w.report('a', RunState.SUCCEEDED);
    expect(w.reasonOf(command)).toBe('accepted');
    expect([w.state.links.size, w.state.nodes.live, w.state.derived.capacity[0]]).toEqual([
      0, 1, 10_000,
    ]);
    w.site('north');
    expect(w.freeCpu('north')).toBe(10);
  });
  test('names tenants that exist', () => {
    const w = new World();
    const put = (words: Parameters<typeof toDataCenter>[1]) =>
      w.reasonOf({
        kind: 'putDataCenter',
        mode: 'create',
        entity: toDataCenter('x', words),
        etag: undefined,
      });
    expect(put({ owner: 'nobody' })).toBe('TENANT_NOT_FOUND');
    expect(put({ accepts: ['nobody'] })).toBe('TENANT_NOT_FOUND');
  });
});

describe('creating and updating', () => {
  test('what is there is not created again, and what is not there is not updated', () => {
    const w = new World().tenant('t').site('north');
    const etag = undefined;
    const tenant = (mode: 'create' | 'update', id: string) =>
      w.reasonOf({ kind: 'putTenant', mode, entity: toTenant(id), etag });
    const site = (mode: 'create' | 'update', id: string) =>
      w.reasonOf({ kind: 'putDataCenter', mode, entity: toDataCenter(id), etag });
    expect([tenant('create', 't'), tenant('update', 'x')]).toEqual([
      'TENANT_EXISTS',
      'TENANT_NOT_FOUND',
    ]);
    expect([site('create', 'north'), site('update', 'x')]).toEqual([
      'DATA_CENTER_EXISTS',
      'DATA_CENTER_NOT_FOUND',
    ]);
  });
  test('an etag must be that of the newest change', () => {
    const w = new World().tenant('t');
    const etag = w.state.tenants.get('t')!.revision;
    const put = (weight: number) =>
      w.reasonOf({ kind: 'putTenant', mode: 'update', entity: toTenant('t', { weight }), etag });
    expect([put(1), put(2)]).toEqual(['accepted', 'ETAG_MISMATCH']);
    expect(w.state.tenants.get('t')?.entity.weight).toBe(1);
  });
});

describe('a tenant', () => {
  const remove = (w: World, id = 't') => w.reasonOf({ kind: 'deleteTenant', id, etag: undefined });
  test('does not move', () => {
    const w = new World().tenant('a').tenant('b').tenant('c', { parent: 'a' });
    const entity = toTenant('c', { parent: 'b' });
    expect(w.reasonOf({ kind: 'putTenant', mode: 'update', entity, etag: undefined })).toBe(
      'PARENT_IS_FIXED',
    );
  });
  test('nests sixteen deep', () => {
    const w = new World().tenant('t1');
    for (let i = 2; i <= 16; i++) w.tenant(`t${i}`, { parent: `t${i - 1}` });
    const entity = toTenant('t17', { parent: 't16' });
    expect(w.reasonOf({ kind: 'putTenant', mode: 'create', entity, etag: undefined })).toBe(
      'TREE_TOO_DEEP',
    );
  });
  test.each<[string, (w: World) => void]>([
    ['a tenant below it', (w) => w.tenant('leaf', { parent: 't' })],
    ['a queued job', (w) => w.submit({ id: 'a' })],
    ['a held job', (w) => w.submit({ id: 'a', held: true })],
    [
      'a running job',
      (w) => {
        w.submit({ id: 'a' });
        w.place('a', 'north');
      },
    ],
    ['a data center that it owns', (w) => w.site('south', { owner: 't' })],
    ['a data center that accepts it', (w) => w.site('south', { accepts: ['t'] })],
  ])('with %s is not deleted', (_, has) => {
    const w = new World().site('north').tenant('t');
    has(w);
    expect(remove(w)).toBe('TENANT_IN_USE');
  });
  test('that is made again knows nothing of the jobs of the one before', () => {
    const w = new World().site('north').tenant('t', { maxQueuedJobs: 1 }).submit({ id: 'a' });
    w.change('cancel', 'a');
    expect(remove(w)).toBe('accepted');
    w.tenant('t', { maxQueuedJobs: 1 });
    const answers = w.submitAll([{ id: 'a' }, { id: 'b' }]);
    expect(answers).toMatchObject([
      { kind: 'submitted', existed: false },
      { reason: 'TOO_MANY_QUEUED_JOBS' },
    ]);
    expect(w.state.tenants.get('t')?.queuedJobs).toBe(1);
  });
});
