// Stories in text files: commands, each with what happened after it. A line of `----` stands between the two, an empty line after
// them. Like the interaction tests of etcd's raft: who changes the system reads the difference as a story.
import { toDataCenter, toItem, toTenant } from '#core/testing-words.ts';
import { isRunFinal, JobState, nameOf, RunState } from '#domain/states.ts';
import type { NodeReport } from '#gen/isobar/v1/agent.ts';
import { resources, type Plan, type SitePlan } from './plan.ts';
import { World } from './world.ts';

type Words = Readonly<Record<string, string>>;

const POLICIES: Words = { REPLACE: '1', WAIT: '2', FAIL: '3' };
const TENANT = 't';

/** Runs the commands of a story and writes it again with what really happened. */
export async function tell(text: string): Promise<string> {
  const story = new Story();
  const told: string[] = [];
  for (const block of text.trim().split(/\n\s*\n/)) {
    const [command = ''] = block.split('\n----');
    const lines = command.split('\n');
    const isRemark = lines.every((line) => line.startsWith('#'));
    if (isRemark) {
      told.push(command);
      continue;
    }
    const output: string[] = [];
    for (const line of lines) if (!line.startsWith('#')) output.push(...(await story.run(line)));
    told.push([command, '----', ...output].join('\n'));
  }
  return `${told.join('\n\n')}\n`;
}

class Story {
  readonly #sites: SitePlan[] = [];
  readonly #lines: string[] = [];
  #world: World | undefined;

  async run(line: string): Promise<readonly string[]> {
    const [verb = '', name = '', ...rest] = line.trim().split(/\s+/);
    const words = Object.fromEntries(rest.map((word) => word.split('=') as [string, string]));
    this.#lines.length = 0;
    if (verb === 'site') this.#site(name, words);
    else if (verb === 'begin') await this.#begin();
    else await this.#act(this.#begun(), verb, name, words);
    return this.#lines;
  }

