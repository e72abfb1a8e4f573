// The executor that runs tasks as processes of this machine. What must outlive the agent is in the supervisor; this is the
// part in the agent's process: it turns assignments into plans, writes the lease, reads output and passes reports on.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Assignment, NodeReport, ReadTaskLog, RunReport } from '#gen/isobar/v1/agent.ts';
import type { Clock } from '#ports/clock.ts';
import {
  type Executor,
  type ExecutorEvents,
  type LogPiece,
  type RunKey,
  keyOf,
} from '#ports/executor.ts';
import { isLive, reasonOf, reportOf } from '../reports.ts';
import type { SiteRules } from '../site.ts';
import type { Controller } from './cgroup.ts';
import { type Layout, logOf, openLayout } from './layout.ts';
import { writeLease } from './lease.ts';
import { Link } from './link.ts';
import { type LocalNode, reportOfNode, thisMachine } from './nodes.ts';
import { type PlanOptions, planOf } from './plan.ts';
import type { LocalReport, Order, Welcome } from './protocol.ts';
import { readOutput } from './read-log.ts';
import { readIfThere, writeWhole } from './store.ts';
import type { IsolationKind } from './trees.ts';

export interface LocalOptions {
  /** Its own directory on a local file system. Whoever opens it finds what the agent before left there. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly site: SiteRules;
  /** Directory with `NAME/KEY` for each secret. Absent: there are none. */
  readonly secretsDir?: string;
  /** Slices of this machine. Absent: one node with all of it. */
  readonly nodes?: readonly LocalNode[];
  /** Absent: the best that works here. */
  readonly isolation?: IsolationKind;
}

/** A start of the supervisor takes about 100 ms; this is for a machine that is very busy. */
const OPEN_MS = 30_000;
const LONGEST_GRACE_MS = 600_000;
/** For processes that were killed to be gone. */
const CLOSE_MS = 5000;

export class LocalExecutor implements Executor {
  readonly kind = 'local';
  readonly placement = 'BINDING';
  readonly offers: readonly string[] = [];
  readonly #options: LocalOptions;
  readonly #nodes: readonly LocalNode[];
  readonly #layout: Layout;
  readonly #link: Link;
  readonly #runs = new Map<string, LocalReport>();
  /** Runs that the supervisor was told to forget and has not yet. */
  readonly #forgetting = new Set<string>();
  /** Called when the runs change: for what waits for them. */
  readonly #waiting = new Set<() => void>();
  #events: ExecutorEvents | undefined;
  #isolation: IsolationKind | undefined;
  #controllers: readonly Controller[] = [];

