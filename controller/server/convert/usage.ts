// Usage as callers see it.
import { dataCenterName, tenantName } from '#domain/names.ts';
import type { ResourceTime, UsageRow } from '#gen/isobar/v1/usage.ts';
import { HOUR_MS, type UsageSum } from '#loop/usage.ts';

export function toUsageRow(sum: UsageSum): UsageRow {
  return {
    tenant: tenantName(sum.tenant),
    dataCenter: dataCenterName(sum.dataCenter),
    startTime: new Date(sum.hour * HOUR_MS),
    reserved: toTime(sum.reserved),
    granted: toTime(sum.granted),
    wasted: toTime(sum.wasted),
    runs: sum.runs,
  };
}

/** Amounts of the four dimensions of domain/resources.ts, in their order, by seconds. */
function toTime([cpu = 0, memory = 0, storage = 0, device = 0]: ArrayLike<number> &
  Iterable<number>): ResourceTime {
  return {
    cpuMilliSeconds: cpu,
    memoryMibSeconds: memory,
    storageMibSeconds: storage,
    deviceMilliSeconds: device,
  };
}
