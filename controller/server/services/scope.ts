// Which tenants a list over `tenants/-` covers: exactly those in which the caller may use the method.
import type { State } from '#loop/requests.ts';
import { relationOf } from '../authorize.ts';
import type { CallContext } from '../running-call.ts';

/** Whether things of a tenant belong into the answer. */
export type Sees = (tenant: string) => boolean;

/** One tenant that was authorised already, or all that the caller may see. */
export function seesOf(state: State, context: CallContext, tenant: string | undefined): Sees {
  if (tenant !== undefined) return (other) => other === tenant;
  const { peer } = context;
  if (peer === undefined) return () => false;
  const scope = context.scope();
  if (peer.identity.kind !== 'user') return () => scope.has('other');
  // One walk up the tree for each tenant, not for each of its things.
  const known = new Map<string, boolean>();
  const parentOf = (id: string): string | undefined => state.tenants.get(id)?.entity.parent;
  return (id) => {
    let sees = known.get(id);
    if (sees === undefined) {
      sees = scope.has(relationOf(peer.identity, id, parentOf));
      known.set(id, sees);
    }
    return sees;
  };
}

/** The same as ids, for queries of the log; undefined: all tenants. */
export function tenantIdsOf(
  state: State,
  context: CallContext,
  tenant: string | undefined,
): readonly string[] | undefined {
  if (tenant !== undefined) return [tenant];
  if (context.peer?.identity.kind !== 'user') return context.scope().has('other') ? undefined : [];
  const sees = seesOf(state, context, undefined);
  return [...state.tenants.keys()].filter(sees);
}
