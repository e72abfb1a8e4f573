// Links as callers write them.
import { isId } from '#domain/names.ts';
import type { Wrong } from '#domain/refusal.ts';
import type { Link as Entity } from '#gen/isobar/log/v1/entity.ts';
import { Link as View } from '#gen/isobar/v1/link.ts';
import { checkRange, idsOf } from './fields.ts';

/** 1 Pbit/s, 10 minutes and a price that keeps sums exact. */
const MAX_BANDWIDTH_MBPS = 1e9;
const MAX_LATENCY_MICROS = 600_000_000;
const MAX_PRICE_MICROS = 1e12;

/** Paths begin at the request. */
export function toLinkEntity(id: string, given: View | undefined, wrong: Wrong): Entity {
  const view = given ?? View.create();
  checkRange(view.bandwidthMbps, 'link.bandwidth_mbps', 1, MAX_BANDWIDTH_MBPS, wrong);
  checkRange(view.latencyMicros, 'link.latency_micros', 0, MAX_LATENCY_MICROS, wrong);
  checkRange(view.priceMicrosPerGib, 'link.price_micros_per_gib', 0, MAX_PRICE_MICROS, wrong);
  const source = endOf(view.source, 'link.source', wrong);
  const target = endOf(view.target, 'link.target', wrong);
  if (source !== '' && source === target) {
    wrong('link.target', 'is the data center of the other end; a link joins two');
  }
  const { bandwidthMbps, latencyMicros, priceMicrosPerGib, down } = view;
  return { id, source, target, bandwidthMbps, latencyMicros, priceMicrosPerGib, down };
}

function endOf(name: string, field: string, wrong: Wrong): string {
  const [id] = idsOf('dataCenters/*', name, field, wrong) ?? [];
  return id !== undefined && isId(id) ? id : '';
}
