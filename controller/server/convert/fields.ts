// Checks of single fields, in the words that callers are told.
import { isWithin } from '#domain/job-rules.ts';
import { ID_RULE, isId, parseName } from '#domain/names.ts';
import type { Wrong } from '#domain/refusal.ts';
import { ofTenant, VISIBLE, type Concern } from '../authorize.ts';

export const MAX_DISPLAY_NAME = 128;

export function checkId(id: string, field: string, wrong: Wrong): void {
  if (!isId(id)) wrong(field, `must be ${ID_RULE}`);
}

/** One line of at most so many characters. */
export function checkLine(text: string, field: string, longest: number, wrong: Wrong): void {
  if (text.length > longest)
    wrong(field, `has ${text.length} characters, at most ${longest} are allowed`);
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  else if (/[\u0000-\u001f\u007f]/.test(text))
    wrong(field, 'must be one line without control characters');
}

export function checkRange(
  value: number,
  field: string,
  least: number,
  most: number,
  wrong: Wrong,
): void {
  if (!isWithin(value, least, most)) wrong(field, `is ${value}, must be from ${least} to ${most}`);
}

/** The ids in a name; says what is wrong and answers undefined for another shape. */
export function idsOf(
  pattern: string,
  name: string,
  field: string,
  wrong: Wrong,
): readonly string[] | undefined {
  const ids = parseName(pattern, name);
  if (ids === undefined)
    wrong(field, `must be ${shapeOf(pattern)}, is ${JSON.stringify(name.slice(0, 200))}`);
  return ids;
}

/** `tenants/*` as people read it: `tenants/{tenant}`. */
function shapeOf(pattern: string): string {
  return pattern.replace(
    /(\w+)s\/\*/g,
    (_, word: string) => `${word}s/{${word.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}}`,
  );
}

export const EVERY = '-';

/** A parent that is one tenant. */
export function tenantConcern(
  name: string,
  field: string,
  wrong: Wrong,
): { readonly tenant: string; readonly concern: Concern | undefined } {
  const [tenant] = idsOf('tenants/*', name, field, wrong) ?? [];
  if (tenant === EVERY) {
    wrong(field, 'must name one tenant');
    return { tenant: '', concern: undefined };
  }
  return { tenant: tenant ?? '', concern: tenant === undefined ? undefined : ofTenant(tenant) };
}

/** A parent that is one tenant, or `tenants/-`; then `tenant` is undefined. */
export function tenantsConcern(
  name: string,
  field: string,
  wrong: Wrong,
): { readonly tenant: string | undefined; readonly concern: Concern | undefined } {
  const [tenant] = idsOf('tenants/*', name, field, wrong) ?? [];
  if (tenant === undefined) return { tenant, concern: undefined };
  return tenant === EVERY
    ? { tenant: undefined, concern: VISIBLE }
    : { tenant, concern: ofTenant(tenant) };
}

export interface JobRef {
  readonly tenant: string;
  readonly job: string;
}

export function jobConcern(
  name: string,
  field: string,
  wrong: Wrong,
): { readonly ref: JobRef; readonly concern: Concern | undefined } {
  const [tenant, job] = idsOf('tenants/*/jobs/*', name, field, wrong) ?? [];
  if (tenant === undefined || job === undefined)
    return { ref: { tenant: '', job: '' }, concern: undefined };
  return { ref: { tenant, job }, concern: ofTenant(tenant) };
}

/** The revision in an etag: undefined for none, -1 for one that no resource has. */
export function etagOf(etag: string): number | undefined {
  if (etag === '') return undefined;
  return /^\d{1,16}$/.test(etag) ? Number(etag) : -1;
}
