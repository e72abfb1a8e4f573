// What a world can do to the system, and the paths of the system that are worth reaching. Each is counted when it happens, not when
// it is planned; a test asserts that none stays at zero, so that a fault that stopped biting is noticed.

const FAULTS = [
  'message delayed',
  'message lost',
  'message lost with its stream',
  'message duplicated',
  'message overtaken',
  'message held by a partition',
  'message dropped by a partition',
  'partition of both ways',
  'partition of the way to the controller',
  'partition of the way to the agent',
  'stream cut',
  'answer to a caller lost',
  'request of a caller lost',
  'agent does not read',
  'append delayed',
  'append failed before it was durable',
  'append failed after it was durable',
  'disk full',
  'controller crashed',
  'controller crashed with an append under way, lost',
  'controller crashed with an append under way, durable',
  'controller crashed while it recovered',
  'controller paused',
  'agent crashed',
  'agent paused',
  'agent and controller crashed together',
  'machines of a data center rebooted',
  'wall clock jumped forward',
  'wall clock jumped back',
  'wall clock was an hour ahead and came back',
  'clocks drift beyond the bound',
  'node shrank',
  'node vanished',
  'node returned',
  'foreign use changed',
  'node cordoned',
  'node drained',
  'data center cordoned',
  'data center drained',
  'data center deleted and registered again',
  'tenant deleted and created again',
  'link put and deleted',
  'quota changed',
  'lease changed',
  'log compacted',
] as const;

const PATHS = [
  'run started',
  'run succeeded',
  'run failed and was retried',
  'run failed for good',
  'run adopted by a new agent',
  'run adopted by a controller that restarted',
  'run sent again',
  'run of a lost assignment sent on joining',
  'stop before start',
  'stale report answered and ignored',
  'late assignment refused by the agent',
  'lease expired',
  'lease expired: run replaced',
  'lease expired: run kept, unknown',
  'lease expired: job failed',
  'unknown run came back',
  'run fenced below the agent',
  'run lost with its machines',
  'run forgotten by an operator',
  'fenced run stopped on joining',
  'controller isolated',
  'controller counted leases anew after a stall',
  'session replaced by a newer one',
  'session dropped for silence',
  'stop of a run that was given up sent again',
  'run on its way could not be declared gone',
  'run moved from a drained node',
  'gang moved with one of its nodes',
  'run moved from a drained data center',
  'data center left',
  'data center came back after it had left',
  'agent joined where its data center had left',
  'credit used up',
  'job cancelled while it waited',
  'job cancelled while it ran',
  'job held and released',
  'job requeued by its user',
  'job reprioritized',
  'job cancelled with the one it waited for',
  'job waited for another',
  'quota kept a job waiting',
  'submission repeated after a lost answer',
  'submission with another payload refused',
  'checkpoint completed',
  'recovery from a checkpoint',
  'recovery with rows ahead of the checkpoint',
  'recovery of an empty log',
  'ended job forgotten',
  'watch read from memory',
  'watch read from the log',
  'watch resumed after a restart',
  'watch told that it is too old',
  'read waited at the gate',
  'messages encoded on the wire',
] as const;

export type Counted = (typeof FAULTS)[number] | (typeof PATHS)[number];

/** How often each has happened. */
export class Counts {
  readonly #counts = new Map<string, number>([...FAULTS, ...PATHS].map((name) => [name, 0]));

  add(name: Counted, count = 1): void {
    this.#counts.set(name, this.of(name) + count);
  }

  of(name: Counted): number {
    return this.#counts.get(name) ?? 0;
  }

  merge(other: Counts): void {
    for (const name of [...FAULTS, ...PATHS]) this.add(name, other.of(name));
  }

  get missing(): readonly Counted[] {
    return [...FAULTS, ...PATHS].filter((name) => this.of(name) === 0);
  }

  table(): string {
    const lines = (names: readonly Counted[]) =>
      names.map((name) => `  ${String(this.of(name)).padStart(9)}  ${name}`);
    return ['faults', ...lines(FAULTS), 'paths', ...lines(PATHS)].join('\n');
  }
}
