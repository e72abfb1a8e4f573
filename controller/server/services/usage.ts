// UsageService: the ledger of ended runs, and beside it what live runs have used until now.
import { UsageServiceService } from '#gen/isobar/v1/usage.ts';
import { usageOf, HOUR_MS } from '#loop/usage.ts';
import type { Handlers } from '../call.ts';
import { tenantsConcern } from '../convert/fields.ts';
import { toUsageRow } from '../convert/usage.ts';
import type { CallContext } from '../running-call.ts';
import type { State } from '#loop/requests.ts';
import { unary } from './checked.ts';
import { readAt, type Parts } from './parts.ts';
import { seesOf, type Sees } from './scope.ts';

const THIRTY_DAYS_MS = 30 * 24 * HOUR_MS;
/** Rows of an answer are told apart by tenant, data center and hour: a year by the hour is asked for in parts. */
const MAX_HOURS_BY_HOUR = 24 * 92;
const MAX_HOURS = 24 * 3660;

export function usageHandlers(parts: Parts): Handlers<UsageServiceService> {
  return {
    queryUsage: unary(
      ({ parent, startTime, endTime, hourly }, wrong) => {
        const { tenant, concern } = tenantsConcern(parent, 'parent', wrong);
        const nowMs = parts.loop.nowMs();
        const fromHour = Math.floor((startTime?.getTime() ?? nowMs - THIRTY_DAYS_MS) / HOUR_MS);
        const untilHour = Math.ceil((endTime?.getTime() ?? nowMs) / HOUR_MS);
        const most = hourly ? MAX_HOURS_BY_HOUR : MAX_HOURS;
        if (untilHour <= fromHour) wrong('end_time', 'is not after start_time');
        else if (untilHour - fromHour > most)
          wrong(
            'start_time',
            `is more than ${most / 24} days before the end; ask for less at once`,
          );
        return { concern, parsed: { tenant, fromHour, untilHour, hourly } };
      },
      async ({ tenant, fromHour, untilHour, hourly }, context) => {
        const { value, revision } = await readAt(parts, 0, context, (state) => {
          const sees = subtreeOf(state, context, tenant);
          return usageOf(state, { sees, fromHour, untilHour, hourly, nowMs: parts.loop.nowMs() });
        });
        return { rows: value.map(toUsageRow), revision };
      },
    ),
  };
}

/** A tenant with all below it: whoever may account for it may account for them. */
function subtreeOf(state: State, context: CallContext, tenant: string | undefined): Sees {
  if (tenant === undefined) return seesOf(state, context, undefined);
  return (id) => {
    for (let at = state.tenants.get(id); at !== undefined; at = at.parent) {
      if (at.entity.id === tenant) return true;
    }
    // What a tenant that is gone has used is told under its own name.
    return id === tenant;
  };
}
