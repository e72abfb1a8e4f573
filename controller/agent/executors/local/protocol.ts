// What executor and supervisor say to each other over the socket: one JSON object a line. Every order has a number and is
// answered with `done` when it is on disk; what was not answered is said again to the next supervisor, so every order
// may come twice.
import type { ReasonCode } from '#domain/reasons.ts';
import type { RunState } from '#domain/states.ts';
import type { RunKey } from '#ports/executor.ts';
import type { Asked, Controller } from './cgroup.ts';
import type { IsolationKind } from './trees.ts';

export type Order =
  | { readonly kind: 'start'; readonly plan: Plan }
  | { readonly kind: 'refuse'; readonly run: RunKey; readonly why: Why }
  | { readonly kind: 'stop'; readonly run: RunKey }
  | { readonly kind: 'forget'; readonly run: RunKey }
  /** The lease file changed. */
  | { readonly kind: 'fence' };

export type Numbered = Order & { readonly number: number };

export type Answer =
  | Welcome
  | { readonly kind: 'run'; readonly report: LocalReport }
  | { readonly kind: 'done'; readonly number: number }
  /** Another agent came. */
  | { readonly kind: 'replaced' };

export interface Welcome {
  readonly kind: 'welcome';
  readonly isolation: IsolationKind;
  /** What the kernel bounds. Absent from a supervisor of an earlier release: nothing. */
  readonly controllers?: readonly Controller[];
  readonly runs: readonly LocalReport[];
}

/** A run as the supervisor starts it. It holds secrets, so it is never written down. */
export interface Plan {
  readonly run: RunKey;
  readonly job: string;
  readonly leased: boolean;
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
  /** 0: as long as it likes. */
  readonly maxRunMs: number;
  /** The user that its tasks run as. Absent: the supervisor's own. */
  readonly user?: User;
  readonly groups: readonly PlannedGroup[];
  /** Group of each rank. */
  readonly ranks: readonly number[];
  /** Variables of the tasks that hold devices, by rank. */
  readonly devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
}

export interface PlannedGroup extends Asked {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly {
    readonly path: string;
    readonly mode: number;
    readonly base64: string;
  }[];
}

export interface Why {
  readonly code: ReasonCode;
  readonly subject: string;
  readonly needed: number;
}

export interface LocalReport extends RunKey {
  readonly phase: RunState;
  readonly sinceBootMs: number;
  readonly exitCode: number;
  readonly why: Why | null;
  readonly lastLines: readonly string[];
  readonly runMillis: number;
  /** Number of tasks. */
  readonly tasks: number;
}

export function lineOf(message: Numbered | Answer): string {
  return `${JSON.stringify(message)}\n`;
}

/** Cuts a stream of text into messages. */
export class Lines<T extends Numbered | Answer> {
  readonly #onMessage: (message: T) => void;
  #rest: string[] = [];

  constructor(onMessage: (message: T) => void) {
    this.#onMessage = onMessage;
  }

  push(text: string): void {
    const lines = text.split('\n');
    const last = lines.pop() ?? '';
    for (const line of lines) {
      this.#rest.push(line);
      const whole = this.#rest.join('');
      this.#rest = [];
      // Both ends are ours, and the socket is in a directory of our own.
      this.#onMessage(JSON.parse(whole) as T);
    }
    if (last !== '') this.#rest.push(last);
  }
}
