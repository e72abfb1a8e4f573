// Names as people give them: full names or ids.
import { parseName } from '#domain/names.ts';
import { IsobarError } from './isobar-error.ts';

/** `tenants/{t}` from an id or a name. */
export const tenantNameOf = (text: string): string => withCollection('tenants', text);
export const dataCenterNameOf = (text: string): string => withCollection('dataCenters', text);
export const linkNameOf = (text: string): string => withCollection('links', text);

function withCollection(collection: string, text: string): string {
  return text.startsWith(`${collection}/`) ? text : `${collection}/${text}`;
}

export interface JobRef {
  readonly tenant: string;
  readonly job: string;
}

/** `tenants/t/jobs/j`, `t/j`, or `j` of the given tenant. */
export function jobRefOf(text: string, tenant: string): JobRef {
  const [ofTenant, job] = parseName('tenants/*/jobs/*', text) ?? parseName('*/*', text) ?? [];
  if (ofTenant !== undefined && job !== undefined) return { tenant: ofTenant, job };
  if (text.includes('/'))
    throw badName(text, 'a job is JOB, TENANT/JOB or tenants/TENANT/jobs/JOB');
  if (tenant === '') {
    throw badName(text, 'no tenant: write TENANT/JOB, or name a tenant in the context');
  }
  return { tenant, job: text };
}

/** `dataCenters/d/nodes/n` or `d/n`. */
export function nodeNameOf(text: string): string {
  const [dc, node] = parseName('dataCenters/*/nodes/*', text) ?? parseName('*/*', text) ?? [];
  if (dc === undefined || node === undefined) {
    throw badName(text, 'a node is DATA_CENTER/NODE or dataCenters/DATA_CENTER/nodes/NODE');
  }
  return `dataCenters/${dc}/nodes/${node}`;
}

/** `tenants/t/users/u`, `operators/u`, `t/u`, or `u` of the given tenant; without a tenant an operator. */
export function userNameOf(text: string, tenant: string): string {
  if (parseName('tenants/*/users/*', text) || parseName('operators/*', text)) return text;
  const [ofTenant = tenant, user = text] = parseName('*/*', text) ?? [];
  return ofTenant === '' ? `operators/${user}` : `tenants/${ofTenant}/users/${user}`;
}

/** `tenants/t/jobs/j/runs/0-3`, `t/j/0-3`, `j/0-3`, or `j/3` for the third run of a job that is no array. */
export function runNameOf(text: string, tenant: string): string {
  if (parseName('tenants/*/jobs/*/runs/*', text)) return text;
  const slash = text.lastIndexOf('/');
  const run = text.slice(slash + 1);
  if (slash < 1 || !/^(\d+-)?\d+$/.test(run)) {
    throw badName(text, 'a run is JOB/EPOCH, JOB/INDEX-EPOCH or its full name');
  }
  const ref = jobRefOf(text.slice(0, slash), tenant);
  return `tenants/${ref.tenant}/jobs/${ref.job}/runs/${run.includes('-') ? run : `0-${run}`}`;
}

/** A name without the words that its kind says: `health/train-7`, `north-1/n01`. */
export function shortName(name: string): string {
  const parts = name.split('/');
  const ids = parts.filter((_, index) => index % 2 === 1);
  return parts.length % 2 === 0 && parts.length > 0 ? ids.join('/') : name;
}

/** The last id of a name: `job-1` of `tenants/a/jobs/job-1`. */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function badName(text: string, rule: string): IsobarError {
  return new IsobarError(`${JSON.stringify(text)}: ${rule}`, {
    code: 'INVALID_ARGUMENT',
    reason: 'BAD_NAME',
  });
}
