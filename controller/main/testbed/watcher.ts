// A watch that goes on across controllers, and what the log says afterwards: both must tell the same events in the same order.
import type { Isobar } from '#client/isobar.ts';

export class Watcher {
  readonly seen: string[] = [];
  /** How often the watch was cut and taken up again. */
  resumed = 0;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #revision: number;

  /** Of one job set, from a revision on. */
  constructor(client: Isobar, set: string, fromRevision: number) {
    this.#revision = fromRevision;
    this.#ended = this.#follow(client, set, fromRevision);
    // Told by `stop`; until then nobody listens.
    this.#ended.catch(() => undefined);
  }

  /** Everything up to here was shown. */
  get revision(): number {
    return this.#revision;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #follow(client: Isobar, set: string, fromRevision: number): Promise<void> {
    const { signal } = this.#stop;
    const onResume = (): void => void this.resumed++;
    try {
      const pieces = client.events.watchResponses({ set, fromRevision, signal, onResume });
      for await (const { events, revision } of pieces) {
        this.seen.push(...events.map(wordsOf));
        this.#revision = revision;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** The same events, read in one go. */
export async function eventsOf(
  client: Isobar,
  set: string,
  fromRevision: number,
): Promise<string[]> {
  const events: string[] = [];
  for await (const event of client.events.watch({ set, fromRevision, untilCurrent: true })) {
    events.push(wordsOf(event));
  }
  return events;
}

function wordsOf(event: {
  readonly revision: number;
  readonly kind: string;
  readonly resource: string;
  readonly state: string;
  readonly epoch: number;
}): string {
  const { revision, kind, resource, state, epoch } = event;
  return `${revision} ${kind} ${resource} ${state} ${epoch}`;
}