  #site(id: string, words: Words): void {
    const { nodes = '1', cpus = '10', lease = '60s' } = words;
    const node = (i: number): NodeReport => ({
      node: `n${i + 1}`,
      role: 'general',
      labels: {},
      allocatable: resources(Number(cpus), 64_000),
      devices: [],
      foreign: resources(0, 0),
      removed: false,
    });
    this.#sites.push({
      entity: toDataCenter(id, { leaseMs: msOf(lease) }),
      nodes: Array.from({ length: Number(nodes) }, (_, i) => node(i)),
      rate: 1,
      stageMs: 0,
    });
  }

  async #begin(): Promise<void> {
    const plan: Plan = {
      profile: 'calm',
      tenants: [toTenant(TENANT)],
      sites: this.#sites,
      jobs: 0,
      chaosMs: 0,
      controllerRate: 1,
      isEncoded: true,
      limits: { checkpointEveryRecords: 1000, checkpointRowsASlice: 100, keptEvents: 1000 },
      credit: 4096,
      appendMs: 1,
    };
    this.#world = new World({ seed: 1, plan, print: (line) => this.#note(line) });
    this.#world.begin();
    await this.#world.advance(5_000);
    this.#lines.length = 0;
  }

  #begun(): World {
    if (this.#world === undefined) throw new Error('a story begins with its sites and `begin`');
    return this.#world;
  }

  /** With names of jobs instead of uids, and times to a tenth. */
  #note(line: string): void {
    const { model } = this.#begun();
    const named = line.replaceAll(/(\d{10,})-0-(\d+)/g, (_, uid: string, epoch: string) => {
      return `${model.jobs.get(Number(uid))?.id ?? uid}/${epoch}`;
    });
    const states = named
      .replace(
        /^(\s*\S+  job \S+) (\d+) to (\d+)/,
        (_, start: string, a: string, b: string) => `${start} ${job(a)} → ${job(b)}`,
      )
      .replace(
        /^(\s*\S+  run \S+) (\d+) to (\d+)/,
        (_, start: string, a: string, b: string) => `${start} ${run(a)} → ${run(b)}`,
      )
      .replace(/ as (\d+) ?/, (_, phase: string) => ` as ${run(phase)} `);
    const [ms = '', ...text] = states.trim().split('  ');
    this.#lines.push(`${Number(ms).toFixed(1)} ${text.join('  ')}`.trimEnd());
  }

  async #act(world: World, verb: string, name: string, words: Words): Promise<void> {
    const site = world.sites.get(name);
    const line = site?.options.line;
    switch (verb) {
      case 'advance':
        return world.advance(msOf(name));
      case 'submit':
        this.#submit(world, name, words);
        break;
      case 'cancel':
      case 'requeue': {
        const selector = { tenant: TENANT, ids: [name], jobSet: '' };
        world.insist({ kind: 'changeJobs', verb, selector, priority: 0 });
        break;
      }
      case 'drain':
      case 'cordon':
      case 'uncordon':
        close(world, verb, name);
        break;
      case 'delete':
        world.insist({ kind: 'deleteDataCenter', id: name, etag: undefined });
        break;
      case 'partition':
        line?.partition('drop', 'drop');
        break;
      case 'hold':
        line?.partition('open', 'hold');
        break;
      case 'heal':
        line?.heal();
        break;
      case 'crash-agent':
        site?.crash();
        break;
      case 'start-agent':
        site?.start();
        break;
      case 'jump-wall':
        world.machine.wallOffMs += msOf(name);
        break;
      case 'crash-controller':
        world.crashController('lost', msOf(name));
        return;
      case 'show':
        this.#show(world);
        return;
      default:
        throw new Error(`there is no command ${verb}`);
    }
    // Until what was asked has come about on a calm network.
    await world.advance(1_000);
  }

  #submit(world: World, id: string, words: Words): void {
    const {
      cpu = '1',
      replicas = '1',
      runs = 'ever',
      unreachable = 'REPLACE',
      stop = '0s',
      failures = '0',
    } = words;
    const item = {
      ...toItem(TENANT, {
        id,
        cpu: Number(cpu),
        replicas: Number(replicas),
        wants: {
          unreachable: Number(POLICIES[unreachable]),
          maxAttempts: Number(failures) + 1,
          backoffMs: 5_000,
          maxBackoffMs: 20_000,
        },
      }),
      spec: new TextEncoder().encode(id),
    };
    const ms = runs === 'ever' ? Infinity : msOf(runs);
    const fate = {
      failures: Number(failures),
      exitCode: 1,
      ms,
      stopMs: msOf(stop),
      maxMs: Infinity,
    };
    world.callers.jobs.set(`${TENANT}/${id}`, { tenant: TENANT, item, ...fate });
    world.insist({
      kind: 'submitJobs',
      tenant: TENANT,
      user: 'ada',
      items: [item],
      allOrNothing: false,
    });
  }

  #show(world: World): void {
    for (const { id, state, run: live, reason } of world.model.jobs.values()) {
      const where =
        live === undefined
          ? ''
          : ` ${live.dataCenter}/${live.parts[0]?.allocations[0]?.node ?? ''} ${run(String(live.state))}`;
      this.#lines.push(`${id} ${job(String(state))}${where}${reason === '' ? '' : ` ${reason}`}`);
    }
    for (const [id, site] of world.sites) {
      const alive = [...site.executor.alive].filter(({ phase }) => !isRunFinal(phase));
      const runs = alive.map(
        ({ jobUid, epoch }) => `${world.model.jobs.get(jobUid)?.id ?? ''}/${epoch}`,
      );
      this.#lines.push(
        `${id} ${site.isJoined ? 'joined' : 'apart'}, alive: ${runs.join(' ') || 'nothing'}`,
      );
    }
  }
}

/** A data center, or a node of it: `a` or `a/n1`. */
function close(world: World, verb: 'cordon' | 'uncordon' | 'drain', name: string): void {
  const [id = '', node] = name.split('/');
  if (node === undefined) world.insist({ kind: 'moveDataCenter', id, verb });
  else if (verb === 'drain') world.insist({ kind: 'drainNode', dataCenter: id, node });
  else {
    const cordoned = verb === 'cordon';
    world.insist({ kind: 'cordonNode', dataCenter: id, node, cordoned });
  }
}

function msOf(text: string): number {
  const [, number = '', unit = ''] = /^(-?[\d.]+)(ms|s|min|h)$/.exec(text) ?? [];
  const factor = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }[unit];
  if (factor === undefined) throw new Error(`${text} is no time, as 500ms, 10s or 2min`);
  return Number(number) * factor;
}

// Only numbers of the tables are printed.
function job(state: string): string {
  return nameOf(JobState, Number(state) as JobState);
}

function run(state: string): string {
  return nameOf(RunState, Number(state) as RunState);
}
