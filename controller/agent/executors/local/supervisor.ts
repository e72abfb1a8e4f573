// The supervisor: a process of its own for each state directory, which starts runs, watches them, stops them and keeps the
// fence, whether an agent is there or not. All it knows is on disk too: killed at any moment, the next one goes on.
//
//   node supervisor.ts STATE_DIR [ISOLATION]
//
// It has no other imports than it needs, because an agent waits for its start.
import type { ChildProcess } from 'node:child_process';
import { readdirSync, rm, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { type Server, type Socket, createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { RunState } from '#domain/states.ts';
import { type RunKey, keyOf } from '#ports/executor.ts';
import { startGuard } from './guard.ts';
import { type Layout, openLayout, runOfFile, socketOf } from './layout.ts';
import { readLease } from './lease.ts';
import { removeOldOutput } from './output.ts';
import { bootId, bootMs, codeOf, identify } from './proc.ts';
import {
  type Answer,
  Lines,
  type LocalReport,
  type Numbered,
  type Plan,
  type Why,
  lineOf,
} from './protocol.ts';
import { MemoryWatch } from './memory.ts';
import { LocalRun, neverBegan } from './run.ts';
import { EpochBook, Store, type StoredRun } from './store.ts';
import { type Isolation, ISOLATION_KINDS, Reaper, findIsolation, leaveIsolation } from './trees.ts';

const TICK_MS = 250;
const TRIM_TICKS = 4;
const SWEEP_MS = 3_600_000;
/** Whoever started it wants to connect; after this it ends if there is nothing to do. */
const FIRST_AGENT_MS = 5000;
const LOST: Why = { code: 'LOST', subject: '', needed: 0 };
const FENCED: Why = { code: 'LEASE_FENCED', subject: '', needed: 0 };

class Supervisor {
  readonly #layout: Layout;
  readonly #isolation: Isolation;
  readonly #store: Store;
  readonly #epochs: EpochBook;
  readonly #reaper = new Reaper();
  readonly #memory = new MemoryWatch();
  readonly #live = new Map<string, LocalRun>();
  readonly #finals = new Map<string, LocalReport>();
  /** Accepted and not yet started. */
  readonly #waiting = new Set<LocalRun>();
  readonly #command: readonly string[];
  readonly #server: Server;
  #agent: Socket | undefined;
  #guard: ChildProcess | undefined;
  #ticks = 0;
  /** Directories that are being removed. */
  #removing = 0;
  #isTicking = false;
  #fenceTimer: NodeJS.Timeout | undefined;
  #isStarting = false;
  #mayEnd = false;

  constructor(layout: Layout, isolation: Isolation, command: readonly string[]) {
    this.#layout = layout;
    this.#isolation = isolation;
    this.#command = command;
    this.#store = new Store(layout);
    this.#epochs = new EpochBook(layout, bootMs());
    this.#server = createServer((socket) => this.#connected(socket));
  }

  run(): void {
    this.#adopt();
    removeOldOutput(this.#layout, (run) => this.#live.has(run));
    setInterval(
      () => removeOldOutput(this.#layout, (run) => this.#live.has(run)),
      SWEEP_MS,
    ).unref();
    const path = socketOf(this.#layout);
    rmSync(path, { force: true }); // of one that was killed: we hold the lock
    this.#server.listen(path);
    setTimeout(() => {
      this.#mayEnd = true;
      this.#endIfIdle();
    }, FIRST_AGENT_MS);
  }

  #adopt(): void {
    const adopted: [LocalRun, StoredRun][] = [];
    for (const stored of this.#store.runs()) {
      if (stored.final !== undefined) this.#finals.set(keyOf(stored.final), stored.final);
      else if (stored.record !== undefined) {
        const run = LocalRun.adopt(this.#around, stored.record, stored);
        this.#live.set(keyOf(stored.record), run);
        adopted.push([run, stored]);
      }
    }
    for (const [run, stored] of adopted) run.resume(stored);
    // The fence before the ends: what is found dead behind it was fenced, by the guard.
    this.#checkFence();
    for (const [run] of adopted) run.look();
    for (const name of readdirSync(this.#layout.work)) {
      if (!this.#live.has(runOfFile(name))) this.#remove(join(this.#layout.work, name));
    }
    if (this.#live.size > 0) this.#beAwake();
  }

  get #around() {
    return {
      store: this.#store,
      reaper: this.#reaper,
      changed: (run: LocalRun): void => this.#changed(run),
      remove: (directory: string): void => this.#remove(directory),
    };
  }

  #remove(directory: string): void {
    try {
      rmdirSync(directory); // most tasks leave nothing
      return;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
    }
    this.#removing += 1;
    rm(directory, { recursive: true, force: true }, (error) => {
      if (error !== null) console.error(`${directory} could not be removed: ${codeOf(error)}`);
      this.#removing -= 1;
      this.#endIfIdle();
    });
  }

  #connected(socket: Socket): void {
    if (this.#agent !== undefined) {
      this.#agent.end(lineOf({ kind: 'replaced' }));
      this.#agent = undefined;
    }
    this.#agent = socket;
    const lines = new Lines<Numbered>((order) => {
      if (this.#agent !== socket) return;
      try {
        this.#obey(order);
      } catch (error) {
        this.#failed(order, error);
      }
      this.#tell({ kind: 'done', number: order.number });
    });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => lines.push(text));
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      if (this.#agent !== socket) return;
      this.#agent = undefined;
      this.#mayEnd = true;
      this.#endIfIdle();
    });
    const runs = [...this.#finals.values(), ...[...this.#live.values()].map((run) => run.report())];
    const { kind: isolation, controllers } = this.#isolation;
    this.#tell({ kind: 'welcome', isolation, ...(controllers && { controllers }), runs });
  }

  #obey(order: Numbered): void {
    switch (order.kind) {
      case 'start':
        this.#start(order.plan);
        break;
      case 'refuse':
        this.#refuse(order.run, order.why);
        break;
      case 'stop':
        this.#stop(order.run);
        break;
      case 'forget':
        if (this.#finals.delete(keyOf(order.run))) this.#store.forget(order.run);
        break;
      case 'fence':
        this.#checkFence();
        break;
      default:
        order satisfies never;
    }
  }

  /** A full disk, most likely. What was not noted down is not started. */
  #failed(order: Numbered, error: unknown): void {
    console.error(`${order.kind} could not be carried out: ${codeOf(error) || String(error)}`);
    if (order.kind !== 'start') return;
    const why: Why = { code: 'START_FAILED', subject: `${codeOf(error)} in its start`, needed: 0 };
    this.#conclude(order.plan.run, RunState.FAILED, why);
  }

  #start(plan: Plan): void {
    const { run: key, leased } = plan;
    if (this.#says(key)) return;
    const newest = this.#epochs.newest(key);
    if (key.epoch <= newest) {
      this.#conclude(key, RunState.STOPPED, LOST);
      return;
    }
    this.#raise(key);
    if (leased && bootMs() >= readLease(this.#layout.control)) {
      this.#conclude(key, RunState.STOPPED, FENCED);
      return;
    }
    const run = LocalRun.accept(this.#around, plan, this.#isolation);
    run.waitsFor = this.#live.get(keyOf({ ...key, epoch: newest }));
    this.#live.set(keyOf(key), run);
    this.#waiting.add(run);
    this.#changed(run);
    this.#beAwake();
    this.#checkFence();
    this.#startWaiting();
  }

  #refuse(key: RunKey, why: Why): void {
    if (this.#says(key)) return;
    if (key.epoch <= this.#epochs.newest(key)) this.#conclude(key, RunState.STOPPED, LOST);
    else {
      this.#raise(key);
      this.#conclude(key, RunState.FAILED, why);
    }
  }

  #stop(key: RunKey): void {
    const run = this.#live.get(keyOf(key));
    if (run !== undefined) run.end('asked');
    else if (!this.#says(key)) {
      this.#raise(key);
      this.#conclude(key, RunState.STOPPED, LOST);
    }
  }

  /** Says again what is known of a run. False: nothing is. */
  #says(key: RunKey): boolean {
    const report = this.#live.get(keyOf(key))?.report() ?? this.#finals.get(keyOf(key));
    if (report !== undefined) this.#tell({ kind: 'run', report });
    return report !== undefined;
  }

  /** A newer epoch fences what is older: that is killed at once. */
  #raise(key: RunKey): void {
    const newest = this.#epochs.newest(key);
    if (key.epoch <= newest) return;
    this.#epochs.raise(key, bootMs());
    this.#live.get(keyOf({ ...key, epoch: newest }))?.end('newer');
  }

  #conclude(key: RunKey, phase: RunState, why: Why): void {
    const report = neverBegan(key, phase, why);
    this.#store.finish(report);
    this.#finals.set(keyOf(key), report);
    this.#tell({ kind: 'run', report });
  }

  #changed(run: LocalRun): void {
    const report = run.report();
    this.#tell({ kind: 'run', report });
    if (run.isLive) return;
    this.#live.delete(keyOf(report));
    this.#waiting.delete(run);
    this.#finals.set(keyOf(report), report);
    this.#startWaiting(); // perhaps somebody waited for its end
    setImmediate(() => this.#endIfIdle());
  }

  /** One task each turn of the loop: starting a process takes a millisecond, and the fence must not wait for many. */
  #startWaiting(): void {
    if (this.#isStarting || this.#waiting.size === 0) return;
    this.#isStarting = true;
    setImmediate(() => {
      this.#isStarting = false;
      for (const run of this.#waiting) {
        if (run.waitsFor?.isLive === true) continue;
        if (!run.startNext()) this.#waiting.delete(run);
        this.#startWaiting();
        return;
      }
    });
  }

  #checkFence(): void {
    const leftMs = readLease(this.#layout.control) - bootMs();
    clearTimeout(this.#fenceTimer);
    if (leftMs <= 0) {
      for (const run of this.#live.values()) if (run.record.leased) run.end('fence');
    } else if (leftMs <= 2 * TICK_MS) {
      this.#fenceTimer = setTimeout(() => this.#checkFence(), leftMs);
    }
  }

  #checkMemory(): void {
    const above = this.#memory.look(() =>
      [...this.#live.values()].flatMap((run) => run.unbounded()),
    );
    if (above.size > 0) for (const run of this.#live.values()) run.endIfAmong(above);
  }

  /** While anything is alive: a guard stands by, and every tick looks after what nobody tells. */
  #beAwake(): void {
    if (this.#guard === undefined) {
      const guard = startGuard(this.#layout, this.#command);
      this.#guard = guard;
      guard.on('error', (error) =>
        console.error(`the guard could not be started: ${error.message}`),
      );
      guard.on('exit', () => {
        if (this.#guard === guard) this.#guard = undefined; // the next tick starts another
      });
    }
    if (this.#isTicking) return;
    this.#isTicking = true;
    setTimeout(() => {
      this.#isTicking = false;
      this.#ticks += 1;
      this.#checkFence();
      for (const run of this.#live.values()) {
        run.look();
        if (this.#ticks % TRIM_TICKS === 0) run.trimOutput();
      }
      this.#checkMemory();
      if (this.#live.size > 0) this.#beAwake();
    }, TICK_MS);
  }

  #tell(answer: Answer): void {
    this.#agent?.write(lineOf(answer));
  }

  /** All is on disk, so with nothing to watch and nobody to tell there is no reason to stay. */
  #endIfIdle(): void {
    if (!this.#mayEnd || this.#agent !== undefined || this.#live.size > 0) return;
    if (!this.#reaper.isIdle || this.#removing > 0) return;
    const guard = this.#guard;
    this.#guard = undefined;
    guard?.kill('SIGKILL');
    rmSync(join(this.#layout.control, 'supervisor'), { force: true });
    rmSync(socketOf(this.#layout), { force: true });
    leaveIsolation(this.#isolation);
    process.exit(0);
  }
}

/** A lock of the kernel, which is free again however its holder ends. */
function lock(layout: Layout): DatabaseSync | undefined {
  const database = new DatabaseSync(join(layout.control, 'lock.db'));
  try {
    // One that ends at this moment is waited for.
    database.exec('PRAGMA busy_timeout=500; BEGIN EXCLUSIVE');
    return database;
  } catch {
    database.close();
    return undefined;
  }
}

const [, script = '', stateDir = '', wanted] = process.argv;
const layout = openLayout(stateDir);
const held = lock(layout);
if (held !== undefined) {
  const me = identify(process.pid);
  const kind = ISOLATION_KINDS.find((each) => each === wanted);
  writeFileSync(
    join(layout.control, 'supervisor'),
    `${process.pid} ${me?.startTicks} ${bootId()}\n`,
    { mode: 0o600 },
  );
  const command = [
    process.execPath,
    ...process.execArgv,
    script,
    stateDir,
    ...(kind ? [kind] : []),
  ];
  new Supervisor(layout, findIsolation(layout.id, kind), command).run();
  process.on('exit', () => held.close()); // and keeps it from being collected
}
