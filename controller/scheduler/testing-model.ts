// A small federation to which anything may happen, as a list of steps that can be made by chance and shortened. A step names things
// by position, so that it means something in every world: `pick` 7 is the eighth of what there is, counted around.
import { NONE } from '#core/columns.ts';
import type { RunReport } from '#core/command.ts';
import { liveRuns } from '#core/testing-invariants.ts';
import { quota, type JobWords, type NodeWords } from '#core/testing-words.ts';
import { rebuildDerived } from '#core/rebuild.ts';
import { isJobFinal, RunState } from '#domain/states.ts';
import { collect, Cursor, plan, QueueSupply, returnDropped } from './plan.ts';
import { Overlay } from '#core/overlay.ts';
import { INTAKE, type Scheduled } from './testing.ts';

export const SITES = ['north', 'south', 'west'] as const;
export const TENANTS = ['t', 'u', 'v'] as const;
const VERBS = ['cancel', 'hold', 'release', 'requeue', 'reprioritize'] as const;
export const PHASES = [
  RunState.ACCEPTED,
  RunState.STAGING,
  RunState.RUNNING,
  RunState.STOPPING,
  RunState.SUCCEEDED,
  RunState.FAILED,
  RunState.STOPPED,
] as const;

/** What jobs ask for. */
export const SHAPES: readonly Omit<JobWords, 'id'>[] = [
  {},
  { cpu: 3, wants: { maxAttempts: 3 } },
  { cpu: 7, memoryMib: 10, wants: { priority: 2 } },
  { cpu: 2, replicas: 3 },
  { groups: [{ cpu: 1, replicas: 2 }, { cpu: 4 }], wants: { unreachable: 3 } },
  { cpu: 1, devices: [{ share: 400 }] },
  { cpu: 1, devices: [{ share: 700 }], wants: { unreachable: 2 } },
  { cpu: 1, devices: [{ count: 2 }] },
  { cpu: 1, devices: [{ model: 'y' }, { share: 500 }] },
  { cpu: 1, extra: { fpga: 1 } },
  { cpu: 2, wants: { nodeRoles: ['hpc'], unreachable: 2 } },
  { cpu: 2, wants: { regions: ['r2'], priority: -1 } },
  { cpu: 11 },
];

/** What nodes are. */
export const NODES: readonly NodeWords[] = [
  {},
  { cpu: 4 },
  { cpu: 8, role: 'hpc', memoryMib: 15 },
  { cpu: 10, devices: ['x', 'x'] },
  { cpu: 6, devices: ['x', 'y', 'x'], extra: { fpga: 2 } },
  { cpu: 2, extra: { fpga: 1 } },
];

export type Step =
  | {
      readonly kind: 'submit';
      readonly tenant: number;
      readonly shape: number;
      readonly count: number;
      readonly after: readonly number[];
      readonly held: boolean;
    }
  | { readonly kind: 'pass'; readonly steps: number; readonly slices: number }
  | { readonly kind: 'report'; readonly pick: number; readonly phase: number }
  | { readonly kind: 'late'; readonly pick: number; readonly phase: number; readonly site: number }
  | { readonly kind: 'change'; readonly verb: number; readonly picks: readonly number[] }
  | { readonly kind: 'node'; readonly site: number; readonly node: number; readonly shape: number }
  | { readonly kind: 'gone'; readonly site: number; readonly node: number }
  | {
      readonly kind: 'cordon';
      readonly site: number;
      readonly node: number;
      readonly cordoned: boolean;
    }
  | { readonly kind: 'foreign'; readonly site: number; readonly node: number; readonly cpu: number }
  | { readonly kind: 'move'; readonly site: number; readonly verb: 'cordon' | 'uncordon' | 'drain' }
  | { readonly kind: 'drainNode'; readonly site: number; readonly node: number }
  | { readonly kind: 'depart'; readonly site: number }
  | { readonly kind: 'leave'; readonly site: number }
  | {
      readonly kind: 'join';
      readonly site: number;
      readonly knows: number;
      readonly credit: number;
    }
  | { readonly kind: 'expire'; readonly site: number }
  | { readonly kind: 'quota'; readonly tenant: number; readonly cpu: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'forgetJobs' }
  | { readonly kind: 'forgetRun'; readonly pick: number }
  | { readonly kind: 'stale'; readonly site: number; readonly node: number; readonly shape: number }
  | { readonly kind: 'restart' };

