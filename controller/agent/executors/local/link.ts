// The agent's end of the line to the supervisor: starts one when none is there, says again what was not answered, and
// replaces one that hangs.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '#ports/clock.ts';
import { type Layout, socketOf } from './layout.ts';
import { bootId, identify, signal } from './proc.ts';
import { SITE_PATH } from './programs.ts';
import {
  type Answer,
  Lines,
  type LocalReport,
  type Order,
  type Welcome,
  lineOf,
} from './protocol.ts';
import { readIfThere } from './store.ts';
import type { IsolationKind } from './trees.ts';

export interface LinkEvents {
  /** A supervisor is there, with these runs: after `open`, and again whenever another one took over. */
  welcomed(welcome: Welcome): void;
  reported(report: LocalReport): void;
}

interface Unanswered {
  readonly line: string;
  readonly onDone: (() => void) | undefined;
  sentBootMs: number;
}

const RETRY_MS = 20;
/** Between two attempts at starting one: a start takes about 100 ms. */
const START_AGAIN_MS = 2000;
/** It answers at once unless it hangs; a disk that stalls for seconds is not its fault. */
const SILENCE_MS = 15_000;

export class Link {
  readonly #layout: Layout;
  readonly #clock: Clock;
  readonly #command: readonly string[];
  readonly #events: LinkEvents;
  readonly #unanswered = new Map<number, Unanswered>();
  #socket: Socket | undefined;
  #isWelcome = false;
  #isClosed = false;
  #number = 0;
  #heardBootMs: number;
  #startedBootMs = -Infinity;
  #cancelRetry: () => void = () => {};
  #cancelWatch: () => void = () => {};

  constructor(
    layout: Layout,
    stateDir: string,
    clock: Clock,
    isolation: IsolationKind | undefined,
    events: LinkEvents,
  ) {
    this.#layout = layout;
    this.#clock = clock;
    this.#events = events;
    this.#heardBootMs = clock.bootMs();
    // Beside this file, as TypeScript in a checkout and as JavaScript in the package.
    const source = fileURLToPath(new URL('./supervisor.ts', import.meta.url));
    const script = source.replace(/\.ts$/, extname(import.meta.url));
    const wanted = isolation === undefined ? [] : [isolation];
    this.#command = ['--disable-warning=ExperimentalWarning', script, stateDir, ...wanted];
  }

  open(): void {
    this.#connect();
    this.#watch();
  }

  get isAnswered(): boolean {
    return this.#unanswered.size === 0;
  }

  send(order: Order, onDone?: () => void): void {
    this.#number += 1;
    const line = lineOf({ ...order, number: this.#number });
    this.#unanswered.set(this.#number, { line, onDone, sentBootMs: this.#clock.bootMs() });
    if (this.#isWelcome) this.#socket?.write(line);
  }

  /** Resolves when the line is down. What was sent before is still read. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#cancelWatch();
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.end();
    });
  }

  #connect(): void {
    if (this.#isClosed) return;
    this.#isWelcome = false;
    const socket = connect(socketOf(this.#layout));
    this.#socket = socket;
    const lines = new Lines<Answer>((answer) => this.#heard(answer));
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => lines.push(text));
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      if (this.#isClosed) return;
      // Somebody was there: then it has just ended or was killed, and may be gone.
      if (!this.#isWelcome) this.#startSupervisor();
      this.#isWelcome = false;
      this.#cancelRetry = this.#clock.after(RETRY_MS, () => this.#connect());
    });
  }

  #heard(answer: Answer): void {
    this.#heardBootMs = this.#clock.bootMs();
    switch (answer.kind) {
      case 'welcome':
        this.#isWelcome = true;
        this.#startedBootMs = -Infinity;
        this.#events.welcomed(answer);
        for (const order of this.#unanswered.values()) {
          order.sentBootMs = this.#heardBootMs;
          this.#socket?.write(order.line);
        }
        break;
      case 'run':
        this.#events.reported(answer.report);
        break;
      case 'done':
        this.#answered(answer.number);
        break;
      case 'replaced':
        // An agent came after us. To fight for the supervisor would help nobody.
        this.#isClosed = true;
        this.#cancelWatch();
        break;
      default:
        answer satisfies never;
    }
  }

  #answered(number: number): void {
    const order = this.#unanswered.get(number);
    this.#unanswered.delete(number);
    order?.onDone?.();
  }

  #startSupervisor(): void {
    const nowMs = this.#clock.bootMs();
    if (nowMs - this.#startedBootMs < START_AGAIN_MS) return;
    this.#startedBootMs = nowMs;
    const errors = openSync(join(this.#layout.control, 'supervisor.log'), 'a', 0o600);
    const child = spawn(process.execPath, this.#command, {
      cwd: this.#layout.control,
      // Nothing of the agent's: it may hold a token.
      env: { PATH: process.env['PATH'] ?? SITE_PATH },
      stdio: ['ignore', 'ignore', errors],
      detached: true,
    });
    closeSync(errors);
    child.on('error', () => {}); // tried again, until whoever waits for it gives up
    child.unref();
  }

  /** A supervisor that answers nothing for long is killed: its tasks go on, and the next one adopts them. */
  #watch(): void {
    this.#cancelWatch = this.#clock.after(SILENCE_MS / 3, () => {
      const oldest = this.#unanswered.values().next().value;
      const waitsSinceMs = this.#isWelcome ? oldest?.sentBootMs : this.#heardBootMs;
      if (waitsSinceMs !== undefined && this.#clock.bootMs() - waitsSinceMs > SILENCE_MS) {
        this.#heardBootMs = this.#clock.bootMs();
        this.#killSupervisor();
        this.#socket?.destroy();
      }
      this.#watch();
    });
  }

  #killSupervisor(): void {
    const text = readIfThere(join(this.#layout.control, 'supervisor')) ?? '';
    const [pid = 0, startTicks] = text.split(' ').map(Number);
    const isIt = text.trim().endsWith(bootId()) && identify(pid)?.startTicks === startTicks;
    if (pid > 1 && isIt) signal(pid, 'SIGKILL');
  }
}
