// What the demo asks of its federation: members, a tenant with a user, and a census. Everything goes through the client, as a
// user's own program would.
import type { Isobar } from '#client/isobar.ts';
import { IsobarError } from '#client/isobar-error.ts';
import type { JobInput } from '#client/job-input.ts';
import { fileURLToPath } from 'node:url';
import { DATA_CENTERS, LINKS, TENANT, USER } from './nation.ts';

const SHARDS = 16;
const RECORDS_A_SHARD = 2_000_000;
const LEASE_SECONDS = 60;

/** Registers what is not there yet: a second start finds it all. */
export async function register(operator: Isobar): Promise<void> {
  await unlessThere(operator.tenants.create(TENANT.id, TENANT));
  for (const {
    id,
    displayName,
    region,
    latitude,
    longitude,
    priceMicrosPerCpuHour,
    class: rank,
  } of DATA_CENTERS) {
    await unlessThere(
      operator.dataCenters.create(id, {
        displayName,
        class: rank,
        region,
        location: { latitude, longitude },
        priceMicrosPerCpuHour,
        clearance: TENANT.clearance,
        lease: { seconds: LEASE_SECONDS, nanos: 0 },
      }),
    );
  }
  for (const { id, source, target, bandwidthMbps, latencyMicros } of LINKS) {
    const ends = { source: `dataCenters/${source}`, target: `dataCenters/${target}` };
    await unlessThere(operator.links.create(id, { ...ends, bandwidthMbps, latencyMicros }));
  }
}

async function unlessThere(created: Promise<unknown>): Promise<void> {
  try {
    await created;
  } catch (error) {
    if (error instanceof IsobarError && error.code === 'ALREADY_EXISTS') return;
    throw error;
  }
}

export async function inviteUser(operator: Isobar): Promise<string> {
  const { token } = await operator.users.invite(USER, ['TENANT_ADMIN'], { tenant: TENANT.id });
  return token;
}

/** One job for each shard, and one that waits for all of them. */
export function census(set: string, directory: string): readonly JobInput[] {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const program = fileURLToPath(new URL(`./census.${extension}`, import.meta.url));
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', program];
  const env = { CENSUS_DIR: directory };
  const shards = Array.from({ length: SHARDS }, (_, i): JobInput => ({
    id: `${set}-shard-${String(i + 1).padStart(2, '0')}`,
    set,
    command: [...command, 'count', String(i + 1), String(RECORDS_A_SHARD)],
    cpu: 2,
    memory: '1Gi',
    env,
    labels: { step: 'count' },
    expectedRunTime: '5s',
    maxRunTime: '10m',
    retry: { attempts: 2, backoff: '1s' },
  }));
  const total: JobInput = {
    id: `${set}-total`,
    set,
    command: [...command, 'total', String(SHARDS)],
    cpu: 1,
    memory: '512Mi',
    env,
    labels: { step: 'total' },
    after: shards.map((shard) => shard.id ?? ''),
    where: { classes: ['national'] },
    maxRunTime: '10m',
  };
  return [...shards, total];
}