/** Where every sequence begins. */
export function begin(world: Scheduled): Scheduled {
  world.tenant('root', { quota: quota(40) });
  world.tenant('t', { parent: 'root', weight: 200 }).tenant('u', { parent: 'root' });
  world.tenant('v', { homeRegion: 'r2' });
  world.site('north', { nodes: { n0: {}, n1: { devices: ['x', 'x'] } } });
  world.site('south', { region: 'r2', nodes: { n0: { role: 'hpc' } } });
  world.site('west', { nodes: { n0: { extra: { fpga: 2 } } }, joins: false });
  return world;
}

export function take(world: Scheduled, step: Step): void {
  happen(world, step);
  world.countCredit();
}

function happen(world: Scheduled, step: Step): void {
  switch (step.kind) {
    case 'submit':
      return submit(world, step);
    case 'pass':
      world.pass({ steps: step.steps, slices: step.slices, countsCredit: true });
      return;
    case 'report': {
      const id = around(running(world), step.pick);
      if (id === undefined || !isConnected(world, world.siteOf(id))) return;
      const phase = PHASES[step.phase]!;
      const runMs = phase >= RunState.RUNNING ? step.pick * 1000 : 0;
      world.report(id, phase, { exitCode: phase === RunState.FAILED ? step.pick % 3 : 0, runMs });
      return;
    }
    case 'late': {
      const id = around(known(world), step.pick);
      if (id === undefined) return;
      const report = world.reportOf(id, PHASES[step.phase]!);
      world.reportAs(SITES[step.site]!, [{ ...report, epoch: report.epoch - 1, runMs: 77 }]);
      return;
    }
    case 'change': {
      const tenant = TENANTS[step.picks[0]! % TENANTS.length]!;
      const ids = step.picks
        .map((at) => around(known(world, tenant), at))
        .filter((id) => id !== undefined);
      if (ids.length === 0 || !world.state.tenants.has(tenant)) return;
      world.change(VERBS[step.verb]!, ids, { tenant, priority: step.picks.length });
      return;
    }
    case 'node':
      world.nodes(SITES[step.site]!, { [`n${step.node}`]: NODES[step.shape]! });
      return;
    case 'gone':
      world.nodes(SITES[step.site]!, {}, [`n${step.node}`]);
      return;
    case 'cordon': {
      const command = { dataCenter: SITES[step.site]!, node: `n${step.node}` };
      world.run({ kind: 'cordonNode', ...command, cordoned: step.cordoned });
      return;
    }
    case 'foreign':
      world.foreign(SITES[step.site]!, `n${step.node}`, step.cpu);
      return;
    case 'move':
      world.run({ kind: 'moveDataCenter', id: SITES[step.site]!, verb: step.verb });
      return;
    case 'drainNode':
      world.run({ kind: 'drainNode', dataCenter: SITES[step.site]!, node: `n${step.node}` });
      return;
    case 'depart':
      world.run({ kind: 'leaveDataCenter', id: SITES[step.site]! });
      return;
    case 'leave':
      world.leave(SITES[step.site]!);
      return;
    case 'join':
      return join(world, step);
    case 'expire':
      if (isConnected(world, SITES[step.site])) return;
      world.observe({ kind: 'leaseOver', dataCenter: SITES[step.site]! });
      world.expire(SITES[step.site]!);
      return;
    case 'quota': {
      const id = TENANTS[step.tenant] ?? 'root';
      const { entity } = world.state.tenants.get(id)!;
      const { parent, weight, homeRegion } = entity;
      world.tenant(id, { parent, weight, homeRegion, quota: quota(step.cpu) });
      return;
    }
    case 'wait':
      world.wait(step.ms);
      return;
    case 'forgetJobs': {
      const { jobs } = world.state;
      const rows = Array.from({ length: jobs.end }, (_, row) => row);
      const ended = rows.filter((row) => jobs.uid[row] !== NONE && isJobFinal(jobs.stateOf(row)));
      world.must({ kind: 'forgetJobs', uids: ended.map((row) => jobs.uid[row]!) });
      return;
    }
    case 'forgetRun': {
      const id = around(running(world), step.pick);
      if (id === undefined) return;
      const tenant = world.state.jobs.tenantOf(world.row(id));
      world.run({ kind: 'forgetRun', tenant, job: id, index: 0, epoch: world.epochOf(id) });
      return;
    }
    case 'stale':
      return placeStale(world, step);
    case 'restart':
      return restart(world);
    default:
      step satisfies never;
  }
}

