// Tenants as tables and in full.
import { wordOf } from '#client/enums.ts';
import { idOf } from '#client/names.ts';
import { Classification, Tenant } from '#client/types.ts';
import type { KindView } from '../kind.ts';
import { facts, tableSection } from '../sections.ts';
import type { Cell, Column } from '../table.ts';
import { cpus, devices, mib, timestamp } from '../units.ts';
import { ageText, fullness } from '../words.ts';

export const tenants: KindView<Tenant> = {
  selects: [],
  codec: Tenant,
  name: ({ name }) => name,
  columns,
  list: (client, { signal }) => client.tenants.list({ signal }).pages(),
  get: (client, { signal }, name) => client.tenants.get(name, { signal }),
  describe: async (_client, { io }, tenant) => [
    facts([
      ['Name', idOf(tenant.name)],
      ['Display name', tenant.displayName],
      ['Parent', tenant.parent === '' ? 'none, a root' : idOf(tenant.parent)],
      ['Weight', tenant.weight || 100],
      ['Home region', tenant.homeRegion],
      ['Classification', wordOf(Classification, tenant.defaultClassification)],
      ['Clearance', wordOf(Classification, tenant.clearance)],
      ['Queued jobs', `${tenant.queuedJobs} of at most ${tenant.maxQueuedJobs || 1_000_000}`],
      ['Running jobs', tenant.runningJobs],
      [
        'Added',
        tenant.createTime &&
          `${timestamp(tenant.createTime)} (${ageText(tenant.createTime, io.now())} ago)`,
      ],
    ]),
    tableSection(
      'Held by live runs of its subtree',
      [
        { title: 'RESOURCE', cell: ([title]) => title },
        { title: 'HELD', right: true, cell: ([, amount, unit]) => unit(held(tenant, amount)) },
        {
          title: 'QUOTA',
          right: true,
          cell: ([, amount, unit]) => quotaText(tenant, amount, unit),
        },
      ],
      AMOUNTS,
    ),
  ],
};

type Amount = 'cpuMillis' | 'memoryMib' | 'storageMib' | 'deviceThousandths';

const AMOUNTS: readonly (readonly [string, Amount, (n: number) => string])[] = [
  ['CPU', 'cpuMillis', cpus],
  ['memory', 'memoryMib', mib],
  ['storage', 'storageMib', mib],
  ['GPU', 'deviceThousandths', devices],
];

const held = (tenant: Tenant, amount: Amount): number => tenant.allocated?.[amount] ?? 0;

function quotaText(tenant: Tenant, amount: Amount, unit: (n: number) => string): string {
  const quota = tenant.quota?.[amount] ?? 0;
  return quota === 0 ? 'no limit' : unit(quota);
}

function columns(now: number): Column<Tenant>[] {
  return [
    { title: 'NAME', cell: ({ name }) => idOf(name) },
    { title: 'PARENT', cell: ({ parent }) => idOf(parent) },
    { title: 'WEIGHT', right: true, cell: ({ weight }) => weight || 100 },
    { title: 'QUEUED', right: true, cell: ({ queuedJobs }) => queuedJobs },
    { title: 'RUNNING', right: true, cell: ({ runningJobs }) => runningJobs },
    { title: 'CPU', cell: against('cpuMillis', cpus) },
    { title: 'MEMORY', cell: against('memoryMib', mib) },
    { title: 'GPU', cell: against('deviceThousandths', devices) },
    { title: 'STORAGE', wide: true, cell: against('storageMib', mib) },
    { title: 'CLEARANCE', wide: true, cell: ({ clearance }) => wordOf(Classification, clearance) },
    { title: 'REGION', wide: true, cell: ({ homeRegion }) => homeRegion },
    { title: 'DISPLAY NAME', wide: true, cell: ({ displayName }) => displayName },
    {
      title: 'AGE',
      right: true,
      wide: true,
      restless: true,
      cell: ({ createTime }) => ageText(createTime, now),
    },
  ];
}

/** Held against the quota; without one there is nothing to be full of. */
function against(amount: Amount, unit: (n: number) => string): (tenant: Tenant) => Cell {
  return (tenant) => {
    const quota = tenant.quota?.[amount] ?? 0;
    if (quota !== 0) return fullness(held(tenant, amount), quota, unit);
    return held(tenant, amount) === 0 ? '-' : unit(held(tenant, amount));
  };
}
