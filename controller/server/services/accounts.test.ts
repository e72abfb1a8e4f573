// Usage, audit, runs, the federation and its backup.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuditServiceService as Audit, type AuditEntry } from '#gen/isobar/v1/audit.ts';
import {
  FederationServiceService as Federation,
  type BackupResponse,
} from '#gen/isobar/v1/federation.ts';
import { JobServiceService as Jobs, JobState, SubmitJobRequest } from '#gen/isobar/v1/job.ts';
import { RunServiceService as Runs, RunState } from '#gen/isobar/v1/run.ts';
import { QueryUsageRequest, UsageServiceService as Usage } from '#gen/isobar/v1/usage.ts';
import { controllerOnDisk } from '#simulation/controller.ts';
import { realClock } from '../testbed.ts';
import { job, World, type Person } from './testing.ts';
import { detailsOf } from './testing-details.ts';

const { NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION } = status;

let directory: string;
let world: World;
let agent: Awaited<ReturnType<World['agent']>>;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'isobar-services-'));
  const parts = await controllerOnDisk(realClock, directory);
  world = await World.open(parts, { scratchDir: join(directory, 'scratch') });
  await world.putDataCenter('north-1');
  agent = await world.agent('north-1', [8]);
});
afterAll(async () => {
  agent.stream.end();
  await world.close();
  rmSync(directory, { recursive: true });
});

/** Submits a job that is placed and running. */
async function run(who: Person, tenant: string, id: string) {
  const request = SubmitJobRequest.create({ parent: `tenants/${tenant}`, job: job(id) });
  const { uid } = await world.call(who, Jobs.submitJob, request);
  await agent.next('assignments');
  const key = { jobUid: uid, index: 0, epoch: 1 };
  agent.report(key, RunState.RUNNING, { runMillis: 1 });
  await agent.next('acknowledged');
  return key;
}

const page = { pageSize: 0, pageToken: '', minRevision: 0 };

describe('runs and usage', () => {
  test('live runs are listed by job, as far as one may see, and count until now', async () => {
    await run('anna', 'energy', 'u1');
    await run('gus', 'grid', 'u2');
    await run('hana', 'health', 'u3');
    const names = async (who: Person, parent: string) => {
      const { runs } = await world.call(who, Runs.listRuns, {
        ...page,
        parent,
        dataCenter: 'north-1',
      });
      return runs.map(({ name }) => name);
    };
    expect(await names('ada', 'tenants/-')).toEqual([
      'tenants/energy/jobs/u1/runs/0-1',
      'tenants/grid/jobs/u2/runs/0-1',
    ]);
    expect(await names('hana', 'tenants/-')).toEqual(['tenants/health/jobs/u3/runs/0-1']);
    expect(await names('gus', 'tenants/grid')).toEqual(['tenants/grid/jobs/u2/runs/0-1']);
    expect(
      (await world.ask('gus', Runs.listRuns, { ...page, parent: 'tenants/energy', dataCenter: '' }))
        .error?.code,
    ).toBe(NOT_FOUND);
    const first = await world.call('omar', Runs.listRuns, {
      ...page,
      parent: 'tenants/-',
      dataCenter: '',
      pageSize: 2,
    });
    const rest = await world.call('omar', Runs.listRuns, {
      ...page,
      parent: 'tenants/-',
      dataCenter: '',
      pageToken: first.nextPageToken,
    });
    expect([...first.runs, ...rest.runs].map(({ name }) => name.split('/')[3])).toEqual([
      'u1',
      'u2',
      'u3',
    ]);
  });

  test('a run is forgotten by operators only, and never while its data center is there', async () => {
    const name = 'tenants/energy/jobs/u1/runs/0-1';
    const code = async (who: Person) =>
      (await world.ask(who, Runs.forgetRun, { name, validateOnly: false })).error?.code;
    expect([await code('ada'), await code('hana'), await code('omar')]).toEqual([
      PERMISSION_DENIED,
      NOT_FOUND,
      FAILED_PRECONDITION,
    ]);
  });

  test('usage is of the subtree, and does not jump when a run ends', async () => {
    const query = QueryUsageRequest.create({ parent: 'tenants/energy' });
    const reservedOf = async (tenant: string) => {
      const { rows } = await world.call('alma', Usage.queryUsage, query);
      const row = rows.find((one) => one.tenant === `tenants/${tenant}`);
      return { millis: row?.reserved?.cpuMilliSeconds ?? 0, runs: row?.runs };
    };
    // A job of one CPU holds 1000 millis for each second.
    await expect
      .poll(async () => (await reservedOf('energy')).millis, { timeout: 5000 })
      .toBeGreaterThanOrEqual(1000);
    const before = await reservedOf('energy');
    expect(before.runs).toBe(0);
    const uid = (
      await world.call('anna', Jobs.getJob, { name: 'tenants/energy/jobs/u1', minRevision: 0 })
    ).uid;
    agent.report({ jobUid: uid, index: 0, epoch: 1 }, RunState.SUCCEEDED, { runMillis: 1 });
    await agent.next('acknowledged');
    const after = await reservedOf('energy');
    expect(after.runs).toBe(1);
    expect(after.millis - before.millis).toBeGreaterThanOrEqual(0);
    expect(after.millis - before.millis).toBeLessThan(3000);
    const { rows } = await world.call('alma', Usage.queryUsage, { ...query, hourly: true });
    expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(
      new Set(['tenants/energy', 'tenants/grid']),
    );
    expect((await world.ask('anna', Usage.queryUsage, query)).error?.code).toBe(PERMISSION_DENIED);
    expect((await world.ask('hana', Usage.queryUsage, query)).error?.code).toBe(NOT_FOUND);
    const all = await world.call('fay', Usage.queryUsage, { ...query, parent: 'tenants/-' });
    expect(all.rows.map(({ tenant }) => tenant)).toContain('tenants/health');
    const backwards = { ...query, startTime: new Date(5e12), endTime: new Date(4e12) };
    expect(
      detailsOf((await world.ask('alma', Usage.queryUsage, backwards)).error).violations[0]?.[0],
    ).toBe('end_time');
  });
});

