// The usage ledger: tenant × data center × resource × hour. Booked when a run ends, spread over the hours that it touched.
import type { UsageBooked } from '#gen/isobar/log/v1/event.ts';
import { isAhead, noAmounts, type Amounts, type State, type UsageCell } from './state.ts';

export const HOUR_MS = 3_600_000;

export function foldUsageBooked(state: State, event: UsageBooked): void {
  const { tenant, dataCenter, reserveMs, startMs, endMs, amounts } = event;
  const lastHour = hourOf(endMs);
  for (let hour = hourOf(reserveMs); hour <= lastHour; hour++) {
    const key = usageKey(tenant, dataCenter, hour);
    if (isAhead(state, 'usage', key, state.revision)) continue;
    const cell = cellOf(state, tenant, dataCenter, hour);
    bookHour(cell, { hour, reserveMs, startMs, endMs }, amounts);
    if (event.wasted && startMs > 0)
      book(cell.wasted, amounts, overlapSeconds(hour, startMs, endMs));
    if (hour === lastHour) cell.runs++;
    cell.revision = state.revision;
  }
}

export function usageKey(tenant: string, dataCenter: string, hour: number): string {
  return `${tenant}/${dataCenter}/${hour}`;
}

function cellOf(state: State, tenant: string, dataCenter: string, hour: number): UsageCell {
  const key = usageKey(tenant, dataCenter, hour);
  let cell = state.usage.get(key);
  if (cell === undefined) {
    cell = {
      tenant,
      dataCenter,
      hour,
      reserved: noAmounts(),
      granted: noAmounts(),
      wasted: noAmounts(),
      runs: 0,
      revision: 0,
    };
    state.usage.set(key, cell);
  }
  return cell;
}

export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS);
}

interface RunTimes {
  readonly hour: number;
  readonly reserveMs: number;
  /** 0: it has not started. */
  readonly startMs: number;
  readonly endMs: number;
}

/** What a run had reserved and was granted within one hour. */
export function bookHour(
  to: { readonly reserved: Amounts; readonly granted: Amounts },
  { hour, reserveMs, startMs, endMs }: RunTimes,
  amounts: ArrayLike<number>,
): void {
  book(to.reserved, amounts, overlapSeconds(hour, reserveMs, endMs));
  if (startMs > 0) book(to.granted, amounts, overlapSeconds(hour, startMs, endMs));
}

/**
 * Full seconds that began within the time and the hour. Seconds, because milliseconds of a large data center's storage pass
 * 2^53; counted by their beginnings, so that parts of a time add up to the whole of it exactly.
 */
function overlapSeconds(hour: number, fromMs: number, toMs: number): number {
  const from = Math.max(fromMs, hour * HOUR_MS);
  const to = Math.min(toMs, (hour + 1) * HOUR_MS);
  return Math.max(0, Math.floor(to / 1000) - Math.floor(from / 1000));
}

function book(to: Amounts, amounts: ArrayLike<number>, seconds: number): void {
  for (let i = 0; i < 4; i++) to[i]! += (amounts[i] ?? 0) * seconds;
}
