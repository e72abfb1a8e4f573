// Tenants, data centers, links and nodes: what can be written, by whom, and how lists of them are read.
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DataCenter,
  DataCenterServiceService as DataCenters,
  DataCenterState,
} from '#gen/isobar/v1/data_center.ts';
import {
  Constraints,
  JobServiceService as Jobs,
  SubmitJobRequest,
  type JobSubmission,
} from '#gen/isobar/v1/job.ts';
import { Link, LinkServiceService as Links } from '#gen/isobar/v1/link.ts';
import { NodeServiceService as Nodes } from '#gen/isobar/v1/node.ts';
import { Resources } from '#gen/isobar/v1/resources.ts';
import { RunState } from '#gen/isobar/v1/run.ts';
import { Tenant, TenantServiceService as Tenants } from '#gen/isobar/v1/tenant.ts';
import { controllerInMemory } from '#simulation/controller.ts';
import { realClock } from '../testbed.ts';
import { job, World, type Person } from './testing.ts';
import { detailsOf } from './testing-details.ts';

const { NOT_FOUND, PERMISSION_DENIED, ABORTED, FAILED_PRECONDITION, ALREADY_EXISTS } = status;

let world: World;
beforeAll(async () => {
  world = await World.open(controllerInMemory(realClock));
});
afterAll(() => world.close());

const page = { pageSize: 0, pageToken: '', minRevision: 0 };

describe('tenants', () => {
  const create = (id: string, words: Partial<Tenant>, validateOnly = false) => ({
    tenantId: id,
    tenant: Tenant.fromPartial(words),
    validateOnly,
  });

  test('have defaults, and what is only checked is not there', async () => {
    const below = { parent: 'tenants/energy' };
    const checked = await world.call('ada', Tenants.createTenant, create('wind', below, true));
    expect(checked).toMatchObject({
      name: 'tenants/wind',
      weight: 100,
      clearance: 1,
      maxQueuedJobs: 1_000_000,
      etag: '',
    });
    const made = await world.call('ada', Tenants.createTenant, create('wind', below));
    expect(made).toMatchObject({
      ...checked,
      createTime: expect.any(Date),
      etag: expect.stringMatching(/^\d+$/),
    });
    expect(
      await world.call('ada', Tenants.getTenant, { name: 'tenants/wind', minRevision: 0 }),
    ).toEqual(made);
  });

  test('are told every wrong field at once', async () => {
    const wrong = create('Wind!', {
      parent: 'tenants/energy',
      displayName: 'a\nb',
      weight: 1_000_001,
      homeRegion: 'The North',
      defaultClassification: 3,
      clearance: 2,
      quota: {
        cpuMillis: 0,
        memoryMib: 0,
        storageMib: 0,
        extra: { a: 1 },
        deviceThousandths: 0,
        devices: [],
      },
    });
    const { error } = await world.ask('ada', Tenants.createTenant, wrong);
    expect(detailsOf(error).violations.map(([field]) => field)).toEqual([
      'tenant_id',
      'tenant.display_name',
      'tenant.weight',
      'tenant.home_region',
      'tenant.default_classification',
      'tenant.quota.extra',
    ]);
  });

  test('change only as they were read, and go only when nothing is in them', async () => {
    const name = 'tenants/wind';
    const read = await world.call('ada', Tenants.getTenant, { name, minRevision: 0 });
    const changed = await world.call('ada', Tenants.updateTenant, {
      tenant: { ...read, weight: 7 },
      validateOnly: false,
    });
    expect(changed).toMatchObject({ weight: 7, createTime: read.createTime });
    expect(changed.etag).not.toBe(read.etag);
    const stale = await world.ask('ada', Tenants.updateTenant, {
      tenant: { ...read, weight: 8 },
      validateOnly: false,
    });
    expect(stale.error?.code).toBe(ABORTED);
    const full = await world.ask('nora', Tenants.deleteTenant, {
      name: 'tenants/energy',
      etag: '',
      validateOnly: false,
    });
    expect(full.error?.code).toBe(FAILED_PRECONDITION);
    await world.call('ada', Tenants.deleteTenant, {
      name,
      etag: changed.etag,
      validateOnly: false,
    });
    expect((await world.ask('ada', Tenants.getTenant, { name, minRevision: 0 })).error?.code).toBe(
      NOT_FOUND,
    );
  });

  test.each<[Person, string, number | undefined]>([
    ['ada', 'tenants/energy', undefined],
    ['ada', 'tenants/health', NOT_FOUND],
    ['ada', '', PERMISSION_DENIED],
    ['anna', 'tenants/energy', PERMISSION_DENIED],
    ['hana', 'tenants/energy', NOT_FOUND],
    ['omar', '', undefined],
    ['pia', '', PERMISSION_DENIED],
  ])('%s may add one below %j: %s', async (who, parent, code) => {
    expect(
      (await world.ask(who, Tenants.createTenant, create('x', { parent }, true))).error?.code,
    ).toBe(code);
  });

  test('are listed as far as one may see', async () => {
    const names = async (who: Person) =>
      (await world.call(who, Tenants.listTenants, page)).tenants.map(({ name }) => name.slice(8));
    expect(await names('gus')).toEqual(['grid']);
    expect(await names('ada')).toEqual(['energy', 'grid']);
    expect(await names('nora')).toEqual(['energy', 'grid', 'nation']);
    expect(await names('omar')).toEqual(['energy', 'grid', 'health', 'nation']);
  });
});

