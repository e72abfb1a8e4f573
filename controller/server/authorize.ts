// Whether a caller may do something to somebody's things: the table of policy.ts, applied.
//
// Another tenant's things do not exist for those who may not read that tenant: the answer is the NOT_FOUND that a wrong
// name would get. Whoever may read the tenant learns that it is the deed that is denied.
import { refuse, type Refusal } from '#domain/refusal.ts';
import { Role } from '#gen/isobar/v1/user.ts';
import type { Identity } from './identity.ts';
import { rowOf, type MethodPath, type PolicyRole, type Relation } from './policy.ts';

/** Whose things a request is about. */
export type Concern =
  | { readonly kind: 'federation' }
  /** The tenant's id, whether or not there is one. */
  | { readonly kind: 'tenant'; readonly tenant: string }
  /** `tenants/-`: all that the caller may see. The handler filters by scopeOf. */
  | { readonly kind: 'visible' };

export const FEDERATION: Concern = { kind: 'federation' };
export const VISIBLE: Concern = { kind: 'visible' };
export const ofTenant = (tenant: string): Concern => ({ kind: 'tenant', tenant });

/** The id of the tenant above one; empty for a root, undefined for none that exists. */
export type ParentOf = (tenant: string) => string | undefined;

/** The tree is at most this deep; a longer walk is a loop and ends. */
const MAX_DEPTH = 64;

const TENANT_ROLES: ReadonlyMap<Role, PolicyRole> = new Map<Role, PolicyRole>([
  [Role.VIEWER, 'viewer'],
  [Role.AUDITOR, 'auditor'],
  [Role.SUBMITTER, 'submitter'],
  [Role.TENANT_ADMIN, 'tenant-admin'],
]);
const FEDERATION_ROLES: ReadonlyMap<Role, PolicyRole> = new Map<Role, PolicyRole>([
  [Role.AUDITOR, 'federation-auditor'],
  [Role.PROVISIONER, 'provisioner'],
  [Role.OPERATOR, 'operator'],
]);

/** Roles that an identity can use: a tenant's user has none of the federation's, however they came to the name. */
export function effectiveRoles(identity: Identity, roles: readonly Role[]): readonly PolicyRole[] {
  if (identity.kind === 'agent') return [];
  const known = identity.kind === 'user' ? TENANT_ROLES : FEDERATION_ROLES;
  return roles.flatMap((role) => known.get(role) ?? []);
}

/** Roles that may be given to users of a tenant (`tenant` not empty) or of the federation itself. */
export function grantableRoles(tenant: string): readonly Role[] {
  return [...(tenant === '' ? FEDERATION_ROLES : TENANT_ROLES).keys()];
}

export function relationOf(identity: Identity, tenant: string, parentOf: ParentOf): Relation {
  if (identity.kind !== 'user') return 'other';
  if (tenant === identity.tenant) return 'own';
  let above = parentOf(tenant);
  for (let depth = 0; depth < MAX_DEPTH && above !== undefined && above !== ''; depth++) {
    if (above === identity.tenant) return 'descendant';
    above = parentOf(above);
  }
  return 'other';
}

/** Undefined: allowed. `identity` undefined: nobody, on the listener for enrolment. */
export function authorize(
  identity: Identity | undefined,
  roles: readonly Role[],
  method: MethodPath,
  relation: Relation,
): Refusal | undefined {
  const row = rowOf(method);
  if (row === 'enrolment' || identity === undefined) {
    return row === 'enrolment' && identity === undefined ? undefined : denied(method);
  }
  if (row === 'members') return undefined;
  if (row === 'agents') return identity.kind === 'agent' ? undefined : denied(method);
  if (identity.kind === 'agent') return denied(method);
  if (row === 'people') return undefined;

  const held = effectiveRoles(identity, roles);
  if (allows(row[relation], held)) return undefined;
  const hidden = relation === 'descendant' || relation === 'other';
  return hidden && !maySeeTenant(held, relation) ? NOT_FOUND : denied(method);
}

/** The relations in which a caller may use a method, for lists over `tenants/-`. */
export function scopeOf(
  identity: Identity,
  roles: readonly Role[],
  method: MethodPath,
): ReadonlySet<Relation> {
  const all: readonly Relation[] = ['own', 'descendant', 'other', 'federation'];
  return new Set(
    all.filter((relation) => {
      // A tenant's user has an own tenant and others below it; everybody else only stands above them all.
      const exists =
        relation === 'federation' || (identity.kind === 'user') === (relation !== 'other');
      return exists && authorize(identity, roles, method, relation) === undefined;
    }),
  );
}

/** Applies the policy to what a request is about. */
export function authorizeConcern(
  identity: Identity | undefined,
  roles: readonly Role[],
  method: MethodPath,
  concern: Concern,
  parentOf: ParentOf,
): Refusal | undefined {
  if (identity === undefined || concern.kind === 'federation') {
    return authorize(identity, roles, method, 'federation');
  }
  if (concern.kind === 'visible') {
    // Nothing is named here that could be hidden, so a refusal says plainly what it is.
    const relation = identity.kind === 'user' ? 'own' : 'other';
    const refusal = authorize(identity, roles, method, relation);
    return refusal === NOT_FOUND ? denied(method) : refusal;
  }
  return authorize(identity, roles, method, relationOf(identity, concern.tenant, parentOf));
}

/** What a caller hears of things that are not there, and of those that are there for others only. */
export const NOT_FOUND: Refusal = refuse(
  'NOT_FOUND',
  'NOT_FOUND',
  'There is no such resource, or it is not yours to see. Check the name.',
);

function allows(allowed: readonly PolicyRole[] | undefined, held: readonly PolicyRole[]): boolean {
  return allowed !== undefined && held.some((role) => allowed.includes(role));
}

function maySeeTenant(held: readonly PolicyRole[], relation: Relation): boolean {
  const row = rowOf('/isobar.v1.TenantService/GetTenant');
  return typeof row === 'object' && allows(row[relation], held);
}

function denied(method: MethodPath): Refusal {
  const name = method.slice(method.lastIndexOf('/') + 1);
  return refuse(
    'PERMISSION_DENIED',
    'ROLE_MISSING',
    `None of your roles allows ${name} here. WhoAmI shows your roles; an administrator of your tenant or an operator gives others.`,
    { metadata: { method: method.slice(1) } },
  );
}
