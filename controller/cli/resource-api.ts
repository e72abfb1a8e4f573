// Making things as a manifest says, for `create`, `apply` and `diff`: the three kinds behind one face.
import type { Isobar } from '#client/isobar.ts';
import { IsobarError } from '#client/isobar-error.ts';
import type { WriteOptions } from '#client/connection.ts';
import { snakeCase } from '#client/fields.ts';
import { toApiJson } from '#client/json.ts';
import { DataCenter, Link, Tenant } from '#client/types.ts';
import type { Manifest, ManifestKind, ManifestTypes } from './manifest.ts';

interface Api<T> {
  readonly codec: { toJSON(item: T): unknown; create(fields: Partial<T>): T };
  get(client: Isobar, id: string, options: WriteOptions): Promise<T>;
  create(client: Isobar, id: string, fields: Partial<T>, options: WriteOptions): Promise<T>;
  update(client: Isobar, item: T, changed: readonly string[], options: WriteOptions): Promise<T>;
  delete(client: Isobar, id: string, options: WriteOptions): Promise<number>;
}

export const APIS: { readonly [K in ManifestKind]: Api<ManifestTypes[K]> } = {
  tenant: {
    codec: Tenant,
    get: (client, id, options) => client.tenants.get(id, options),
    create: (client, id, fields, options) => client.tenants.create(id, fields, options),
    update: (client, item, _, options) => client.tenants.update(item, options),
    delete: (client, id, options) => client.tenants.delete(id, options),
  },
  'data-center': {
    codec: DataCenter,
    get: (client, id, options) => client.dataCenters.get(id, options),
    create: (client, id, fields, options) => client.dataCenters.create(id, fields, options),
    update: (client, item, fields, options) =>
      client.dataCenters.update(item, { ...options, fields }),
    delete: (client, id, options) => client.dataCenters.delete(id, options),
  },
  link: {
    codec: Link,
    get: (client, id, options) => client.links.get(id, options),
    create: (client, id, fields, options) => client.links.create(id, fields, options),
    update: (client, item, _, options) => client.links.update(item, options),
    delete: (client, id, options) => client.links.delete(id, options),
  },
};

/** One field that would change, in the words of the API. Undefined: has its default. */
export interface Difference {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

export interface Plan {
  readonly kind: ManifestKind;
  readonly id: string;
  readonly action: 'create' | 'update' | 'nothing';
  readonly differences: readonly Difference[];
  carryOut(options: WriteOptions): Promise<unknown>;
}

/** What a manifest would do now. Fields that it leaves out keep their values. */
export async function planFor(
  client: Isobar,
  manifest: Manifest,
  options: WriteOptions,
): Promise<Plan> {
  // Asked one by one, so that each kind meets its own fields.
  const { kind, id, fields } = manifest;
  if (kind === 'tenant') return plan(client, kind, id, fields, APIS[kind], options);
  if (kind === 'link') return plan(client, kind, id, fields, APIS[kind], options);
  return plan(client, kind, id, fields, APIS[kind], options);
}

async function plan<T>(
  client: Isobar,
  kind: ManifestKind,
  id: string,
  fields: Partial<T>,
  api: Api<T>,
  options: WriteOptions,
): Promise<Plan> {
  const current = await findCurrent(() => api.get(client, id, options));
  if (current === undefined) {
    const differences = compare({}, jsonOf(api, api.codec.create(fields)));
    return {
      kind,
      id,
      action: 'create',
      differences,
      carryOut: (how) => api.create(client, id, fields, how),
    };
  }
  const merged: T = { ...current, ...fields };
  const differences = compare(jsonOf(api, current), jsonOf(api, merged));
  const changed = Object.keys(fields)
    .map(snakeCase)
    .filter((field) => differences.some((one) => one.field === field));
  return {
    kind,
    id,
    action: differences.length === 0 ? 'nothing' : 'update',
    differences,
    carryOut: (how) => api.update(client, merged, changed, how),
  };
}

async function findCurrent<T>(get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (error) {
    if (error instanceof IsobarError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

function jsonOf<T>(api: Api<T>, item: T): Record<string, unknown> {
  return toApiJson(api.codec, item) as Record<string, unknown>; // messages become objects
}

function compare(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Difference[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  const differences: Difference[] = [];
  for (const field of fields) {
    if (field === 'etag' || field === 'name') continue;
    const [old, now] = [before[field], after[field]];
    if (stable(old) !== stable(now)) differences.push({ field, before: old, after: now });
  }
  return differences;
}

/** Maps are equal whatever their order. */
function stable(value: unknown): string {
  return (
    JSON.stringify(value, (_, item: unknown) =>
      typeof item === 'object' && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : item,
    ) ?? ''
  );
}
