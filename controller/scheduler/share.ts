// Fair share between tenants: the one with the smallest weighted dominant share goes first (Ghodsi et al., Dominant Resource
// Fairness, NSDI 2011).
import type { Overlay } from '#core/overlay.ts';
import type { State, Tenant } from '#core/state.ts';

const DEFAULT_WEIGHT = 100;

/** Largest part of any resource of the federation that the tenant's own jobs hold, divided by its weight. */
export function weightedShare(state: State, overlay: Overlay, tenant: Tenant): number {
  const { capacity } = state.derived;
  let dominant = 0;
  for (let i = 0; i < 4; i++) {
    if (capacity[i]! > 0) dominant = Math.max(dominant, overlay.ownUsage(tenant, i) / capacity[i]!);
  }
  return dominant / (tenant.entity.weight === 0 ? DEFAULT_WEIGHT : tenant.entity.weight);
}