describe('data centers', () => {
  const north = DataCenter.fromPartial({
    class: 1,
    region: 'north',
    location: { latitude: 60.1, longitude: 24.9 },
    labels: { tier: '3' },
    offers: ['mpi'],
    accepts: ['tenants/energy'],
  });
  const create = (id: string, words: Partial<DataCenter> = {}) => ({
    dataCenterId: id,
    dataCenter: { ...north, ...words },
    validateOnly: false,
  });

  test('are registered by provisioners and read by everybody', async () => {
    const made = await world.call('pia', DataCenters.createDataCenter, create('north-1'));
    expect(made).toMatchObject({
      name: 'dataCenters/north-1',
      state: DataCenterState.REGISTERED,
      reachable: false,
      lease: { seconds: 600, nanos: 0 },
      clearance: 1,
      accepts: ['tenants/energy'],
    });
    const name = 'dataCenters/north-1';
    expect(await world.call('hana', DataCenters.getDataCenter, { name, minRevision: 0 })).toEqual(
      made,
    );
    expect((await world.ask('ada', DataCenters.createDataCenter, create('x'))).error?.code).toBe(
      PERMISSION_DENIED,
    );
    expect(
      (await world.ask('pia', DataCenters.createDataCenter, create('north-1'))).error?.code,
    ).toBe(ALREADY_EXISTS);
    const missing = await world.ask('anna', DataCenters.getDataCenter, {
      name: 'dataCenters/x',
      minRevision: 0,
    });
    expect([missing.error?.code, detailsOf(missing.error).reason]).toEqual([
      NOT_FOUND,
      'DATA_CENTER_NOT_FOUND',
    ]);
  });

  test('are told every wrong field at once', async () => {
    const wrong = create('Up North', {
      class: 0,
      region: 'North',
      location: { latitude: 91, longitude: Number.NaN },
      offers: ['a b'],
      accepts: ['energy'],
      lease: { seconds: 1, nanos: 0 },
    });
    const { error } = await world.ask('pia', DataCenters.createDataCenter, wrong);
    expect(detailsOf(error).violations.map(([field]) => field)).toEqual([
      'data_center_id',
      'data_center.class',
      'data_center.region',
      'data_center.location.latitude',
      'data_center.location.longitude',
      'data_center.offers[0]',
      'data_center.lease',
      'data_center.accepts[0]',
    ]);
  });

  test('change in the fields that the mask names, and in no others', async () => {
    const update = (words: Partial<DataCenter>, updateMask: string[]) => ({
      dataCenter: DataCenter.fromPartial({ name: 'dataCenters/north-1', ...words }),
      updateMask,
      validateOnly: false,
    });
    const request = update(
      { displayName: 'North', region: 'elsewhere', lease: { seconds: 60, nanos: 0 } },
      ['display_name', 'lease'],
    );
    const changed = await world.call('pia', DataCenters.updateDataCenter, request);
    expect(changed).toMatchObject({
      displayName: 'North',
      region: 'north',
      lease: { seconds: 60 },
      labels: { tier: '3' },
    });
    const unknown = await world.ask('pia', DataCenters.updateDataCenter, update({}, ['state']));
    expect(detailsOf(unknown.error).violations[0]?.[0]).toBe('update_mask');
    const empty = await world.ask(
      'pia',
      DataCenters.updateDataCenter,
      update({ displayName: 'X' }, []),
    );
    expect(detailsOf(empty.error).violations.map(([field]) => field)).toEqual([
      'data_center.class',
      'data_center.region',
    ]);
    const stale = { ...update({ displayName: 'X', etag: '1' }, ['display_name']) };
    expect((await world.ask('pia', DataCenters.updateDataCenter, stale)).error?.code).toBe(ABORTED);
  });

  test('are cordoned and drained by operators; who sends back what the executor offers declares nothing', async () => {
    const name = 'dataCenters/north-1';
    const agent = await world.agent('north-1', [2]);
    const read = await world.call('pia', DataCenters.getDataCenter, { name, minRevision: 0 });
    expect(read).toMatchObject({
      reachable: true,
      nodeCount: 1,
      executor: 'simulated',
      offers: ['mpi', 'image'],
    });
    await world.call('pia', DataCenters.updateDataCenter, {
      dataCenter: { ...read, etag: '' },
      updateMask: [],
      validateOnly: false,
    });
    expect(world.parts.loop.state.dataCenters.get('north-1')?.entity.offers).toEqual(['mpi']);
    const request = { name, validateOnly: false };
    expect((await world.ask('pia', DataCenters.cordonDataCenter, request)).error?.code).toBe(
      PERMISSION_DENIED,
    );
    expect((await world.call('omar', DataCenters.cordonDataCenter, request)).state).toBe(
      DataCenterState.CORDONED,
    );
    expect((await world.call('omar', DataCenters.uncordonDataCenter, request)).state).toBe(
      DataCenterState.ACTIVE,
    );
    const checked = await world.call('omar', DataCenters.drainDataCenter, {
      name,
      validateOnly: true,
    });
    expect(checked).toMatchObject({
      movedRuns: 0,
      waitingRuns: 0,
      dataCenter: { state: DataCenterState.ACTIVE },
    });
    agent.stream.end();
  });

  test('are listed by name, page by page', async () => {
    for (const id of ['b', 'a', 'c']) await world.putDataCenter(id);
    const first = await world.call('gus', DataCenters.listDataCenters, { ...page, pageSize: 2 });
    expect(first.dataCenters.map(({ name }) => name)).toEqual(['dataCenters/a', 'dataCenters/b']);
    const rest = await world.call('gus', DataCenters.listDataCenters, {
      ...page,
      pageToken: first.nextPageToken,
    });
    expect(rest.dataCenters.map(({ name }) => name)).toEqual([
      'dataCenters/c',
      'dataCenters/north-1',
    ]);
    expect(rest.nextPageToken).toBe('');
    const other = await world.ask('gus', Links.listLinks, {
      ...page,
      pageToken: first.nextPageToken,
    });
    expect(detailsOf(other.error).violations[0]?.[0]).toBe('page_token');
  });
});

