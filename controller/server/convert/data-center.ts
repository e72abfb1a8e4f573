// Data centers as callers write them.
import { isOffer, OFFER_RULE, checkDuration } from '#domain/job-rules.ts';
import { millisOf } from '#domain/job-spec.ts';
import { checkLabels } from '#domain/labels.ts';
import { ID_RULE, isId } from '#domain/names.ts';
import type { DataCenter as Entity } from '#gen/isobar/log/v1/entity.ts';
import { DataCenter as View } from '#gen/isobar/v1/data_center.ts';
import type { Wrong } from '#domain/refusal.ts';
import { MAX_DISPLAY_NAME, checkLine, checkRange, idsOf } from './fields.ts';
import { CLEARANCES } from './words.ts';

const DEFAULT_LEASE_MS = 600_000;
const LEAST_LEASE_MS = 5_000;
const MOST_LEASE_MS = 24 * 3_600_000;
const MAX_PRICE_MICROS = 1e12;
const MAX_ACCEPTS = 256;
const MAX_OFFERS = 64;
const PUBLIC = 1;

/** Fields that callers may write, by the path in a mask. */
const FIELDS = {
  display_name: ['displayName'],
  class: ['class'],
  region: ['region'],
  location: ['latitude', 'longitude'],
  owner: ['owner'],
  labels: ['labels'],
  clearance: ['clearance'],
  accepts: ['accepts'],
  offers: ['offers'],
  lease: ['leaseMs'],
  price_micros_per_cpu_hour: ['priceMicrosPerCpuHour'],
} as const satisfies Record<string, readonly (keyof Entity)[]>;
type Path = keyof typeof FIELDS;

const isPath = (path: string): path is Path => Object.hasOwn(FIELDS, path);

/** With its defaults. Paths begin at the request. */
export function toDataCenterEntity(id: string, given: View | undefined, wrong: Wrong): Entity {
  const view = given ?? View.create();
  const at: Wrong = (field, description) => wrong(`data_center.${field}`, description);
  checkLine(view.displayName, 'display_name', MAX_DISPLAY_NAME, at);
  if (view.class < 1 || view.class > 3) at('class', 'must be NATIONAL, REGIONAL or AGENCY');
  if (!isId(view.region)) at('region', `must be a region: ${ID_RULE}`);
  const { latitude, longitude } = view.location ?? { latitude: 0, longitude: 0 };
  checkRange(latitude, 'location.latitude', -90, 90, at);
  checkRange(longitude, 'location.longitude', -180, 180, at);
  checkLabels(view.labels, 'labels', at);
  const clearance = view.clearance === 0 ? PUBLIC : view.clearance;
  checkRange(clearance, 'clearance', 1, CLEARANCES.length, at);
  if (view.accepts.length > MAX_ACCEPTS) at('accepts', `has more than ${MAX_ACCEPTS} entries`);
  if (view.offers.length > MAX_OFFERS) at('offers', `has more than ${MAX_OFFERS} entries`);
  for (const [i, offer] of view.offers.entries()) {
    if (!isOffer(offer)) at(`offers[${i}]`, `must be ${OFFER_RULE}`);
  }
  checkDuration(view.lease, 'lease', LEAST_LEASE_MS, MOST_LEASE_MS, at);
  checkRange(view.priceMicrosPerCpuHour, 'price_micros_per_cpu_hour', 0, MAX_PRICE_MICROS, at);
  return {
    id,
    displayName: view.displayName,
    class: view.class,
    region: view.region,
    latitude,
    longitude,
    owner: view.owner === '' ? '' : tenantOf(view.owner, 'owner', at),
    labels: view.labels,
    clearance,
    accepts: [...new Set(view.accepts.map((name, i) => tenantOf(name, `accepts[${i}]`, at)))],
    offers: [...new Set(view.offers)],
    leaseMs: view.lease === undefined ? DEFAULT_LEASE_MS : millisOf(view.lease),
    priceMicrosPerCpuHour: view.priceMicrosPerCpuHour,
    createMs: 0,
  };
}

function tenantOf(name: string, field: string, wrong: Wrong): string {
  return idsOf('tenants/*', name, field, wrong)?.[0] ?? '';
}

/** Paths of a mask; none means all. What is output only cannot be named. */
export function pathsOf(mask: readonly string[], wrong: Wrong): readonly Path[] {
  for (const path of mask) {
    if (!isPath(path)) {
      wrong(
        'update_mask',
        `${path} is no field that can be changed; those are ${Object.keys(FIELDS).join(', ')}`,
      );
    }
  }
  return mask.length === 0 ? (Object.keys(FIELDS) as Path[]) : mask.filter(isPath);
}

/** Whether a finding is about a field that the paths name. */
export function isNamed(paths: readonly Path[], field: string): boolean {
  return paths.some((path) => new RegExp(`^data_center\\.${path}(?![a-z_])`).test(field));
}

/** The current values with those that the paths name from the new ones. */
export function merged(current: Entity, next: Entity, paths: readonly Path[]): Entity {
  const fields = paths.flatMap((path) => FIELDS[path].map((key) => [key, next[key]] as const));
  return { ...current, ...Object.fromEntries(fields) };
}

/** What the executor offers is shown among the offers; who sends it back unchanged does not declare it. */
export function withoutExecutorOffers(
  given: readonly string[],
  declared: readonly string[],
  executorOffers: readonly string[],
): string[] {
  return given.filter((offer) => declared.includes(offer) || !executorOffers.includes(offer));
}
