// The way between the agent of one data center and the controller: streams of messages that are late, lost, doubled, overtaken, held
// back or cut. Streams of gRPC lose and reorder nothing; the protocol is held to more than that, because a controller that refuses
// a message when it is busy, and an agent that is killed between two lines, come to the same. What is said once in the life of a
// stream and not repeated, a greeting or a change of nodes, keeps its place and is lost only with its stream: it breaks, or is
// dead without either side being told.
import type { Connection, UplinkEvents } from '#agent/agent.ts';
import type { Refusal } from '#domain/refusal.ts';
import { ConnectRequest, ConnectResponse, type Hello } from '#gen/isobar/v1/agent.ts';
import type { AgentLink, SessionHandle } from '#loop/sessions.ts';
import type { Counted, Counts } from './faults.ts';
import type { Process } from './machine.ts';
import type { SeededRandom } from './random.ts';
import type { Timeline } from './timeline.ts';

/** `hold`: what is sent arrives late, when the partition heals. `drop`: never. */
export type Way = 'open' | 'hold' | 'drop';
type Direction = 'up' | 'down';

export interface Conditions {
  readonly leastMs: number;
  readonly mostMs: number;
  readonly loss: number;
  readonly duplicate: number;
  readonly overtake: number;
}

/** Who listens: a process and what it does with a hello. */
export interface Listener {
  readonly process: Process;
  accept(dataCenter: string, hello: Hello, link: AgentLink): SessionHandle;
}

export interface LineOptions {
  readonly dataCenter: string;
  readonly timeline: Timeline;
  readonly random: SeededRandom;
  readonly counts: Counts;
  /** Messages are encoded and decoded as on a real wire. */
  readonly isEncoded: boolean;
  readonly listener: () => Listener | undefined;
  readonly watch: LineWatch;
}

/** Who looks on, to count what is worth reaching. */
export interface LineWatch {
  /** About to reach the controller. */
  up(dataCenter: string, message: ConnectRequest): void;
  /** About to reach the agent. */
  down(dataCenter: string, message: ConnectResponse): void;
  closed(dataCenter: string, why: string): void;
}

/** Who calls somebody behind a partition gives up after so long. */
const CONNECT_MS = 20_000;
/** And knocks again so often meanwhile. */
const KNOCK_MS = 1_000;
/** What is said once in the life of a stream. */
const ONCE: ReadonlySet<string> = new Set(['opened', 'hello', 'welcome', 'nodes']);
const CALM: Conditions = { leastMs: 0.5, mostMs: 3, loss: 0, duplicate: 0, overtake: 0 };

interface Message {
  readonly kind: string;
  readonly stream: Stream;
  readonly deliver: () => void;
}

export class Line {
  conditions: Conditions = CALM;
  readonly options: LineOptions;
  readonly #ways: Record<Direction, Way> = { up: 'open', down: 'open' };
  readonly #held: Record<Direction, Message[]> = { up: [], down: [] };
  readonly #lastMs: Record<Direction, number> = { up: 0, down: 0 };
  readonly #streams = new Set<Stream>();

  constructor(options: LineOptions) {
    this.options = options;
  }

  get isPartitioned(): boolean {
    return this.#ways.up !== 'open' || this.#ways.down !== 'open';
  }

  get streams(): number {
    return this.#streams.size;
  }