  constructor(options: LocalOptions) {
    const stateDir = resolve(options.stateDir);
    this.#options = options;
    const hasUsers = Object.keys(options.site.tenants).length > 0;
    this.#layout = openLayout(stateDir, hasUsers);
    this.#nodes = options.nodes ?? [thisMachine(stateDir)];
    this.#link = new Link(this.#layout, stateDir, options.clock, options.isolation, {
      welcomed: (welcome) => this.#welcomed(welcome),
      reported: (report) => this.#reported(report),
    });
  }

  /** How trees of processes are ended here. Undefined before `open`. */
  isolation(): IsolationKind | undefined {
    return this.#isolation;
  }

  /** What of a task the kernel bounds here. Empty before `open`. */
  controllers(): readonly Controller[] {
    return this.#controllers;
  }

  async open(
    events: ExecutorEvents,
  ): Promise<{ nodes: readonly NodeReport[]; runs: readonly RunReport[] }> {
    this.#link.open();
    const isOpen = await this.#until(() => this.#isolation !== undefined, OPEN_MS);
    if (!isOpen) {
      await this.#link.close();
      const said = readIfThere(join(this.#layout.control, 'supervisor.log')) ?? '';
      throw new Error(
        `the supervisor did not start within ${OPEN_MS / 1000} s: ${said.trim().slice(-500) || 'it said nothing'}`,
      );
    }
    this.#events = events;
    return {
      nodes: this.#nodes.map(reportOfNode),
      runs: [...this.#runs.values()].map((run) => this.#toReport(run)),
    };
  }

  start(assignment: Assignment): void {
    const { run } = assignment;
    if (run === undefined) return;
    const planned = planOf(assignment, run, this.#planOptions());
    if ('plan' in planned) this.#send({ kind: 'start', plan: planned.plan });
    else this.#send({ kind: 'refuse', run, why: planned.refused });
  }

  stop(run: RunKey): void {
    this.#send({ kind: 'stop', run });
  }

  forget(run: RunKey): void {
    const known = this.#runs.get(keyOf(run));
    if (known !== undefined && !isLive(known.phase)) this.#runs.delete(keyOf(run));
    this.#forgetting.add(keyOf(run));
    this.#link.send({ kind: 'forget', run }, () => {
      this.#forgetting.delete(keyOf(run));
      this.#wake();
    });
  }

  setFence(deadlineBootMs: number): void {
    writeLease(this.#layout.control, deadlineBootMs);
    this.#send({ kind: 'fence' });
  }

  readLog(
    request: ReadTaskLog,
    onPiece: (piece: LogPiece) => void,
    onError: (message: string) => void,
  ): () => void {
    const key = request.run === undefined ? '' : keyOf(request.run);
    const run = this.#runs.get(key);
    const log = logOf(this.#layout, key, request.rank);
    // Of a run that was forgotten the output is still kept for a while.
    const isThere = run === undefined ? existsSync(log) : request.rank < run.tasks;
    if (!isThere) {
      onError('there is no output of this task');
      return () => {};
    }
    const hasEnded = (): boolean => {
      const known = this.#runs.get(key);
      return known === undefined || !isLive(known.phase);
    };
    const { tailLines, follow } = request;
    const { clock } = this.#options;
    return readOutput({ log, tailLines, follow, hasEnded, clock }, onPiece, onError);
  }

  async close(options: { readonly stopRuns: boolean }): Promise<void> {
    if (options.stopRuns) await this.#stopAll();
    this.#events = undefined;
    await this.#link.close();
  }

  #welcomed({ isolation, controllers = [], runs }: Welcome): void {
    this.#isolation = isolation;
    this.#controllers = controllers;
    for (const report of runs) {
      const known = this.#runs.get(keyOf(report));
      if (known?.phase !== report.phase) this.#reported(report);
    }
    this.#wake();
  }

  #reported(report: LocalReport): void {
    const key = keyOf(report);
    // Said by a supervisor that has not yet come to the order to forget it.
    if (this.#forgetting.has(key)) return;
    this.#runs.set(key, report);
    this.#events?.runChanged(this.#toReport(report));
    this.#wake();
  }

  #toReport(local: LocalReport): RunReport {
    const { why } = local;
    return {
      ...reportOf(local, local.phase),
      // Of a time before the last boot nothing is known but that it is over.
      ageMillis: Math.max(0, Math.round(this.#options.clock.bootMs() - local.sinceBootMs)),
      exitCode: local.exitCode,
      reason: why === null ? undefined : reasonOf(why.code, why),
      lastLines: [...local.lastLines],
      runMillis: local.runMillis,
    };
  }

  #planOptions(): PlanOptions {
    const { site, secretsDir } = this.#options;
    return {
      site,
      secretsDir,
      firstTenant: (tenant) => this.#firstTenant(tenant),
      devicesOf: (name) => this.#nodes.find(({ node }) => node === name)?.devices ?? [],
    };
  }

  /** The tenant that came first stays the first, also after a restart. */
  #firstTenant(tenant: string): string {
    const path = join(this.#layout.control, 'tenant');
    const known = readIfThere(path);
    if (known !== undefined) return known;
    writeWhole(path, tenant);
    return tenant;
  }

  async #stopAll(): Promise<void> {
    const isAnyLive = (): boolean => [...this.#runs.values()].some((run) => isLive(run.phase));
    // What was just started is known by then.
    await this.#until(() => this.#link.isAnswered, CLOSE_MS);
    for (const run of this.#runs.values()) if (isLive(run.phase)) this.stop(run);
    await this.#until(() => !isAnyLive() && this.#link.isAnswered, LONGEST_GRACE_MS + CLOSE_MS);
  }

  #send(order: Order): void {
    this.#link.send(order, () => this.#wake());
  }

  /** Whether it came to hold in time. Looked at when a run changes. */
  #until(holds: () => boolean, withinMs: number): Promise<boolean> {
    return new Promise((done) => {
      const look = (): void => {
        if (holds()) end(true);
      };
      const cancel = this.#options.clock.after(withinMs, () => end(false));
      const end = (held: boolean): void => {
        cancel();
        this.#waiting.delete(look);
        done(held);
      };
      this.#waiting.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }
}
