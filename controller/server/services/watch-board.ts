// Where watches wait that have shown everything. A watch is woken by events that it may have to show and by no others: a thousand
// watches of a few jobs each cost what happens to their jobs, not a thousand looks at whatever happens to any.
import type { Hub, Published } from '#loop/hub.ts';
import type { Piece } from './event-cache.ts';
import type { Turns } from './turns.ts';

/** What a watch may have to show; it is only told apart by what is worth telling apart. */
export type Interest =
  | { readonly kind: 'federation' }
  /** Of any tenant. Empty: all. */
  | { readonly kind: 'jobs'; readonly jobSet: string; readonly job: string };

interface Waiter {
  /** Everything that is of interest up to here was shown. */
  position: number;
  /** Takes its turn back; undefined: it was not woken. */
  stopTurn: (() => void) | undefined;
  readonly wake: (position: number) => void;
}

export interface Waiting {
  /** Nothing of interest has happened up to here. */
  position(): number;
  stop(): void;
}

export class WatchBoard {
  readonly #hub: Hub;
  readonly #turns: Turns;
  readonly #piecesOf: (record: Published) => readonly Piece[];
  /** Who waits, by what would wake them. */
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** Those who wait have nothing to show up to here, unless they were woken. */
  #position: number;
  #isReading = false;
  #isListening = false;

  constructor(hub: Hub, turns: Turns, piecesOf: (record: Published) => readonly Piece[]) {
    this.#hub = hub;
    this.#turns = turns;
    this.#piecesOf = piecesOf;
    this.#position = hub.durable;
  }

  /**
   * Waits after a revision up to which everything was shown, which must be the newest. `wake` is called once, later, with the revision
   * after which there is something.
   */
  wait(interest: Interest, position: number, wake: (position: number) => void): Waiting {
    const key = keyOf(interest);
    const waiter: Waiter = { position, stopTurn: undefined, wake };
    // Nobody has waited for what came meanwhile.
    if (this.#waiters.size === 0 && !this.#isReading) this.#position = this.#hub.durable;
    add(this.#waiters, key, waiter);
    this.#listen();
    return {
      position: () =>
        waiter.stopTurn === undefined ? Math.max(position, this.#position) : waiter.position,
      stop: () => {
        waiter.stopTurn?.();
        const others = this.#waiters.get(key);
        others?.delete(waiter);
        if (others?.size === 0) this.#waiters.delete(key);
      },
    };
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.#hub.onMore(() => {
      this.#isListening = false;
      this.#read();
    });
  }

  /** Looks through what is new, once for all who wait. */
  #read(): void {
    if (this.#isReading || this.#waiters.size === 0) return;
    this.#isReading = true;
    this.#hub.read(this.#position, (read) => {
      this.#isReading = false;
      // What cannot be read here each watch will be told by its own reading.
      if (read.kind === 'tooOld') return this.#wakeAll();
      for (const record of read.records) this.#show(record);
      if (read.records.length > 0) this.#read();
      else this.#listen();
    });
  }

  #show(record: Published): void {
    for (const { tenant, jobSet, job } of this.#piecesOf(record)) {
      if (tenant === '') this.#wake(FEDERATION, record.revision);
      else {
        this.#wake(ALL_JOBS, record.revision);
        if (jobSet !== '') this.#wake(keyOf({ kind: 'jobs', jobSet, job: '' }), record.revision);
        this.#wake(keyOf({ kind: 'jobs', jobSet: '', job }), record.revision);
      }
    }
    this.#position = record.revision;
  }

  #wake(key: string, revision: number): void {
    const waiters = this.#waiters.get(key);
    if (waiters === undefined) return;
    this.#waiters.delete(key);
    for (const waiter of waiters) {
      waiter.position = Math.max(waiter.position, revision - 1);
      waiter.stopTurn = this.#turns.wait(() => waiter.wake(waiter.position));
    }
  }

  #wakeAll(): void {
    for (const key of this.#waiters.keys()) this.#wake(key, this.#position + 1);
    this.#position = this.#hub.durable;
  }
}

const FEDERATION = 'federation';
const ALL_JOBS = 'jobs';

function keyOf(interest: Interest): string {
  if (interest.kind === 'federation') return FEDERATION;
  const { jobSet, job } = interest;
  // A slash is in no id.
  if (job !== '') return `job/${job}`;
  return jobSet === '' ? ALL_JOBS : `set/${jobSet}`;
}

function add<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}
