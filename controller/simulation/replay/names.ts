// How the sites and jobs of a trace are called in a federation: each site is a data center, a region and a tenant at home there.
const SITE = 'site-';
const JOB = 'j-';

export const siteName = (site: number): string => `${SITE}${site}`;
export const siteOf = (name: string): number => Number(name.slice(SITE.length));

/** By its number among the jobs of the workload. */
export const jobName = (number: number): string => `${JOB}${number}`;
export const numberOf = (name: string): number =>
  Number(name.slice(name.lastIndexOf(JOB) + JOB.length));
