// Jobs for benchmarks: submitted to the loop as the edge would, many of one class.
import { createHash } from 'node:crypto';
import { classKeyOf } from '#core/class-key.ts';
import type { SubmitItem } from '#core/command.ts';
import { JobSpec } from '#gen/isobar/v1/job.ts';
import { ask } from '#loop/ask.ts';
import type { Loop } from '#loop/loop.ts';

const BATCH = 1000;
/** Batches under way at once. */
const UNDER_WAY = 8;
export const WHO = { actor: 'bench', method: 'bench', requestId: '' };

export async function foundBench(loop: Loop): Promise<void> {
  await ask(loop, { kind: 'foundFederation', federation: 'bench', incarnation: 1 }, WHO);
  await ask(loop, { kind: 'putTenant', mode: 'create', etag: undefined, entity: tenant() }, WHO);
}

/** Answers how long it took, in milliseconds, until all of it was durable. */
export async function submitAll(
  loop: Loop,
  prefix: string,
  jobs: number,
  shape: Shape,
): Promise<number> {
  const began = performance.now();
  const underWay: Promise<unknown>[] = [];
  for (let at = 0; at < jobs; at += BATCH) {
    const items = Array.from({ length: Math.min(BATCH, jobs - at) }, (_, i) =>
      item(`${prefix}-${at + i}`, shape),
    );
    underWay.push(
      ask(loop, { kind: 'submitJobs', tenant: 't', user: 'u', items, allOrNothing: false }, WHO),
    );
    if (underWay.length >= UNDER_WAY) await underWay.shift();
  }
  await Promise.all(underWay);
  return performance.now() - began;
}

const spec = JobSpec.encode(
  JobSpec.fromPartial({
    groups: [
      {
        name: 'main',
        command: ['/bin/true'],
        resources: { cpuMillis: 100, memoryMib: 64 },
        replicas: 1,
      },
    ],
    jobSet: 'set',
    labels: { purpose: 'bench' },
  }),
).finish();
const digest = new Uint8Array(createHash('sha256').update(spec).digest().subarray(0, 16));
export type Shape = { readonly jobClass: SubmitItem['jobClass']; readonly classKey: string };

const EASY: SubmitItem['jobClass'] = {
  priority: 0,
  groups: [],
  dataCenters: [],
  notDataCenters: [],
  regions: [],
  classes: [],
  offers: [],
  dataCenterLabels: {},
  nodeLabels: {},
  nodeRoles: [],
  classification: 1,
  unreachable: 1,
  maxAttempts: 1,
  retryExitCodes: [],
  backoffMs: 10_000,
  maxBackoffMs: 600_000,
};

export function shapeOf(cpuMillis: number): Shape {
  const resources = { cpuMillis, memoryMib: 64, storageMib: 0, extra: {}, deviceThousandths: 0 };
  const jobClass = { ...EASY, groups: [{ replicas: 1, resources, devices: [] }] };
  return { jobClass, classKey: classKeyOf(jobClass) };
}

function item(id: string, shape: Shape): SubmitItem {
  return {
    id,
    jobSet: 'set',
    ...shape,
    specDigest: digest,
    keyDigest: new Uint8Array(),
    expectedRunMs: 0,
    held: false,
    after: [],
    spec,
    labels: 'purpose=bench',
  };
}

function tenant() {
  return {
    id: 't',
    displayName: '',
    parent: '',
    weight: 100,
    homeRegion: '',
    defaultClassification: 1,
    clearance: 4,
    quota: undefined,
    maxQueuedJobs: 10_000_000,
    createMs: 0,
  };
}
