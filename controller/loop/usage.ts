// What was used: cells of the ledger, which ended runs have booked, and what live runs have used until now, counted in the same
// way, so that a sum does not jump when a run ends.
import { classOfRun } from '#core/room.ts';
import { noAmounts, type Amounts, type State } from '#core/state.ts';
import { bookHour, hourOf, usageKey } from '#core/usage.ts';

export { HOUR_MS } from '#core/usage.ts';

export interface UsageSum {
  readonly tenant: string;
  readonly dataCenter: string;
  /** The first one that it counts. */
  readonly hour: number;
  readonly reserved: Amounts;
  readonly granted: Amounts;
  readonly wasted: Amounts;
  runs: number;
}

export interface UsageQuery {
  readonly sees: (tenant: string) => boolean;
  readonly fromHour: number;
  /** Not itself. */
  readonly untilHour: number;
  /** A row for each hour instead of one for all. */
  readonly hourly: boolean;
  readonly nowMs: number;
}

/** By tenant, data center and hour. */
export function usageOf(state: State, query: UsageQuery): readonly UsageSum[] {
  const sums = new Map<string, UsageSum>();
  const { sees, fromHour, untilHour } = query;
  for (const cell of state.usage.values()) {
    if (cell.hour < fromHour || cell.hour >= untilHour || !sees(cell.tenant)) continue;
    const sum = sumOf(sums, query, cell.tenant, cell.dataCenter, cell.hour);
    add(sum.reserved, cell.reserved);
    add(sum.granted, cell.granted);
    add(sum.wasted, cell.wasted);
    sum.runs += cell.runs;
  }
  for (const dataCenter of state.dataCenters.values()) {
    for (const run of dataCenter.runs) countLive(state, sums, query, dataCenter.entity.id, run);
  }
  return [...sums.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}

function countLive(
  state: State,
  sums: Map<string, UsageSum>,
  query: UsageQuery,
  dataCenter: string,
  run: number,
): void {
  const { jobs, runs } = state;
  // A run is booked whole at its first part's data center.
  if (state.dataCenterList[runs.dataCenter[run]!]?.entity.id !== dataCenter) return;
  const tenant = jobs.tenantOf(runs.job[run]!);
  if (!query.sees(tenant)) return;
  const { total } = classOfRun(state, run);
  const reserveMs = runs.reserveMs[run]!;
  const startMs = runs.startMs[run]!;
  const first = Math.max(query.fromHour, hourOf(reserveMs));
  const last = Math.min(query.untilHour - 1, hourOf(query.nowMs));
  for (let hour = first; hour <= last; hour++) {
    const sum = sumOf(sums, query, tenant, dataCenter, hour);
    bookHour(sum, { hour, reserveMs, startMs, endMs: query.nowMs }, total);
  }
}

function sumOf(
  sums: Map<string, UsageSum>,
  { hourly, fromHour }: UsageQuery,
  tenant: string,
  dataCenter: string,
  cellHour: number,
): UsageSum {
  const hour = hourly ? cellHour : fromHour;
  // Hours have the same number of digits for the next two hundred years, so that keys sort as they should.
  const key = usageKey(tenant, dataCenter, hour);
  let sum = sums.get(key);
  if (sum === undefined) {
    sum = {
      tenant,
      dataCenter,
      hour,
      reserved: noAmounts(),
      granted: noAmounts(),
      wasted: noAmounts(),
      runs: 0,
    };
    sums.set(key, sum);
  }
  return sum;
}

function add(to: Amounts, amounts: Amounts): void {
  for (let i = 0; i < 4; i++) to[i]! += amounts[i]!;
}
