import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FakeHandlers } from '#client/fake-controller.ts';
import { IsobarError } from '#client/isobar-error.ts';
import { AuditEntry, DataCenter, Link, Tenant } from '#client/types.ts';
import { canned } from './canned.ts';
import { LINK, NODE, NORTH, RUN } from './fixture.ts';
import { ago, startTestbed, words } from './testbed.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-federation-'));
  writeFileSync(
    join(folder, 'federation.yaml'),
    `
kind: link
id: north-south
source: north-1
target: south-1
bandwidth_mbps: 200000
---
kind: tenant
id: health
weight: 300
quota: {cpu: 500, memory: 2Ti}
---
kind: data-center
id: island-1
class: regional
region: islands
location: {latitude: 8.6, longitude: 111.9}
accepts: [health]
lease: 2h
`,
  );
  writeFileSync(
    join(folder, 'wrong.yaml'),
    'kind: tennant\nid: x\n---\nkind: dc\nid: Y\nclass: continental\nlokation: {}\n---\nweight: 1\n',
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const writing: FakeHandlers = canned({
  createTenant: ({ tenantId, tenant }) => Tenant.create({ ...tenant, name: `tenants/${tenantId}` }),
  createDataCenter: ({ dataCenter }) => DataCenter.create({ ...dataCenter }),
  createLink: ({ link }) => Link.create({ ...link }),
  createEnrolmentToken: () => ({ token: 'isobar-1-2-3', expireTime: ago(-3600) }),
  updateTenant: ({ tenant }) => Tenant.create({ ...tenant }),
  updateDataCenter: ({ dataCenter }) => DataCenter.create({ ...dataCenter }),
  updateLink: ({ link }) => Link.create({ ...link }),
  deleteTenant: () => ({ revision: 1 }),
  deleteDataCenter: () => ({ revision: 1 }),
  deleteLink: () => ({ revision: 1 }),
});

describe('isobar create', () => {
  test('a tenant', async () => {
    await using bed = await startTestbed(writing);
    const { code, out } = await bed.run(
      ...words(
        'create tenant clinics --parent health --quota cpu=1.5,memory=2Ti,gpus=4 --clearance secret --dry-run',
      ),
    );
    expect({ code, out }).toEqual({ code: 0, out: 'tenant clinics would be created\n' });
    expect(bed.fake.requests[0]?.request).toMatchObject({
      tenantId: 'clinics',
      validateOnly: true,
      tenant: {
        parent: 'tenants/health',
        clearance: 4,
        quota: { cpuMillis: 1500, memoryMib: 2 * 1024 * 1024, deviceThousandths: 4000 },
      },
    });
  });

  test('a data center, with what to do next', async () => {
    await using bed = await startTestbed(writing);
    const { code, out, err } = await bed.run(
      ...words(
        'create dc west-1 --class agency --region west --location 52.5,13.4 --owner health --lease 5m --price 0.02',
      ),
    );
    expect({ code, out, err }).toEqual({
      code: 0,
      out: 'data-center west-1 created\n',
      err: 'next: isobar create token west-1 makes the token for its agent\n',
    });
    expect(bed.fake.requests[0]?.request).toMatchObject({
      dataCenterId: 'west-1',
      dataCenter: {
        class: 3,
        region: 'west',
        location: { latitude: 52.5, longitude: 13.4 },
        owner: 'tenants/health',
        lease: { seconds: 300 },
        priceMicrosPerCpuHour: 20_000,
      },
    });
  });

  test('a link', async () => {
    await using bed = await startTestbed(writing);
    const line = 'create link a-b --source a --target b --bandwidth-mbps 1000 --latency-micros 300';
    expect((await bed.run(...words(line))).out).toBe('link a-b created\n');
    expect(bed.fake.requests[0]?.request).toMatchObject({
      linkId: 'a-b',
      link: { source: 'dataCenters/a', target: 'dataCenters/b', bandwidthMbps: 1000 },
    });
  });

  test('a token: alone on standard output', async () => {
    await using bed = await startTestbed(writing);
    const { out, err } = await bed.run('create', 'token', 'west-1');
    expect(out).toBe('isobar-1-2-3\n');
    expect(err).toContain('works once, until 2026-11-21 13:00:00 UTC');
  });

  test.each([
    ['create tenant X', 'X: "X" is no id'],
    [
      'create dc a --class big --region r',
      '--class: expected one of national, regional, agency, found big',
    ],
    ['create tenant a --quota cpu=lots', '--quota cpu: expected a number of CPUs'],
    ['create dc a --region r', "required option '--class <class>' not specified"],
    ['create tennant a', 'unknown kind tennant; did you mean tenant?'],
    ['create', 'no file'],
  ])('isobar %s is refused', async (line, message) => {
    await using bed = await startTestbed(writing);
    const { code, err } = await bed.run(...words(line));
    expect(err).toContain(message);
    expect(code).toBe(64);
    expect(bed.fake.requests).toEqual([]);
  });
});

describe('isobar apply and diff', () => {
  test('diff shows what would change, field by field', async () => {
    await using bed = await startTestbed(writing);
    expect(await bed.runWith({ cwd: folder }, 'diff', '-f', 'federation.yaml'))
      .toMatchInlineSnapshot(`
      {
        "code": 1,
        "err": "",
        "out": "~ tenant health
        - weight: 200
        + weight: 300
      + data-center island-1
        + class: DATA_CENTER_CLASS_REGIONAL
        + region: islands
        + location: {"latitude":8.6,"longitude":111.9}
        + accepts: ["tenants/health"]
        + lease: 7200s
      ~ link north-south
        - bandwidth_mbps: 100000
        + bandwidth_mbps: 200000
      ",
      }
    `);
  });

  test('apply creates what is missing and changes what differs, in an order that works', async () => {
    await using bed = await startTestbed(writing);
    const { code, out } = await bed.runWith({ cwd: folder }, 'apply', '-f', 'federation.yaml');
    expect({ code, out }).toEqual({
      code: 0,
      out: 'tenant health changed\ndata-center island-1 created\nlink north-south changed\n',
    });
    const update = bed.fake.requests.find(({ method }) => method === 'updateTenant');
    // What the file does not name stays, and the etag keeps somebody else's change.
    expect(update?.request).toMatchObject({
      tenant: { weight: 300, displayName: 'Ministry of Health', etag: 'h1' },
      validateOnly: false,
    });
  });

  test('what get prints can be applied, and changes nothing', async () => {
    await using bed = await startTestbed(writing);
    for (const kind of ['dc', 'te', 'ln']) {
      const { out: stdin } = await bed.run('get', kind, '-o', 'yaml');
      const applied = await bed.runWith({ stdin }, 'apply', '-f', '-');
      expect(applied.err).toBe('');
      expect(applied.out).toMatch(/^([\w-]+ [\w-]+ unchanged\n)+$/);
      expect((await bed.runWith({ stdin }, 'diff', '-f', '-')).code).toBe(0);
    }
  });

  test('names the changed fields of a data center', async () => {
    await using bed = await startTestbed(writing);
    await bed.runWith(
      { stdin: '{kind: dc, id: north-1, region: far-north}' },
      'apply',
      '-f',
      '-',
      '--dry-run',
    );
    expect(bed.fake.requests.at(-1)).toMatchObject({
      method: 'updateDataCenter',
      request: {
        updateMask: ['region'],
        validateOnly: true,
        dataCenter: { name: NORTH.name, etag: 'e1' },
      },
    });
  });

  test('one that is refused does not stop the others', async () => {
    await using bed = await startTestbed({
      ...writing,
      updateTenant: () => {
        throw new IsobarError('somebody changed it', { code: 'ABORTED', reason: 'ETAG_MISMATCH' });
      },
    });
    expect(await bed.runWith({ cwd: folder }, 'apply', '-f', 'federation.yaml')).toEqual({
      code: 2,
      out: 'data-center island-1 created\nlink north-south changed\n',
      err: 'tenant health refused: somebody changed it\n',
    });
  });

  test('tell everything that is wrong in a file', async () => {
    await using bed = await startTestbed(writing);
    expect(await bed.runWith({ cwd: folder }, 'apply', '-f', 'wrong.yaml')).toMatchInlineSnapshot(`
      {
        "code": 65,
        "err": "error: wrong.yaml is not well formed: 5 things are wrong
        wrong.yaml:1:7: kind: expected tenant, data-center or link, found tennant; did you mean tenant?
        wrong.yaml:5:5: id: "Y" is no id: 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end
        wrong.yaml:6:8: class: expected one of national, regional, agency, found continental
        wrong.yaml:7:1: unknown key lokation; did you mean location?
        wrong.yaml:9:1: kind is missing: tenant, data-center or link; jobs are submitted instead: isobar submit -f
      ",
        "out": "",
      }
    `);
  });
});

describe('isobar delete', () => {
  test('by kind and name', async () => {
    await using bed = await startTestbed(writing);
    expect((await bed.run(...words('delete ln north-south'))).out).toBe(
      'link north-south deleted\n',
    );
    expect(bed.fake.requests).toMatchObject([
      { method: 'deleteLink', request: { name: LINK.name } },
    ]);
  });
  test('what a file names, dependents first', async () => {
    await using bed = await startTestbed(writing);
    const { out } = await bed.runWith(
      { cwd: folder },
      ...words('delete -f federation.yaml --dry-run'),
    );
    expect(out).toBe(
      'link north-south would be deleted\ndata-center island-1 would be deleted\ntenant health would be deleted\n',
    );
  });
  test('of jobs is not for this verb', async () => {
    await using bed = await startTestbed(writing);
    const { code, err } = await bed.run(...words('delete job x'));
    expect({ code, err }).toEqual({
      code: 64,
      err: 'error: jobs cannot be used here; expected data-centers (dc), tenants (te), links (ln)\n',
    });
  });
});

describe('isobar cordon, uncordon, drain', () => {
  const cordoning: FakeHandlers = {
    cordonDataCenter: () => NORTH,
    uncordonDataCenter: () => NORTH,
    cordonNode: () => NODE,
    uncordonNode: () => NODE,
    drainDataCenter: () => ({ dataCenter: NORTH, movedRuns: 12, waitingRuns: 3 }),
    drainNode: () => ({ node: NODE, movedRuns: 1, waitingRuns: 0 }),
  };
  test.each([
    ['cordon north-1', 'cordonDataCenter', 'data-center north-1 cordoned\n'],
    ['uncordon dc north-1', 'uncordonDataCenter', 'data-center north-1 uncordoned\n'],
    ['cordon north-1/n01', 'cordonNode', 'node north-1/n01 cordoned\n'],
    [
      'uncordon dataCenters/north-1/nodes/n01 --dry-run',
      'uncordonNode',
      'node dataCenters/north-1/nodes/n01 would be uncordoned\n',
    ],
    [
      'cordon dataCenters/north-1',
      'cordonDataCenter',
      'data-center dataCenters/north-1 cordoned\n',
    ],
  ])('%s', async (line, method, out) => {
    await using bed = await startTestbed(cordoning);
    expect(await bed.run(...words(line))).toEqual({ code: 0, out, err: '' });
    const name = method.endsWith('Node') ? NODE.name : NORTH.name;
    expect(bed.fake.requests).toMatchObject([{ method, request: { name } }]);
  });

  test.each([
    ['drain north-1/n01', false, 'node north-1/n01 drains\n1 run moves elsewhere\n'],
    ['drain --dry-run node north-1/n01', true, '1 run would move elsewhere\n'],
    [
      'drain dataCenters/north-1/nodes/n01',
      false,
      'node dataCenters/north-1/nodes/n01 drains\n1 run moves elsewhere\n',
    ],
  ])('%s', async (line, validateOnly, out) => {
    await using bed = await startTestbed(cordoning);
    expect(await bed.run(...words(line))).toEqual({ code: 0, out, err: '' });
    expect(bed.fake.requests).toMatchObject([
      { method: 'drainNode', request: { name: NODE.name, validateOnly } },
    ]);
  });

  test.each([
    ['drain node north-1', 'north-1 is no node'],
    ['cordon nodes north-1/n01 north-1', 'north-1 is no node'],
    ['drain dc north-1/n01', 'north-1/n01 is no data-center'],
    ['drain node', 'which node?'],
  ])('%s touches nothing', async (line, message) => {
    await using bed = await startTestbed(cordoning);
    const { code, err } = await bed.run(...words(line));
    expect({ code, err }).toEqual({ code: 64, err: expect.stringContaining(message) });
    expect(bed.fake.requests).toEqual([]);
  });

  test('drain tells what it does, and what a dry run would do', async () => {
    await using bed = await startTestbed(cordoning);
    expect((await bed.run('drain', 'north-1')).out).toMatchInlineSnapshot(`
      "data-center north-1 drains
      12 runs move elsewhere
      of these 3 wait: nothing else has room for them now
      "
    `);
    expect((await bed.run('drain', 'north-1', '--dry-run')).out).toMatchInlineSnapshot(`
      "12 runs would move elsewhere
      of these 3 would wait: nothing else has room for them now
      "
    `);
  });
});

test('isobar forget takes the short name of a run', async () => {
  await using bed = await startTestbed({ forgetRun: () => RUN });
  expect(await bed.run('forget', 'train-7/2')).toMatchInlineSnapshot(`
    {
      "code": 0,
      "err": "if it is alive after all, it works beside the new one until the agent of north-1 is back
    ",
      "out": "run tenants/health/jobs/train-7/runs/0-2 forgotten; its job may run elsewhere
    ",
    }
  `);
  expect(bed.fake.requests[0]?.request).toMatchObject({ name: RUN.name });
  expect((await bed.run('forget', 'train-7')).code).toBe(64);
});

describe('isobar usage', () => {
  test('adds up what was used', async () => {
    await using bed = await startTestbed(canned());
    expect((await bed.run(...words('usage --from 2026-11-20 --to 6h'))).out).toMatchInlineSnapshot(`
      "TENANT   DATA CENTER  RUNS  CPU h  MEMORY GiB h  GPU h  WASTED CPU h
      health   north-1        41  125.5         400.0   12.0           2.3
      clinics  south-1         2    8.0           0.0    0.0           0.0
      total    -              43  133.5         400.0   12.0           2.3
      "
    `);
    expect(bed.fake.requests[0]?.request).toMatchObject({
      parent: 'tenants/health',
      startTime: new Date('2026-11-20T00:00:00Z'),
      endTime: new Date('2026-11-21T06:00:00Z'),
    });
  });
  test('does not guess dates', async () => {
    await using bed = await startTestbed(canned());
    const { code, err } = await bed.run('usage', '--from', '20.11.2026');
    expect(code).toBe(64);
    expect(err).toContain('expected a date such as 2026-11-21');
  });
});

describe('isobar audit', () => {
  const entry = AuditEntry.create({
    revision: 700,
    time: ago(60),
    actor: 'spiffe://isobar.internal/tenant/health/user/anna',
    method: 'isobar.v1.JobService/SubmitJobs',
    resource: 'tenants/health/jobs/train-7',
    requestId: 'r-1',
    eventCount: 1,
    hash: Buffer.from([1, 2]),
  });
  const auditing: FakeHandlers = {
    listAudit: () => ({ entries: [entry], nextPageToken: '' }),
    exportAudit: () => [entry],
    verifyAudit: () => ({ entries: 700, intact: true, firstBadRevision: 0 }),
  };
  test('list', async () => {
    await using bed = await startTestbed(auditing);
    expect((await bed.run('audit', 'list', '--people')).out).toMatchInlineSnapshot(`
      "REVISION  TIME (UTC)           ACTOR                    METHOD                 RESOURCE
           700  2026-11-21 11:59:00  tenant/health/user/anna  JobService/SubmitJobs  health/train-7
      "
    `);
    expect(bed.fake.requests[0]?.request).toMatchObject({ peopleOnly: true, pageSize: 50 });
  });
  test('export', async () => {
    await using bed = await startTestbed(auditing);
    const { out } = await bed.run('audit', 'export', '--since', '12');
    expect(JSON.parse(out)).toMatchObject({ revision: 700, request_id: 'r-1', hash: 'AQI=' });
    expect(bed.fake.requests[0]?.request).toMatchObject({ fromRevision: 12 });
  });
  test('verify exits with 1 when the chain is broken', async () => {
    await using good = await startTestbed(auditing);
    expect(await good.run('audit', 'verify')).toMatchObject({ code: 0 });
    await using bad = await startTestbed({
      verifyAudit: () => ({ entries: 699, intact: false, firstBadRevision: 650 }),
    });
    expect(await bad.run('audit', 'verify')).toEqual({
      code: 1,
      out: 'broken at revision 650, after 699 entries\n',
      err: '',
    });
  });
});

describe('isobar backup', () => {
  const pieces = [
    { revision: 905, data: Buffer.from('one') },
    { revision: 0, data: Buffer.from('two') },
  ];
  test('writes the file whole', async () => {
    await using bed = await startTestbed({ backup: () => pieces });
    expect(await bed.runWith({ cwd: folder }, 'backup', 'b')).toEqual({
      code: 0,
      out: '',
      err: '6 B as of revision 905 in b\n',
    });
    expect(readFileSync(join(folder, 'b'), 'utf8')).toBe('onetwo');
  });
  test('leaves nothing when it breaks off', async () => {
    await using bed = await startTestbed({
      async *backup() {
        yield* pieces;
        throw new IsobarError('the disk is gone', { code: 'UNAVAILABLE', reason: 'LOG_FAILED' });
      },
    });
    const { code } = await bed.runWith({ cwd: folder }, 'backup', 'half');
    expect(code).toBe(69);
    expect(existsSync(join(folder, 'half')) || existsSync(join(folder, 'half.part'))).toBe(false);
  });
  test('says when the file cannot be written', async () => {
    await using bed = await startTestbed({ backup: () => pieces });
    expect(await bed.runWith({ cwd: folder }, 'backup', 'no/where')).toMatchObject({ code: 66 });
  });
});