  partition(up: Way, down: Way): void {
    this.#ways.up = up;
    this.#ways.down = down;
    for (const direction of ['up', 'down'] as const) {
      if (this.#ways[direction] !== 'open') continue;
      const held = this.#held[direction];
      this.#held[direction] = [];
      for (const { kind, stream, deliver } of held) this.send(direction, kind, stream, deliver);
    }
  }

  heal(): void {
    this.conditions = CALM;
    this.partition('open', 'open');
  }

  /** Every stream breaks; both sides hear of it unless they are partitioned. */
  cut(): void {
    for (const stream of this.#streams) stream.broke();
  }

  /** The process at one end is gone: its kernel tells the other one. */
  died(process: Process): void {
    for (const stream of this.#streams) stream.died(process);
  }

  connect(agent: Process, events: UplinkEvents): Connection {
    const { timeline, listener } = this.options;
    const stream = new Stream(this, agent, events);
    this.#streams.add(stream);
    const giveUpMs = timeline.nowMs + CONNECT_MS;
    const attempt = () => {
      if (this.isPartitioned) {
        if (timeline.nowMs >= giveUpMs) stream.refused('nobody answers');
        else timeline.after(KNOCK_MS, attempt);
        return;
      }
      const to = listener();
      if (to === undefined || !to.process.isAlive) stream.refused('nobody listens');
      else stream.accepted(to);
    };
    timeline.after(this.delay(), attempt);
    return stream;
  }

  forget(stream: Stream): void {
    this.#streams.delete(stream);
  }

  /** In order, unless the conditions say otherwise. */
  send(direction: Direction, kind: string, stream: Stream, deliver: () => void): void {
    const { timeline, random } = this.options;
    if (stream.isDead) return this.#count('message lost with its stream');
    const way = this.#ways[direction];
    const isOnce = ONCE.has(kind);
    if (way === 'hold') {
      this.#count('message held by a partition');
      this.#held[direction].push({ kind, stream, deliver });
      return;
    }
    if (way === 'drop') {
      this.#count('message dropped by a partition');
      if (isOnce) stream.isDead = true;
      return;
    }
    const { loss, duplicate, overtake } = this.conditions;
    const isOrdered = isOnce || kind === 'closed';
    if (kind !== 'closed' && random.chance(loss)) {
      this.#count(isOnce ? 'message lost with its stream' : 'message lost');
      if (isOnce) stream.broke();
      return;
    }
    const delayMs = this.delay();
    if (delayMs > 20) this.#count('message delayed');
    if (!isOrdered && random.chance(overtake)) {
      this.#count('message overtaken');
      timeline.after(delayMs + random.between(0, 3000), deliver);
      return;
    }
    const atMs = Math.max(this.#lastMs[direction], timeline.nowMs + delayMs);
    this.#lastMs[direction] = atMs;
    timeline.at(atMs, deliver);
    if (!isOrdered && random.chance(duplicate)) {
      this.#count('message duplicated');
      timeline.at(atMs + random.between(0, 2000), deliver);
    }
  }

  delay(): number {
    return this.options.random.between(this.conditions.leastMs, this.conditions.mostMs);
  }

  #count(name: Counted): void {
    this.options.counts.add(name);
  }
}

class Stream implements Connection {
  readonly #line: Line;
  readonly #agent: Process;
  readonly #events: UplinkEvents;
  /** Something was lost that is not repeated: nothing gets through any more, and nobody is told. */
  isDead = false;
  #controller: Process | undefined;
  #listener: Listener | undefined;
  #handle: SessionHandle | undefined;
  #isAgentOpen = true;
  #isControllerOpen = false;

  constructor(line: Line, agent: Process, events: UplinkEvents) {
    this.#line = line;
    this.#agent = agent;
    this.#events = events;
  }

  refused(why: string): void {
    this.#line.forget(this);
    this.#closeAgent(why);
  }

  accepted(listener: Listener): void {
    this.#listener = listener;
    this.#controller = listener.process;
    this.#isControllerOpen = true;
    this.#line.send('down', 'opened', this, () =>
      this.#agent.deliver(() => {
        if (this.#isAgentOpen) this.#events.opened();
      }),
    );
  }

  /** From the agent. */
  send(message: ConnectRequest): void {
    if (!this.#isAgentOpen) return;
    const { isEncoded, counts } = this.#line.options;
    if (isEncoded) counts.add('messages encoded on the wire');
    const sent = isEncoded
      ? ConnectRequest.decode(ConnectRequest.encode(message).finish())
      : message;
    this.#line.send('up', message.message?.$case ?? '', this, () =>
      this.#controller?.deliver(() => this.#received(sent)),
    );
  }

  #received(message: ConnectRequest): void {
    if (!this.#isControllerOpen) return;
    const { dataCenter, watch } = this.#line.options;
    watch.up(dataCenter, message);
    if (this.#handle !== undefined) return this.#handle.receive(message);
    if (message.message?.$case !== 'hello') return;
    this.#handle = this.#listener?.accept(dataCenter, message.message.value, this.#link());
  }

  #link(): AgentLink {
    const { dataCenter, isEncoded, counts, random, watch } = this.#line.options;
    return {
      send: (message) => {
        if (!this.#isControllerOpen) return true;
        // Only when much goes wrong anyway: then an agent also happens not to read.
        if (this.#line.conditions.loss > 0 && random.chance(0.002)) {
          counts.add('agent does not read');
          return false;
        }
        const sent = isEncoded
          ? ConnectResponse.decode(ConnectResponse.encode(message).finish())
          : message;
        this.#line.send('down', message.message?.$case ?? '', this, () =>
          this.#agent.deliver(() => {
            if (!this.#isAgentOpen) return;
            watch.down(dataCenter, sent);
            this.#events.received(sent);
          }),
        );
        return true;
      },
      close: (why: Refusal) => {
        if (!this.#isControllerOpen) return;
        this.#isControllerOpen = false;
        watch.closed(dataCenter, why.reason);
        this.#line.send('down', 'closed', this, () => this.#closeAgent(why.reason));
        this.#controller?.soon(() => this.#handle?.closed());
      },
    };
  }

  /** The agent leaves. */
  close(): void {
    if (!this.#isAgentOpen) return;
    this.#isAgentOpen = false;
    this.#line.send('up', 'closed', this, () => this.#closeController());
  }

  broke(): void {
    this.#line.send('down', 'closed', this, () => this.#closeAgent('the stream broke'));
    this.#line.send('up', 'closed', this, () => this.#closeController());
  }

  died(process: Process): void {
    if (process === this.#agent && this.#isAgentOpen) this.close();
    if (process === this.#controller && this.#isControllerOpen) {
      this.#isControllerOpen = false;
      this.#line.send('down', 'closed', this, () => this.#closeAgent('the controller is gone'));
    }
  }

  #closeAgent(why: string): void {
    this.#agent.deliver(() => {
      if (!this.#isAgentOpen) return;
      this.#isAgentOpen = false;
      this.#tidy();
      this.#events.closed(why);
    });
  }

  #closeController(): void {
    this.#controller?.deliver(() => {
      if (!this.#isControllerOpen) return;
      this.#isControllerOpen = false;
      this.#tidy();
      this.#handle?.closed();
    });
  }

  #tidy(): void {
    if (!this.#isAgentOpen && !this.#isControllerOpen) this.#line.forget(this);
  }
}