describe('the audit', () => {
  test('has one entry for each change, told to those who may account for the tenant', async () => {
    const list = (who: Person, parent: string, words: object = {}) =>
      world.ask(who, Audit.listAudit, { ...page, parent, peopleOnly: true, ...words });
    const { response } = await list('alma', 'tenants/energy');
    const entry = response?.entries.findLast(
      ({ resource }) => resource === 'tenants/energy/jobs/u1',
    );
    expect(entry).toMatchObject({
      method: 'isobar.v1.JobService/SubmitJob',
      actor: 'spiffe://isobar.internal/tenant/energy/user/anna',
      tenant: 'energy',
      eventCount: 2,
    });
    expect(entry?.requestId).toMatch(/^[0-9a-f]{16}$/);
    expect(entry?.hash).toHaveLength(32);
    expect(
      (await list('alma', 'tenants/-')).response?.entries.every(({ tenant }) =>
        ['energy', 'grid'].includes(tenant),
      ),
    ).toBe(true);
    expect((await list('anna', 'tenants/energy')).error?.code).toBe(PERMISSION_DENIED);
    expect((await list('hana', 'tenants/energy')).error?.code).toBe(NOT_FOUND);
    const first = await list('omar', 'tenants/-', { pageSize: 3, peopleOnly: false });
    const second = await list('omar', 'tenants/-', {
      pageSize: 3,
      peopleOnly: false,
      pageToken: first.response?.nextPageToken,
    });
    const revisions = [...(first.response?.entries ?? []), ...(second.response?.entries ?? [])].map(
      ({ revision }) => revision,
    );
    expect(revisions).toEqual(Array.from({ length: 6 }, (_, i) => (revisions[0] ?? 0) - i));
  });

  test('is exported whole and in order, and verified', async () => {
    const through = world.parts.loop.gate.durable;
    const entries: AuditEntry[] = await (
      await world.openStream('fay', Audit.exportAudit, { fromRevision: 2 })
    ).toArray();
    const revisions = entries.map(({ revision }) => revision);
    expect(revisions).toEqual(Array.from({ length: revisions.length }, (_, i) => i + 3));
    expect(revisions.at(-1)).toBeGreaterThanOrEqual(through);
    const verdict = await world.call('omar', Audit.verifyAudit, {});
    expect(verdict).toMatchObject({ intact: true, firstBadRevision: 0 });
    expect(verdict.entries).toBeGreaterThanOrEqual(through);
    expect((await world.ask('ada', Audit.verifyAudit, {})).error?.code).toBe(PERMISSION_DENIED);
  });
});

describe('the federation', () => {
  test('is on one page for everybody', async () => {
    const found = await world.call('hana', Federation.getFederation, { minRevision: 0 });
    expect(found).toMatchObject({
      id: 'f1',
      incarnation: 1,
      version: '1.2.3',
      dataCenters: 1,
      reachableDataCenters: 1,
      capacity: { cpuMillis: 8000 },
      allocated: { cpuMillis: 2000 },
      runningJobs: 2,
      conditions: [],
    });
    expect(found.revision).toBeGreaterThan(0);
  });

  test('is backed up as one file that holds it, and leaves nothing behind', async () => {
    const pieces: BackupResponse[] = await (
      await world.openStream('omar', Federation.backup, {})
    ).toArray();
    const file = join(directory, 'restored.db');
    writeFileSync(file, Buffer.concat(pieces.map(({ data }) => data)));
    const database = new DatabaseSync(file, { readOnly: true });
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    database.close();
    expect(pieces[0]?.revision).toBeGreaterThan(0);
    expect(pieces.slice(1).every(({ revision }) => revision === 0)).toBe(true);
    expect(readdirSync(join(directory, 'scratch'))).toEqual([]);
    const denied = await world.openStream('ada', Federation.backup, {});
    const error = await new Promise<{ code: number }>((resolve) =>
      denied.resume().on('error', resolve),
    );
    expect(error.code).toBe(PERMISSION_DENIED);
  });
});

test('an archived job is read from disk with all that it was', async () => {
  const name = 'tenants/energy/jobs/u1';
  const read = await world.call('anna', Jobs.getJob, { name, minRevision: 0 });
  expect(read).toMatchObject({
    state: JobState.SUCCEEDED,
    run: { state: RunState.SUCCEEDED },
    spec: { groups: [{ name: 'main' }] },
  });
});
