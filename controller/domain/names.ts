// Ids and resource names, as in https://google.aip.dev/122.

const ID = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end. */
export function isId(text: string): boolean {
  return ID.test(text);
}

export const ID_RULE = '1 to 63 lower-case letters, digits and hyphens, no hyphen at either end';

export const dataCenterName = (id: string): string => `dataCenters/${id}`;
export const nodeName = (dataCenter: string, node: string): string =>
  `dataCenters/${dataCenter}/nodes/${node}`;
export const linkName = (id: string): string => `links/${id}`;
export const tenantName = (id: string): string => `tenants/${id}`;
export const jobName = (tenant: string, job: string): string => `tenants/${tenant}/jobs/${job}`;
export const runName = (tenant: string, job: string, index: number, epoch: number): string =>
  `tenants/${tenant}/jobs/${job}/runs/${index}-${epoch}`;
/**
 * Users of the federation itself have no tenant. A job may be submitted by somebody from a tenant above its own, whose whole
 * name then stands for the id: it is returned as it is.
 */
export const userName = (tenant: string, user: string): string => {
  if (user.includes('/')) return user;
  return tenant === '' ? `operators/${user}` : `tenants/${tenant}/users/${user}`;
};

/**
 * The ids in a name: with a pattern that has a star for each id, `tenants/a/jobs/b` answers `['a', 'b']`. Undefined when
 * it does not match. `-` stands for "all" where a list allows it and is returned as it is.
 */
export function parseName(pattern: string, name: string): readonly string[] | undefined {
  const want = pattern.split('/');
  const have = name.split('/');
  if (want.length !== have.length) return undefined;
  const ids: string[] = [];
  for (const [i, part] of want.entries()) {
    const got = have[i] ?? '';
    if (part === '*') {
      if (got === '') return undefined;
      ids.push(got);
    } else if (part !== got) return undefined;
  }
  return ids;
}