describe('links', () => {
  const link = Link.fromPartial({
    source: 'dataCenters/a',
    target: 'dataCenters/b',
    bandwidthMbps: 10_000,
  });

  test('join two data centers that are there', async () => {
    const made = await world.call('pia', Links.createLink, {
      linkId: 'a-b',
      link,
      validateOnly: false,
    });
    expect(await world.call('anna', Links.getLink, { name: 'links/a-b', minRevision: 0 })).toEqual(
      made,
    );
    const down = await world.call('pia', Links.updateLink, {
      link: { ...made, down: true },
      validateOnly: false,
    });
    expect(down.down).toBe(true);
    const nowhere = { ...link, target: 'dataCenters/nowhere' };
    expect(
      (
        await world.ask('pia', Links.createLink, {
          linkId: 'x',
          link: nowhere,
          validateOnly: false,
        })
      ).error?.code,
    ).toBe(NOT_FOUND);
    const stale = { name: 'links/a-b', etag: made.etag, validateOnly: false };
    expect((await world.ask('pia', Links.deleteLink, stale)).error?.code).toBe(ABORTED);
    await world.call('pia', Links.deleteLink, { ...stale, etag: down.etag });
    expect((await world.call('anna', Links.listLinks, page)).links).toEqual([]);
  });

  test('are told every wrong field at once', async () => {
    const wrong = { ...link, target: 'dataCenters/a', bandwidthMbps: 0 };
    const { error } = await world.ask('pia', Links.createLink, {
      linkId: '-',
      link: wrong,
      validateOnly: false,
    });
    expect(detailsOf(error).violations.map(([field]) => field)).toEqual([
      'link_id',
      'link.bandwidth_mbps',
      'link.target',
    ]);
  });
});

