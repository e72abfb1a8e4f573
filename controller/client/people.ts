// Tenants and their users.
import {
  CreateTenantRequest,
  DeleteTenantRequest,
  GetTenantRequest,
  ListTenantsRequest,
  Tenant,
  TenantServiceService,
  UpdateTenantRequest,
} from '#gen/isobar/v1/tenant.ts';
import {
  GetUserRequest,
  InviteUserRequest,
  type InviteUserResponse,
  ListUsersRequest,
  RevokeUserRequest,
  Role,
  type User,
  UserServiceService,
  WhoAmIRequest,
  type WhoAmIResponse,
} from '#gen/isobar/v1/user.ts';
import {
  type Connection,
  type ListOptions,
  PAGE_SIZE,
  pageFields,
  type ReadOptions,
  type WriteOptions,
} from './connection.ts';
import { Listing } from './listing.ts';
import type { DeleteOptions } from './members.ts';
import { tenantNameOf, userNameOf } from './names.ts';
import { type CallOptions, type ClientOf, makeClient } from './rpc.ts';

export class Tenants {
  readonly #rpc: ClientOf<TenantServiceService>;

  constructor({ channel }: Connection) {
    this.#rpc = makeClient(TenantServiceService, channel);
  }

  async create(id: string, fields: Partial<Tenant>, options: WriteOptions = {}): Promise<Tenant> {
    const { validateOnly = false } = options;
    const tenant = Tenant.create(fields);
    const request = CreateTenantRequest.create({ tenantId: id, tenant, validateOnly });
    return this.#rpc.createTenant(request, options);
  }

  async get(tenant: string, options: ReadOptions = {}): Promise<Tenant> {
    const { minRevision = 0 } = options;
    const name = tenantNameOf(tenant);
    return this.#rpc.getTenant(GetTenantRequest.create({ name, minRevision }), options);
  }

  list(options: ListOptions = {}): Listing<Tenant> {
    return new Listing(async (pageToken) => {
      const request = ListTenantsRequest.create(pageFields(options, pageToken));
      const { tenants, ...page } = await this.#rpc.listTenants(request, options);
      return { items: tenants, ...page };
    });
  }

  /** Replaces all of it but the parent. */
  async update(tenant: Tenant, options: WriteOptions = {}): Promise<Tenant> {
    const { validateOnly = false } = options;
    return this.#rpc.updateTenant(UpdateTenantRequest.create({ tenant, validateOnly }), options);
  }

  /** Only one without children, users and live jobs. */
  async delete(tenant: string, options: DeleteOptions = {}): Promise<number> {
    const { validateOnly = false, etag = '' } = options;
    const name = tenantNameOf(tenant);
    const request = DeleteTenantRequest.create({ name, etag, validateOnly });
    return (await this.#rpc.deleteTenant(request, options)).revision;
  }
}

export type RoleName = Exclude<keyof typeof Role, 'UNSPECIFIED' | 'UNRECOGNIZED'>;

export class Users {
  readonly #rpc: ClientOf<UserServiceService>;
  readonly #tenant: string;

  constructor({ channel, tenant }: Connection) {
    this.#rpc = makeClient(UserServiceService, channel);
    this.#tenant = tenant;
  }

  /** Adds a user and makes the token for their first certificate. An empty tenant: of the federation itself. */
  async invite(
    id: string,
    roles: readonly RoleName[],
    options: CallOptions & { readonly tenant?: string | undefined } = {},
  ): Promise<InviteUserResponse> {
    const tenant = options.tenant ?? this.#tenant;
    const request = InviteUserRequest.create({
      parent: tenant === '' ? '' : tenantNameOf(tenant),
      userId: id,
      roles: roles.map((role) => Role[role]),
    });
    return this.#rpc.inviteUser(request, options);
  }

  async get(user: string, options: CallOptions = {}): Promise<User> {
    const name = userNameOf(user, this.#tenant);
    return this.#rpc.getUser(GetUserRequest.create({ name }), options);
  }

  /** Of one tenant; default of all that the caller may see. */
  list(options: ListOptions & { readonly tenant?: string | undefined } = {}): Listing<User> {
    return new Listing(async (pageToken) => {
      const parent = tenantNameOf(options.tenant ?? '-');
      const pageSize = options.pageSize ?? PAGE_SIZE;
      const request = ListUsersRequest.create({ parent, pageSize, pageToken });
      const { users, nextPageToken } = await this.#rpc.listUsers(request, options);
      return { items: users, nextPageToken, revision: 0 };
    });
  }

  /** Refuses all certificates of the user and closes their streams. */
  async revoke(user: string, options: CallOptions = {}): Promise<User> {
    const name = userNameOf(user, this.#tenant);
    return this.#rpc.revokeUser(RevokeUserRequest.create({ name }), options);
  }

  async whoAmI(options: CallOptions = {}): Promise<WhoAmIResponse> {
    return this.#rpc.whoAmI(WhoAmIRequest.create({}), options);
  }
}
