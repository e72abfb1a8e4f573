// Resources as they would be after a change that was only checked, or are after one that was made.
import { emptyDataCenter } from '#core/data-centers.ts';
import { noAmounts, type State } from '#core/state.ts';
import type { DataCenter, Link, Tenant } from '#gen/isobar/log/v1/entity.ts';
import type { DataCenter as DataCenterView } from '#gen/isobar/v1/data_center.ts';
import type { Link as LinkView } from '#gen/isobar/v1/link.ts';
import type { Tenant as TenantView } from '#gen/isobar/v1/tenant.ts';
import { toDataCenterView, toLinkView, toTenantView } from './views.ts';

/** The entity that is there keeps its time of creation and its etag. */
export function previewTenant(state: State, entity: Tenant): TenantView {
  const row = state.tenants.get(entity.id);
  if (row !== undefined)
    return toTenantView({ ...row, entity: { ...entity, createMs: row.entity.createMs } });
  const nothing = {
    parent: undefined,
    children: 0,
    queuedJobs: 0,
    runningJobs: 0,
    classes: new Map(),
  };
  const blank = { ...nothing, revision: 0, usage: noAmounts(), subtreeUsage: noAmounts() };
  return { ...toTenantView({ ...blank, entity }), etag: '' };
}

export function previewDataCenter(state: State, entity: DataCenter): DataCenterView {
  const row = state.dataCenters.get(entity.id);
  if (row !== undefined) {
    return toDataCenterView(state, {
      ...row,
      entity: { ...entity, createMs: row.entity.createMs },
    });
  }
  return { ...toDataCenterView(state, emptyDataCenter(entity, 0, 0)), etag: '' };
}

export function previewLink(state: State, entity: Link): LinkView {
  const row = state.links.get(entity.id);
  if (row !== undefined) return toLinkView({ ...row, entity });
  return { ...toLinkView({ entity, revision: 0 }), etag: '' };
}
