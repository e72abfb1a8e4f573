// AuditService: who changed what.
import { AuditServiceService } from '#gen/isobar/v1/audit.ts';
import { look } from '#loop/ask.ts';
import { FEDERATION } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import { toAuditEntry } from '../convert/audit.ts';
import { tenantsConcern } from '../convert/fields.ts';
import { numberOf, pageOf, tokenOf } from '../convert/paging.ts';
import { serverStream, unary } from './checked.ts';
import type { Parts } from './parts.ts';
import { tenantIdsOf } from './scope.ts';

const EXPORTED_AT_ONCE = 1000;

export function auditHandlers(parts: Parts): Handlers<AuditServiceService> {
  const { loop, log } = parts;
  return {
    listAudit: unary(
      (request, wrong) => {
        const { tenant, concern } = tenantsConcern(request.parent, 'parent', wrong);
        const { size, after } = pageOf(request, 'audit', wrong);
        const beforeRevision = numberOf(after, 'page_token', wrong);
        return {
          concern,
          parsed: { tenant, size, beforeRevision, peopleOnly: request.peopleOnly },
        };
      },
      async ({ tenant, size, beforeRevision, peopleOnly }, context) => {
        const { value: tenants } = await look(loop, (state) => tenantIdsOf(state, context, tenant));
        if (tenants?.length === 0) return { entries: [], nextPageToken: '' };
        const rows = await log.listAudit({ tenants, peopleOnly, beforeRevision, limit: size + 1 });
        const entries = rows.slice(0, size).map(toAuditEntry);
        const last = entries.at(-1);
        const more = rows.length > size && last !== undefined;
        return { entries, nextPageToken: more ? tokenOf('audit', String(last.revision)) : '' };
      },
    ),
    exportAudit: serverStream(
      ({ fromRevision }) => ({ concern: FEDERATION, parsed: fromRevision }),
      async (fromRevision, send, { signal }) => {
        // What is durable now; every revision has exactly one entry, so pages are ranges of revisions.
        const { revision: through } = await look(loop, () => undefined);
        for (let after = fromRevision; after < through;) {
          signal.throwIfAborted();
          const until = Math.min(after + EXPORTED_AT_ONCE, through);
          const query = {
            tenants: undefined,
            peopleOnly: false,
            beforeRevision: until + 1,
            limit: until - after,
          };
          const rows = await log.listAudit(query);
          for (const row of rows.toReversed()) await send(toAuditEntry(row), row.revision);
          after = until;
        }
      },
    ),
    verifyAudit: unary(
      () => ({ concern: FEDERATION, parsed: undefined }),
      async () => {
        const { entries, firstBadRevision } = await log.verifyAudit();
        return {
          entries,
          intact: firstBadRevision === undefined,
          firstBadRevision: firstBadRevision ?? 0,
        };
      },
    ),
  };
}
