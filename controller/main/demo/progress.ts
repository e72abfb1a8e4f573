// The census as it goes: one line that is redrawn on a terminal, a line for each step elsewhere.
import type { Session } from '#cli/session.ts';
import type { Isobar } from '#client/isobar.ts';

export interface Counts {
  queued: number;
  running: number;
  ended: number;
  failed: number;
}

const REDRAW_MS = 100;

/** Follows a job set from a revision until all of its jobs have ended. Answers how many ended otherwise than well. */
export async function follow(
  session: Session,
  client: Isobar,
  set: string,
  jobs: number,
  fromRevision: number,
): Promise<Counts> {
  const states = new Map<string, string>();
  const board = new Board(session, jobs);
  try {
    for await (const event of client.events.watch({ set, fromRevision, signal: session.signal })) {
      const id = event.resource.split('/')[3] ?? '';
      if (!event.resource.includes('/jobs/')) continue;
      const state =
        event.kind === 'RUN_RESERVED'
          ? 'RUNNING'
          : event.resource.includes('/runs/')
            ? ''
            : event.state;
      if (state === '' || states.get(id) === state) continue;
      states.set(id, state);
      await board.show(id, state, event.dataCenter, countsOf(states));
      if (countsOf(states).ended === jobs) break;
    }
  } finally {
    await board.close(countsOf(states));
  }
  return countsOf(states);
}

function countsOf(states: ReadonlyMap<string, string>): Counts {
  const counts = { queued: 0, running: 0, ended: 0, failed: 0 };
  for (const state of states.values()) {
    if (state === 'QUEUED' || state === 'HELD') counts.queued++;
    else if (state === 'RUNNING' || state === 'STOPPING') counts.running++;
    else counts.ended++;
    if (state === 'FAILED' || state === 'CANCELLED') counts.failed++;
  }
  return counts;
}

class Board {
  readonly #session: Session;
  readonly #jobs: number;
  #drawnMs = 0;

  constructor(session: Session, jobs: number) {
    this.#session = session;
    this.#jobs = jobs;
  }

  async show(id: string, state: string, dataCenter: string, counts: Counts): Promise<void> {
    const { stdout } = this.#session.io;
    if (!stdout.isTerminal) {
      const where = dataCenter === '' ? '' : ` in ${dataCenter}`;
      if (state !== 'QUEUED') await this.#session.print(`  ${id} ${state.toLowerCase()}${where}`);
      return;
    }
    const nowMs = this.#session.io.now();
    if (nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    await stdout.write(`\r\x1b[2K${this.#line(counts)}`);
  }

  async close(counts: Counts): Promise<void> {
    const { stdout } = this.#session.io;
    if (stdout.isTerminal) await stdout.write(`\r\x1b[2K${this.#line(counts)}\n`);
  }

  #line({ queued, running, ended, failed }: Counts): string {
    const { paint } = this.#session;
    const width = 32;
    const done = Math.round((width * ended) / this.#jobs);
    const under = Math.round((width * running) / this.#jobs);
    const bar =
      '█'.repeat(done) + '▒'.repeat(under) + '·'.repeat(Math.max(0, width - done - under));
    const failures = failed > 0 ? paint(`, ${failed} failed`, 'bad') : '';
    return `  ${bar} ${ended} of ${this.#jobs} done, ${running} running, ${queued} waiting${failures}`;
  }
}
