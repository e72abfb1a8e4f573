// What a world is made of, drawn from its seed.
import { toDataCenter, toTenant, quota } from '#core/testing-words.ts';
import type { DataCenter, Tenant } from '#gen/isobar/log/v1/entity.ts';
import type { NodeReport } from '#gen/isobar/v1/agent.ts';
import type { Resources } from '#gen/isobar/v1/resources.ts';
import type { Limits } from '#loop/loop.ts';
import type { SeededRandom } from './random.ts';

/**
 * What may happen. `calm`: nothing. `outages`: only the controller goes away, for less than the lease. `rough`, `wild`: all faults,
 * some or many. `drifting`: also clocks that differ by more than the system allows for, so that less is promised.
 */
export type Profile = 'calm' | 'outages' | 'rough' | 'wild' | 'drifting';

export interface SitePlan {
  readonly entity: DataCenter;
  readonly nodes: readonly NodeReport[];
  readonly rate: number;
  readonly stageMs: number;
}

export interface Plan {
  readonly profile: Profile;
  readonly tenants: readonly Tenant[];
  readonly sites: readonly SitePlan[];
  readonly jobs: number;
  readonly chaosMs: number;
  readonly controllerRate: number;
  readonly isEncoded: boolean;
  readonly limits: Limits;
  readonly credit: number;
  readonly appendMs: number;
}

const PROFILES: readonly Profile[] = [
  'outages',
  'rough',
  'wild',
  'rough',
  'drifting',
  'wild',
  'rough',
  'wild',
];
/** Just below the share that leases allow for (loop/leases.ts), and far above it. */
const WITHIN = 0.0099;
const BEYOND = 0.2;

export function drawPlan(
  seed: number,
  random: SeededRandom,
  profile = PROFILES[seed % PROFILES.length]!,
): Plan {
  const drift = profile === 'drifting' ? BEYOND : WITHIN;
  const rate = () =>
    profile === 'calm'
      ? 1
      : random.pick([1, 1, 1 + random.between(-drift, drift), 1 - drift, 1 + drift]);
  const leases =
    profile === 'outages' ? [60_000, 120_000] : [5_000, 5_000, 10_000, 20_000, 60_000, 600_000];
  return {
    profile,
    tenants: drawTenants(random),
    sites: Array.from({ length: random.whole(3, 5) }, (_, i) =>
      drawSite(i, random, rate(), random.pick(leases)),
    ),
    jobs: random.whole(20, 100),
    chaosMs: random.whole(2, 8) * 60_000,
    controllerRate: rate(),
    isEncoded: seed % 4 === 1,
    limits: {
      checkpointEveryRecords: random.pick([20, 60, 200]),
      checkpointRowsASlice: random.pick([1, 3, 10, 100]),
      keptEvents: random.pick([1, 20, 200]),
    },
    credit: random.pick([2, 8, 4096]),
    appendMs: random.pick([1, 5, 40]),
  };
}

/** A tree whose ids are in the wrong order on purpose: a child comes before its parent in the alphabet. */
function drawTenants(random: SeededRandom): Tenant[] {
  const limit = () => (random.chance(0.5) ? quota(random.whole(16, 40)) : undefined);
  return [
    toTenant('z-state', { quota: limit() }),
    toTenant('m-energy', { parent: 'z-state', quota: limit(), weight: random.whole(50, 300) }),
    toTenant('a-grid', { parent: 'm-energy', quota: limit() }),
    toTenant('health', { homeRegion: 'r1' }),
  ];
}

function drawSite(i: number, random: SeededRandom, rate: number, leaseMs: number): SitePlan {
  const count = random.whole(2, 5);
  return {
    entity: toDataCenter(`site-${String.fromCodePoint(101 - i)}`, {
      region: `r${(i % 3) + 1}`,
      leaseMs,
    }),
    nodes: Array.from({ length: count }, (_, at) => drawNode(`n${at + 1}`, random)),
    rate,
    stageMs: random.pick([0, 0, 200, 3000]),
  };
}

function drawNode(node: string, random: SeededRandom): NodeReport {
  const hasDevices = random.chance(0.25);
  return {
    node,
    role: 'general',
    labels: {},
    allocatable: resources(random.pick([8, 8, 12, 16]), 64_000),
    devices: hasDevices
      ? Array.from({ length: random.whole(1, 4) }, () => ({
          model: 'a100',
          memoryMib: 40_000,
          freeThousandths: 0,
        }))
      : [],
    foreign: resources(0, 0),
    removed: false,
  };
}

export function resources(cpus: number, memoryMib: number): Resources {
  return {
    cpuMillis: cpus * 1000,
    memoryMib,
    storageMib: 0,
    extra: {},
    deviceThousandths: 0,
    devices: [],
  };
}