describe('nodes', () => {
  test('are read by everybody, in the order of their registration, and cordoned by operators', async () => {
    const [a, b] = [await world.agent('a', [1, 2, 3]), await world.agent('b', [4])];
    const found: string[] = [];
    let pageToken = '';
    do {
      const next = await world.call('gus', Nodes.listNodes, {
        ...page,
        parent: 'dataCenters/-',
        pageSize: 2,
        pageToken,
      });
      found.push(...next.nodes.map(({ name }) => name));
      pageToken = next.nextPageToken;
    } while (pageToken !== '');
    const own = found.filter((name) => /\/(a|b)\//.test(name));
    expect(own).toEqual([
      'dataCenters/b/nodes/n0',
      'dataCenters/a/nodes/n0',
      'dataCenters/a/nodes/n1',
      'dataCenters/a/nodes/n2',
    ]);
    const name = 'dataCenters/a/nodes/n1';
    const checked = await world.call('omar', Nodes.cordonNode, { name, validateOnly: true });
    expect([
      checked.cordoned,
      (await world.call('anna', Nodes.getNode, { name, minRevision: 0 })).cordoned,
    ]).toEqual([true, false]);
    expect(
      (await world.call('omar', Nodes.cordonNode, { name, validateOnly: false })).cordoned,
    ).toBe(true);
    expect(
      (await world.ask('pia', Nodes.uncordonNode, { name, validateOnly: false })).error?.code,
    ).toBe(PERMISSION_DENIED);
    const nowhere = await world.ask('anna', Nodes.listNodes, {
      ...page,
      parent: 'dataCenters/nowhere',
    });
    expect(nowhere.error?.code).toBe(NOT_FOUND);
    a.stream.end();
    b.stream.end();
  });

  test('are drained by operators, who are told before what will happen', async () => {
    await world.putDataCenter('drained');
    const agent = await world.agent('drained', [4, 4]);
    // All of the quota is used: what a run gives up is its job's own to take again.
    const { name: energy } = await world.call('nora', Tenants.updateTenant, {
      tenant: { ...(await tenantOf('energy')), quota: Resources.fromPartial({ cpuMillis: 8000 }) },
      validateOnly: false,
    });
    const spec = { constraints: Constraints.fromPartial({ dataCenters: ['drained'] }) };
    const place = async (submission: JobSubmission) => {
      const request = SubmitJobRequest.create({ parent: energy, job: submission });
      const { uid } = await world.call('anna', Jobs.submitJob, request);
      const { runs } = await agent.next('assignments');
      const [run] = runs;
      agent.report({ jobUid: uid, index: 0, epoch: 1 }, RunState.RUNNING);
      await agent.next('acknowledged');
      return run?.allocations.map(({ node }) => node);
    };
    const gang = job('gang', { cpus: 3, group: { replicas: 2 }, spec });
    expect(await place(gang)).toEqual(['n0', 'n1']);
    expect(await place(job('first', { spec }))).toEqual(['n0']);
    expect(await place(job('second', { spec }))).toEqual(['n1']);

    const name = 'dataCenters/drained/nodes/n0';
    const drain = (validateOnly: boolean) =>
      world.call('omar', Nodes.drainNode, { name, validateOnly });
    const expected = { node: { name, cordoned: true }, movedRuns: 2, waitingRuns: 1 };
    expect(await drain(true)).toMatchObject(expected);
    expect(await world.call('anna', Nodes.getNode, { name, minRevision: 0 })).toMatchObject({
      cordoned: false,
    });
    expect(await drain(false)).toMatchObject(expected);
    const stopped = [await agent.next('stops')].flatMap(({ runs }) => runs);
    expect(stopped).toHaveLength(2);
    expect(await drain(false)).toMatchObject({ ...expected, movedRuns: 0, waitingRuns: 0 });

    const request = { name, validateOnly: true };
    expect((await world.ask('pia', Nodes.drainNode, request)).error?.code).toBe(PERMISSION_DENIED);
    const nowhere = { name: 'dataCenters/drained/nodes/n9', validateOnly: true };
    expect(detailsOf((await world.ask('omar', Nodes.drainNode, nowhere)).error).reason).toBe(
      'NODE_NOT_FOUND',
    );
    agent.stream.end();
  });
});

const tenantOf = (id: string) =>
  world.call('nora', Tenants.getTenant, { name: `tenants/${id}`, minRevision: 0 });