function submit(world: Scheduled, step: Extract<Step, { kind: 'submit' }>): void {
  const tenant = TENANTS[step.tenant]!;
  const others = known(world, tenant);
  const after = step.after
    .map((at) => around(others, at))
    .filter((id) => id !== undefined)
    .map((id, i) => (i % 2 === 0 ? id : `${id}?`));
  const first = world.state.nextJob;
  const jobs = Array.from({ length: step.count }, (_, i) => ({
    id: `j${first + i}`,
    ...SHAPES[step.shape],
    held: step.held,
    after,
  }));
  world.submitAll(jobs, { tenant });
}

function join(world: Scheduled, step: Extract<Step, { kind: 'join' }>): void {
  const id = SITES[step.site]!;
  const runs: RunReport[] = [];
  for (const [at, job] of running(world).entries()) {
    // The agent knows some of its runs, in any phase.
    const isKnown = ((step.knows >> (at % 8)) & 1) === 1;
    if (world.siteOf(job) === id && isKnown) {
      runs.push(world.reportOf(job, PHASES[(at + step.knows) % PHASES.length]!));
    }
  }
  world.join(id, { runs, credit: step.credit });
}

/** Something changes between a plan and its decision. */
function placeStale(world: Scheduled, step: Extract<Step, { kind: 'stale' }>): void {
  const { state, cursor } = world;
  world.releaseDelayed();
  while (!collect(state, cursor));
  const supply = new QueueSupply(state);
  const { decisions } = plan(state, new Overlay(state), world.policy, cursor, supply, 1000);
  world.nodes(SITES[step.site]!, { [`n${step.node}`]: NODES[step.shape]! });
  if (decisions.length === 0) return;
  world.placeAs(decisions);
  returnDropped(state, cursor, decisions);
}

/** The controller starts anew: what is observed is unknown, what is derived is made again. */
function restart(world: Scheduled): void {
  for (const id of SITES) {
    for (const name of ['n0', 'n1', 'n2', 'n3']) world.foreign(id, name, 0);
    world.leave(id);
  }
  rebuildDerived(world.state);
  world.releaseDelayed();
  world.cursor = new Cursor(world.state, INTAKE);
}

function running(world: Scheduled): readonly string[] {
  return [...liveRuns(world.state)].map(([job]) => world.state.jobs.idOf(job));
}

function known(world: Scheduled, tenant?: string): readonly string[] {
  const tenants = tenant === undefined ? TENANTS : [tenant];
  return tenants.flatMap((id) =>
    [...world.state.jobs.rowsOfTenant(id)].map((row) => world.state.jobs.idOf(row)),
  );
}

function isConnected(world: Scheduled, id: string | undefined): boolean {
  return world.state.dataCenters.get(id ?? '')?.session !== undefined;
}

function around<T>(list: readonly T[], at: number): T | undefined {
  return list[at % list.length];
}
