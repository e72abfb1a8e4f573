// What the state knows of callers. Read at every call, so a change counts from the moment in which it was decided.
import { userName } from '#domain/names.ts';
import type { Role } from '#gen/isobar/v1/user.ts';
import type { State } from '#loop/requests.ts';
import { CLOCK_SKEW_MS } from '../authority.ts';
import type { Directory } from '../edge.ts';
import type { Identity, Peer } from '../identity.ts';

export function directoryOf(state: State): Directory {
  return {
    lookup(peer) {
      const found = statusOf(state, peer.identity);
      if (typeof found === 'string') return found;
      return isOlder(peer, found.sinceMs) ? 'revoked' : found.roles;
    },
    parentOf: (tenant) => state.tenants.get(tenant)?.entity.parent,
  };
}

interface Known {
  readonly roles: readonly Role[];
  /** Certificates that were given out before are another's, or were revoked. */
  readonly sinceMs: number;
}

export function statusOf(state: State, identity: Identity): Known | 'revoked' | 'unknown' {
  if (identity.kind === 'agent') {
    const dataCenter = state.dataCenters.get(identity.dataCenter);
    return dataCenter === undefined
      ? 'unknown'
      : { roles: [], sinceMs: dataCenter.entity.createMs };
  }
  const tenant = identity.kind === 'user' ? identity.tenant : '';
  const user = state.users.get(userName(tenant, identity.user));
  if (user === undefined) return 'unknown';
  if (user.entity.revoked) return 'revoked';
  // Only roles of the enum are let in when a user is invited.
  return { roles: user.entity.roles as Role[], sinceMs: user.entity.createMs };
}

/** Certificates begin a little before they were given out, and in whole seconds. */
function isOlder(peer: Peer, sinceMs: number): boolean {
  return peer.issueMs + CLOCK_SKEW_MS + 1000 <= sinceMs;
}
