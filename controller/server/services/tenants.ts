// TenantService: the tree of those who own jobs.
import { TenantServiceService } from '#gen/isobar/v1/tenant.ts';
import { previewTenant } from '#loop/previews.ts';
import type { State } from '#loop/requests.ts';
import { toTenantView } from '#loop/views.ts';
import { FEDERATION, NOT_FOUND, ofTenant, VISIBLE } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import { checkId, etagOf, idsOf, tenantConcern } from '../convert/fields.ts';
import { pageByKey, pageOf } from '../convert/paging.ts';
import { toTenantEntity } from '../convert/tenant.ts';
import { RefusalError } from '../errors.ts';
import { unary } from './checked.ts';
import { change, readAt, type Parts } from './parts.ts';
import { seesOf } from './scope.ts';

export function tenantHandlers(parts: Parts): Handlers<TenantServiceService> {
  return {
    createTenant: unary(
      ({ tenantId, tenant, validateOnly }, wrong) => {
        checkId(tenantId, 'tenant_id', wrong);
        const entity = toTenantEntity(tenantId, tenant, wrong);
        // The right to add a tenant is one of the parent's.
        const parent = tenant?.parent ?? '';
        const concern =
          parent === '' ? FEDERATION : entity.parent === '' ? undefined : ofTenant(entity.parent);
        return { concern, parsed: { entity, validateOnly } };
      },
      async ({ entity, validateOnly }, context) => {
        const command = { kind: 'putTenant', mode: 'create', entity, etag: undefined } as const;
        const read = (state: State) => previewTenant(state, entity);
        return (await change(parts, context, command, validateOnly, read)).value;
      },
    ),
    getTenant: unary(
      ({ name, minRevision }, wrong) => {
        const { tenant, concern } = tenantConcern(name, 'name', wrong);
        return { concern, parsed: { tenant, minRevision } };
      },
      async ({ tenant, minRevision }, context) => {
        const found = await readAt(parts, minRevision, context, ({ tenants }) => {
          const row = tenants.get(tenant);
          return row && toTenantView(row);
        });
        if (found.value === undefined) throw new RefusalError(NOT_FOUND);
        return found.value;
      },
    ),
    listTenants: unary(
      (request, wrong) => {
        const page = pageOf(request, 'tenants', wrong);
        return { concern: VISIBLE, parsed: { page, minRevision: request.minRevision } };
      },
      async ({ page, minRevision }, context) => {
        const { value, revision } = await readAt(parts, minRevision, context, (state) => {
          const sees = seesOf(state, context, undefined);
          const visible = [...state.tenants.values()].filter(({ entity }) => sees(entity.id));
          const { items, nextPageToken } = pageByKey(
            visible,
            ({ entity }) => entity.id,
            page,
            'tenants',
          );
          return { tenants: items.map(toTenantView), nextPageToken };
        });
        return { ...value, revision };
      },
    ),
    updateTenant: unary(
      ({ tenant, validateOnly }, wrong) => {
        const [id] = idsOf('tenants/*', tenant?.name ?? '', 'tenant.name', wrong) ?? [];
        const entity = toTenantEntity(id ?? '', tenant, wrong);
        const etag = etagOf(tenant?.etag ?? '');
        return {
          concern: id === undefined ? undefined : ofTenant(id),
          parsed: { entity, etag, validateOnly },
        };
      },
      async ({ entity, etag, validateOnly }, context) => {
        const command = { kind: 'putTenant', mode: 'update', entity, etag } as const;
        const read = (state: State) => previewTenant(state, entity);
        return (await change(parts, context, command, validateOnly, read)).value;
      },
    ),
    deleteTenant: unary(
      ({ name, etag, validateOnly }, wrong) => {
        const { tenant, concern } = tenantConcern(name, 'name', wrong);
        return { concern, parsed: { tenant, etag: etagOf(etag), validateOnly } };
      },
      async ({ tenant, etag, validateOnly }, context) => {
        const command = { kind: 'deleteTenant', id: tenant, etag } as const;
        const { revision } = await change(parts, context, command, validateOnly, () => undefined);
        return { revision };
      },
    ),
  };
}
