// Tenants as callers write them.
import type { Wrong } from '#domain/refusal.ts';
import { MAX_DISPLAY_NAME, checkLine, checkRange, idsOf } from './fields.ts';
import { ID_RULE, isId } from '#domain/names.ts';
import type { Tenant as TenantEntity } from '#gen/isobar/log/v1/entity.ts';
import { Tenant as TenantView } from '#gen/isobar/v1/tenant.ts';
import { CLEARANCES } from './words.ts';

const DEFAULT_WEIGHT = 100;
const MAX_WEIGHT = 1_000_000;
const DEFAULT_QUEUED_JOBS = 1_000_000;
const MAX_QUEUED_JOBS = 10_000_000;
const PUBLIC = 1;

/** With its defaults; `create` time is the core's. Paths begin at the request. */
export function toTenantEntity(
  id: string,
  given: TenantView | undefined,
  wrong: Wrong,
): TenantEntity {
  const tenant = given ?? TenantView.create();
  const parent = tenant.parent === '' ? '' : parentOf(tenant.parent, wrong);
  checkLine(tenant.displayName, 'tenant.display_name', MAX_DISPLAY_NAME, wrong);
  checkRange(tenant.weight, 'tenant.weight', 0, MAX_WEIGHT, wrong);
  checkRange(tenant.maxQueuedJobs, 'tenant.max_queued_jobs', 0, MAX_QUEUED_JOBS, wrong);
  if (tenant.homeRegion !== '' && !isId(tenant.homeRegion)) {
    wrong('tenant.home_region', `must be a region, ${ID_RULE}, or empty for none`);
  }
  const clearance = tenant.clearance === 0 ? PUBLIC : tenant.clearance;
  const defaultClassification =
    tenant.defaultClassification === 0 ? PUBLIC : tenant.defaultClassification;
  checkRange(clearance, 'tenant.clearance', 1, CLEARANCES.length, wrong);
  checkRange(defaultClassification, 'tenant.default_classification', 1, CLEARANCES.length, wrong);
  if (defaultClassification > clearance) {
    const is = CLEARANCES[clearance - 1] ?? '';
    wrong(
      'tenant.default_classification',
      `is above the clearance, which is ${is}; raise the clearance or lower this`,
    );
  }
  return {
    id,
    displayName: tenant.displayName,
    parent,
    weight: tenant.weight === 0 ? DEFAULT_WEIGHT : tenant.weight,
    homeRegion: tenant.homeRegion,
    defaultClassification,
    clearance,
    quota: quotaOf(tenant.quota, wrong),
    maxQueuedJobs: tenant.maxQueuedJobs === 0 ? DEFAULT_QUEUED_JOBS : tenant.maxQueuedJobs,
    createMs: 0,
  };
}

function parentOf(name: string, wrong: Wrong): string {
  const [parent = ''] = idsOf('tenants/*', name, 'tenant.parent', wrong) ?? [];
  if (parent !== '' && !isId(parent)) wrong('tenant.parent', `must name a tenant: ${ID_RULE}`);
  return parent;
}

function quotaOf(quota: TenantView['quota'], wrong: Wrong): TenantEntity['quota'] {
  if (quota === undefined) return undefined;
  if (Object.keys(quota.extra).length > 0) {
    wrong('tenant.quota.extra', 'is not limited by quotas; leave it out');
  }
  if (quota.devices.length > 0) {
    wrong('tenant.quota.devices', 'asks for devices; limit them by device_thousandths');
  }
  const { cpuMillis, memoryMib, storageMib, deviceThousandths } = quota;
  return { cpuMillis, memoryMib, storageMib, deviceThousandths, extra: {} };
}
