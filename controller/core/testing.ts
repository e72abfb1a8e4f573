// Worlds for tests, built in few words: a case says what matters, everything else has a default. A world is changed as the
// loop changes it, by commands that are decided and folded, and it keeps a journal from which it can be made again.
import { isRefusal } from '#domain/refusal.ts';
import type { RunState } from '#domain/states.ts';
import type {
  DataCenter as DataCenterEntity,
  RunPart,
  Tenant as TenantEntity,
} from '#gen/isobar/log/v1/entity.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import type {
  Accepted,
  AnswerOf,
  Command,
  CommandOf,
  Outcome,
  Placement,
  RunReport,
  SubmitAnswer,
} from './command.ts';
import { decide } from './decide.ts';
import { foldRecord } from './fold.ts';
import { observe, type Observation } from './observe.ts';
import { releaseDelayed } from './queue.ts';
import { emptyState, type State } from './state.ts';
import {
  toDataCenter,
  toNodes,
  toItem,
  toTenant,
  type JobWords,
  type NodeWords,
} from './testing-words.ts';
import { WorldView } from './testing-view.ts';

/** When every world begins: full hour, so that hours of the ledger are easy to reckon. */
export const BEGIN_MS = 1_800_000_000_000;

export type Entry =
  | {
      readonly kind: 'record';
      readonly revision: number;
      readonly timeMs: number;
      readonly events: readonly Event[];
    }
  | { readonly kind: 'observation'; readonly observation: Observation }
  | { readonly kind: 'release'; readonly nowMs: number };

/** What a test may put in the way of a command, to see whether it is noticed. */
export interface WorldOptions {
  /** Called with every outcome before it is folded. */
  readonly beforeFold?: (world: World, events: readonly Event[]) => void;
  /** Called when a record was folded. */
  readonly afterFold?: (world: World, events: readonly Event[]) => void;
  /** Stands for decide. */
  readonly decide?: typeof decide;
  /** Goes on where another world is: made again from its journal. */
  readonly from?: World;
}

export interface SiteWords extends Partial<Omit<DataCenterEntity, 'id'>> {
  /** How many equal nodes, or each by its id. */
  readonly nodes?: number | Readonly<Record<string, NodeWords>>;
  /** Of each of the equal nodes. */
  readonly node?: NodeWords;
  readonly credit?: number;
  readonly executorOffers?: readonly string[];
  /** False: registered only, no agent has joined. */
  readonly joins?: boolean;
}

export class World extends WorldView {
  readonly journal: Entry[] = [];
  nowMs = BEGIN_MS;
  #sessions = 0;
  readonly #options: WorldOptions;

  constructor(options: WorldOptions = {}) {
    super(options.from === undefined ? emptyState() : replay(options.from.journal));
    this.#options = options;
    if (options.from !== undefined) {
      this.journal.push(...options.from.journal);
      this.nowMs = options.from.nowMs;
      this.#sessions = options.from.#sessions;
      return;
    }
    this.must({ kind: 'foundFederation', federation: 'nation', incarnation: 1 });
  }

