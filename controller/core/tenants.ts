// Tenants: a tree of bodies that own jobs, with quotas along the path to the root.
import { refuse } from '#domain/refusal.ts';
import type { Tenant as TenantEntity } from '#gen/isobar/log/v1/entity.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { accept, type Delete, type Outcome, type Put } from './command.ts';
import { checkEtag } from './etag.ts';
import { grew } from './room.ts';
import { isAhead, noAmounts, type State, type Tenant } from './state.ts';

const MAX_DEPTH = 16;

export function decidePutTenant(
  state: State,
  command: Put<'putTenant', TenantEntity>,
  nowMs: number,
): Outcome<undefined> {
  const { entity, mode } = command;
  const existing = state.tenants.get(entity.id);
  if (mode === 'create' && existing !== undefined) {
    return refuse(
      'ALREADY_EXISTS',
      'TENANT_EXISTS',
      `tenant ${entity.id} exists; update it instead`,
    );
  }
  if (mode === 'update' && existing === undefined) return noSuchTenant(entity.id);
  const stale = checkEtag(command.etag, existing?.revision);
  if (stale !== undefined) return stale;
  if (existing !== undefined && existing.entity.parent !== entity.parent) {
    return refuse(
      'FAILED_PRECONDITION',
      'PARENT_IS_FIXED',
      'a tenant cannot move; create it anew below the other parent',
    );
  }
  if (entity.parent !== '') {
    const parent = state.tenants.get(entity.parent);
    if (parent === undefined) return noSuchTenant(entity.parent);
    if (depthOf(parent) + 1 >= MAX_DEPTH) {
      return refuse(
        'FAILED_PRECONDITION',
        'TREE_TOO_DEEP',
        `tenants nest at most ${MAX_DEPTH} deep`,
      );
    }
  }
  const createMs = existing?.entity.createMs ?? nowMs;
  return accept([{ kind: { $case: 'tenantPut', value: { ...entity, createMs } } }], undefined);
}

export function decideDeleteTenant(
  state: State,
  command: Delete<'deleteTenant'>,
): Outcome<undefined> {
  const tenant = state.tenants.get(command.id);
  if (tenant === undefined) return noSuchTenant(command.id);
  const stale = checkEtag(command.etag, tenant.revision);
  if (stale !== undefined) return stale;
  const named = [...state.dataCenters.values()].filter(
    ({ entity }) => entity.owner === command.id || entity.accepts.includes(command.id),
  );
  const users = [...state.users.values()].filter(
    (user) => user.entity.tenant === command.id && !user.entity.revoked,
  );
  const holds = [
    [tenant.children, 'tenants below it'],
    [tenant.queuedJobs + tenant.runningJobs, 'live jobs'],
    [users.length, 'users'],
    [named.length, 'data centers that it owns or that accept it'],
  ] as const;
  for (const [count, what] of holds) {
    if (count > 0) {
      return refuse(
        'FAILED_PRECONDITION',
        'TENANT_IN_USE',
        `tenant ${command.id} has ${count} ${what}; remove them first`,
      );
    }
  }
  // A tenant that is made again with the same id is another one: it must not find the jobs of this one.
  const uids = Array.from(state.jobs.rowsOfTenant(command.id), (row) => state.jobs.uid[row]!);
  const events: Event[] = [{ kind: { $case: 'tenantDeleted', value: { id: command.id } } }];
  if (uids.length > 0) events.unshift({ kind: { $case: 'jobForgotten', value: { uids } } });
  return accept(events, undefined);
}

export function foldTenantPut(state: State, entity: TenantEntity): void {
  if (isAhead(state, 'tenant', entity.id, state.revision)) return;
  const existing = state.tenants.get(entity.id);
  if (existing === undefined) {
    addTenant(state, entity, state.revision);
    return;
  }
  existing.entity = entity;
  existing.revision = state.revision;
  // A larger quota may let jobs in that were refused anywhere.
  for (const dataCenter of state.dataCenterList)
    if (dataCenter !== undefined) grew(state, dataCenter);
}

export function addTenant(state: State, entity: TenantEntity, revision: number): Tenant {
  const parent = state.tenants.get(entity.parent);
  if (parent !== undefined) parent.children++;
  const tenant: Tenant = {
    entity,
    revision,
    parent,
    children: 0,
    usage: noAmounts(),
    subtreeUsage: noAmounts(),
    queuedJobs: 0,
    runningJobs: 0,
    classes: new Map(),
  };
  state.tenants.set(entity.id, tenant);
  return tenant;
}

export function foldTenantDeleted(state: State, id: string): void {
  const tenant = state.tenants.get(id);
  // A row that is ahead is of the tenant that was created anew.
  if (tenant === undefined || isAhead(state, 'tenant', id, state.revision)) return;
  if (tenant.parent !== undefined) tenant.parent.children--;
  state.tenants.delete(id);
  state.gone.push({ kind: 'tenant', key: id });
}

/** Whether `tenant` is `above` or below it. */
export function isWithin(tenant: Tenant | undefined, above: string): boolean {
  for (let at = tenant; at !== undefined; at = at.parent) if (at.entity.id === above) return true;
  return false;
}

export function noSuchTenant(id: string): Outcome<never> {
  return refuse('NOT_FOUND', 'TENANT_NOT_FOUND', `there is no tenant ${id}`);
}

function depthOf(tenant: Tenant): number {
  let depth = 0;
  for (let at = tenant.parent; at !== undefined; at = at.parent) depth++;
  return depth;
}
