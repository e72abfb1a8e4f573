// UserService: who may call, and as what.
import { refuse } from '#domain/refusal.ts';
import { userName } from '#domain/names.ts';
import type { User as UserEntity } from '#gen/isobar/log/v1/entity.ts';
import { Role, UserServiceService, type User } from '#gen/isobar/v1/user.ts';
import type { State } from '#loop/requests.ts';
import { toUserView } from '#loop/views.ts';
import { FEDERATION, grantableRoles, NOT_FOUND, ofTenant, type Concern } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import type { Wrong } from '#domain/refusal.ts';
import { parseName } from '#domain/names.ts';
import { checkId, tenantConcern, tenantsConcern } from '../convert/fields.ts';
import { pageByKey, pageOf } from '../convert/paging.ts';
import { RefusalError } from '../errors.ts';
import { formatIdentity } from '../identity.ts';
import type { OpenCalls } from '../open-calls.ts';
import { unary } from './checked.ts';
import { handOutToken } from './hand-out.ts';
import { change, readAt, type Parts } from './parts.ts';
import { seesOf } from './scope.ts';

export function userHandlers(parts: Parts, calls: OpenCalls): Handlers<UserServiceService> {
  return {
    inviteUser: unary(
      ({ parent, userId, roles }, wrong) => {
        const { tenant, concern } =
          parent === '' ? OF_FEDERATION : tenantConcern(parent, 'parent', wrong);
        checkId(userId, 'user_id', wrong);
        checkRoles(roles, tenant, wrong);
        const user = {
          tenant,
          id: userId,
          roles: [...new Set(roles)],
          revoked: false,
          createMs: 0,
        };
        return { concern, parsed: user };
      },
      async (user, context) => {
        const identity = identityOf(user);
        const { token, secret, expireTime } = handOutToken(parts, identity);
        const command = { kind: 'inviteUser', user, token } as const;
        const { value } = await change(parts, context, command, false, (state) =>
          userOf(state, user),
        );
        // What is open was opened with the roles of before.
        calls.closeAll(formatIdentity(identity), ROLES_CHANGED);
        return { user: value, token: secret, expireTime };
      },
    ),
    getUser: unary(
      ({ name }, wrong) => userConcern(name, wrong),
      async (user, context) => {
        const { value } = await readAt(parts, 0, context, (state) => userOf(state, user));
        if (value === undefined) throw new RefusalError(NOT_FOUND);
        return value;
      },
    ),
    listUsers: unary(
      (request, wrong) => {
        const { tenant, concern } = tenantsConcern(request.parent, 'parent', wrong);
        return { concern, parsed: { tenant, page: pageOf(request, 'users', wrong) } };
      },
      async ({ tenant, page }, context) => {
        const { value } = await readAt(parts, 0, context, (state) => {
          const sees = seesOf(state, context, tenant);
          // Users of the federation itself belong to those who may administer it.
          const federation = tenant === undefined && context.scope().has('federation');
          const visible = [...state.users.values()].filter(({ entity }) =>
            entity.tenant === '' ? federation : sees(entity.tenant),
          );
          const keyOf = ({ entity }: { readonly entity: UserEntity }) =>
            userName(entity.tenant, entity.id);
          const { items, nextPageToken } = pageByKey(visible, keyOf, page, 'users');
          return { users: items.map(({ entity }) => toUserView(entity)), nextPageToken };
        });
        return value;
      },
    ),
    revokeUser: unary(
      ({ name }, wrong) => userConcern(name, wrong),
      async ({ tenant, id }, context) => {
        const command = { kind: 'revokeUser', tenant, user: id } as const;
        const { value } = await change(parts, context, command, false, (state) =>
          userOf(state, { tenant, id }),
        );
        calls.closeAll(formatIdentity(identityOf({ tenant, id })));
        if (value === undefined) throw new RefusalError(NOT_FOUND);
        return value;
      },
    ),
    whoAmI: unary(
      () => ({ concern: FEDERATION, parsed: undefined }),
      async (_, { peer, roles }) => {
        if (peer === undefined) throw new Error('the policy let nobody in');
        return {
          identity: peer.uri,
          roles: [...roles],
          certificateExpireTime: new Date(peer.expireMs),
        };
      },
    ),
  };
}

const OF_FEDERATION = { tenant: '', concern: FEDERATION } as const;

const ROLES_CHANGED = refuse(
  'ABORTED',
  'ROLES_CHANGED',
  'Your roles were changed. Begin again, with those that you have now.',
);

function checkRoles(roles: readonly Role[], tenant: string, wrong: Wrong): void {
  if (roles.length === 0) wrong('roles', 'is empty; give at least one role');
  const allowed = grantableRoles(tenant);
  for (const [i, role] of roles.entries()) {
    if (allowed.includes(role)) continue;
    const names = Object.entries(Role).flatMap(([name, number]) =>
      allowed.includes(number) ? [name] : [],
    );
    wrong(
      `roles[${i}]`,
      `cannot be given to users of ${tenant === '' ? 'the federation' : 'a tenant'}; those are ${names.join(', ')}`,
    );
  }
}

/** `tenants/{tenant}/users/{user}` or `operators/{user}`. */
function userConcern(
  name: string,
  wrong: Wrong,
): { readonly concern: Concern | undefined; readonly parsed: Pick<UserEntity, 'tenant' | 'id'> } {
  const [operator] = parseName('operators/*', name) ?? [];
  if (operator !== undefined) return { concern: FEDERATION, parsed: { tenant: '', id: operator } };
  const [tenant, id] = parseName('tenants/*/users/*', name) ?? [];
  if (tenant !== undefined && id !== undefined)
    return { concern: ofTenant(tenant), parsed: { tenant, id } };
  wrong('name', 'must be tenants/{tenant}/users/{user} or operators/{user}');
  return { concern: undefined, parsed: { tenant: '', id: '' } };
}

function identityOf({ tenant, id }: Pick<UserEntity, 'tenant' | 'id'>) {
  return tenant === ''
    ? ({ kind: 'operator', user: id } as const)
    : ({ kind: 'user', tenant, user: id } as const);
}

function userOf(state: State, { tenant, id }: Pick<UserEntity, 'tenant' | 'id'>): User | undefined {
  const found = state.users.get(userName(tenant, id));
  return found && toUserView(found.entity);
}