  /** Decides and folds, as the loop does. */
  run<C extends Command>(command: C, actor = 'ada'): Outcome<AnswerOf<C['kind']>> {
    const context = { actor, method: command.kind, requestId: 'r', nowMs: this.nowMs };
    const outcome = (this.#options.decide ?? decide)(this.state, command, context);
    if (outcome.kind === 'accepted' && outcome.events.length > 0) this.fold(outcome.events);
    return outcome;
  }

  /** The same; a refusal is a mistake of the test. */
  must<C extends Command>(command: C, actor = 'ada'): Accepted<AnswerOf<C['kind']>> {
    const outcome = this.run(command, actor);
    if (isRefusal(outcome)) {
      throw new Error(`${command.kind} was refused: ${outcome.reason} ${outcome.message}`);
    }
    return outcome;
  }

  /** Reason of the refusal, or `accepted`. */
  reasonOf(command: Command): string {
    const outcome = this.run(command);
    return isRefusal(outcome) ? outcome.reason : 'accepted';
  }

  fold(events: readonly Event[]): void {
    this.#options.beforeFold?.(this, events);
    const revision = this.state.revision + 1;
    foldRecord(this.state, revision, this.nowMs, events);
    this.journal.push({ kind: 'record', revision, timeMs: this.nowMs, events });
    this.#options.afterFold?.(this, events);
  }

  observe(observation: Observation): this {
    observe(this.state, observation);
    this.journal.push({ kind: 'observation', observation });
    return this;
  }

  wait(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  /** As the loop does it before each slice. */
  releaseDelayed(): number | undefined {
    this.journal.push({ kind: 'release', nowMs: this.nowMs });
    return releaseDelayed(this.state, this.nowMs);
  }

  tenant(id: string, words: Partial<Omit<TenantEntity, 'id'>> = {}): this {
    const mode = this.state.tenants.has(id) ? 'update' : 'create';
    this.must({ kind: 'putTenant', mode, entity: toTenant(id, words), etag: undefined });
    return this;
  }

  /** A data center with its nodes, whose agent has joined. */
  site(id: string, words: SiteWords = {}): this {
    const mode = this.state.dataCenters.has(id) ? 'update' : 'create';
    const { nodes = 1, node = {}, credit, executorOffers, joins = true, ...rest } = words;
    const entity = toDataCenter(id, rest);
    this.must({ kind: 'putDataCenter', mode, entity, etag: undefined });
    if (joins) this.join(id, { nodes: toNodes(nodes, node), credit, executorOffers });
    return this;
  }

  /** An agent says hello; without `nodes` with those that are known. */
  join(
    id: string,
    words: {
      readonly nodes?: CommandOf<'joinDataCenter'>['nodes'];
      readonly runs?: readonly RunReport[];
      readonly credit?: number | undefined;
      readonly executorOffers?: readonly string[] | undefined;
    } = {},
  ): AnswerOf<'joinDataCenter'> {
    const { answer } = this.must({
      kind: 'joinDataCenter',
      id,
      executor: 'simulated',
      placement: 1,
      offers: words.executorOffers ?? [],
      nodes: words.nodes ?? this.nodesOf(id),
      runs: words.runs ?? [],
    });
    this.observe({
      kind: 'sessionOpened',
      dataCenter: id,
      number: ++this.#sessions,
      credit: words.credit ?? 4096,
    });
    return answer;
  }

  leave(id: string): this {
    const number = this.state.dataCenters.get(id)?.session?.number ?? 0;
    return this.observe({ kind: 'sessionClosed', dataCenter: id, number });
  }

  /** The agent reports nodes, new or changed, and those that are gone. */
  nodes(
    id: string,
    nodes: Readonly<Record<string, NodeWords>>,
    removed: readonly string[] = [],
  ): this {
    const command = { dataCenter: id, nodes: toNodes(nodes, {}), removed };
    this.must({ kind: 'reportNodes', ...command });
    return this;
  }

  nodesOf(id: string): CommandOf<'joinDataCenter'>['nodes'] {
    const dataCenter = this.state.dataCenters.get(id);
    const rows = [...(dataCenter?.nodes.values() ?? [])];
    return rows
      .filter((row) => this.state.nodes.removed[row] === 0)
      .map((row) => {
        const { cpuMillis, memoryMib, storageMib, extra, devices, ...rest } =
          this.state.nodes.descriptionOf(row);
        const allocatable = { cpuMillis, memoryMib, storageMib, extra, deviceThousandths: 0 };
        return { ...rest, labels: { ...rest.labels }, allocatable, devices: [...devices] };
      });
  }

  foreign(id: string, node: string, cpu: number, memoryMib = 0): this {
    return this.observe({
      kind: 'foreignUse',
      dataCenter: id,
      node,
      cpuMillis: cpu * 1000,
      memoryMib,
      storageMib: 0,
    });
  }

  /** Submits a batch for a tenant; `t` is made when it is first named. */
  submitAll(
    jobs: readonly JobWords[],
    options: { readonly tenant?: string; readonly allOrNothing?: boolean } = {},
  ): readonly SubmitAnswer[] {
    const { tenant = 't', allOrNothing = false } = options;
    if (!this.state.tenants.has(tenant)) this.tenant(tenant);
    const items = jobs.map((job) => toItem(tenant, job));
    return this.must({ kind: 'submitJobs', tenant, user: 'ada', items, allOrNothing }).answer;
  }

  /** Submits jobs that must be accepted. */
  submit(...jobs: readonly JobWords[]): this {
    for (const job of jobs) {
      for (const answer of this.submitAll([job], { tenant: job.tenant ?? 't' })) {
        if (isRefusal(answer)) throw new Error(`${job.id} was refused: ${answer.message}`);
      }
    }
    return this;
  }

  change(
    verb: CommandOf<'changeJobs'>['verb'],
    ids: string | readonly string[],
    options: { readonly tenant?: string; readonly priority?: number; readonly actor?: string } = {},
  ): AnswerOf<'changeJobs'> {
    const { tenant = 't', priority = 0, actor = 'ada' } = options;
    const selector = { tenant, ids: typeof ids === 'string' ? [ids] : ids, jobSet: '' };
    return this.must({ kind: 'changeJobs', verb, selector, priority }, actor).answer;
  }

  /** Places a job by hand: all of its tasks on one node. Answers whether it was not dropped. */
  place(id: string, dataCenter: string, node = 'n1', words: Partial<RunPart> = {}): boolean {
    const part = { dataCenter, allocations: this.allocationsFor(id, node), ...words };
    return this.placeAs([{ uid: this.uid(id), parts: [part], decision: '' }]) === 1;
  }

  /** How many of the placements were taken. */
  placeAs(placements: readonly Placement[]): number {
    const { answer } = this.must({ kind: 'place', placements }, 'controller');
    return placements.length - answer.dropped;
  }

  allocationsFor(id: string, node: string): RunPart['allocations'] {
    const number = this.state.jobs.classNumber[this.row(id)]!;
    const groups = this.state.classes.get(number)?.entity.groups ?? [];
    return groups.map((shape, group) => ({
      node,
      group,
      tasks: shape.replicas,
      devices: [],
      thousandths: [],
    }));
  }

  /** The agent of the data center where the job runs reports. */
  report(id: string, phase: RunState, words: Partial<RunReport> & { at?: string } = {}) {
    const { at, ...fields } = words;
    const report = { ...this.reportOf(id, phase), ...fields };
    return this.reportAs(at ?? this.siteOf(id) ?? '', [report]);
  }

  reportAs(dataCenter: string, runs: readonly RunReport[]): AnswerOf<'reportRuns'> {
    return this.must({ kind: 'reportRuns', dataCenter, runs }, 'agent').answer;
  }

  reportOf(id: string, phase: RunState): RunReport {
    const row = this.row(id);
    return {
      uid: this.state.jobs.uid[row]!,
      index: 0,
      epoch: this.state.jobs.epoch[row]!,
      phase,
      timeMs: this.nowMs,
      exitCode: 0,
      reason: undefined,
      lastLines: [],
      runMs: 0,
    };
  }

  expire(dataCenter: string): number {
    return this.must({ kind: 'expireLease', dataCenter }, 'controller').answer.replacedRuns;
  }
}

/** The same state, made anew from what was recorded and observed. */
export function replay(journal: readonly Entry[]): State {
  const state = emptyState();
  for (const entry of journal) {
    if (entry.kind === 'record') foldRecord(state, entry.revision, entry.timeMs, entry.events);
    else if (entry.kind === 'observation') observe(state, entry.observation);
    else releaseDelayed(state, entry.nowMs);
  }
  return state;
}
