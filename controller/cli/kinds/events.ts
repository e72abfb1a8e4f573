// Events: what the log still keeps, and what follows.
import { idOf, shortName } from '#client/names.ts';
import { IsobarError } from '#client/isobar-error.ts';
import type { Isobar } from '#client/isobar.ts';
import { Event } from '#client/types.ts';
import type { KindView, Selection } from '../kind.ts';
import type { Session } from '../session.ts';
import type { Column } from '../table.ts';
import { clock } from '../units.ts';
import { reasonText, stateCell } from '../words.ts';

/** How far back a look goes that names no revision: enough to see what just happened, little for the controller to read. */
const LOOK_BACK = 1000;

export const events: KindView<Event> = {
  selects: ['allTenants', 'set', 'since'],
  codec: Event,
  name: ({ resource }) => resource,
  columns: eventColumns,
  async *list(client, session, selection) {
    const { sources, revision, fromRevision } = await begin(client, session, selection);
    const past = sources.map((source) => fromOldest((from) => source(from, true), fromRevision));
    const items = (await Promise.all(past)).flat().toSorted((a, b) => a.revision - b.revision);
    yield { items, revision };
  },
  async follow(client, session, selection) {
    const { sources, fromRevision } = await begin(client, session, selection);
    return sources.map((source) => goingOn((from) => source(from, false), fromRevision));
  },
};

type Source = (fromRevision: number, untilCurrent: boolean) => AsyncIterable<Event>;

/** Events of jobs, and with no job set named those of the federation too: the API has a stream for each. */
async function begin(client: Isobar, session: Session, { allTenants, set, since }: Selection) {
  const { signal } = session;
  const { revision } = await client.federation.get({ signal });
  const tenant = allTenants === true ? '-' : (await session.tenant()) || '-';
  const ofJobs: Source = (fromRevision, untilCurrent) =>
    client.events.watch({ fromRevision, untilCurrent, tenant, set, signal });
  const ofFederation: Source = (fromRevision, untilCurrent) =>
    client.events.watchFederation({ fromRevision, untilCurrent, signal });
  return {
    sources: set === undefined ? [ofJobs, ofFederation] : [ofJobs],
    revision,
    fromRevision: since ?? Math.max(1, revision - LOOK_BACK),
  };
}

/** All of them from a revision, or from the oldest that the log still keeps. */
export async function fromOldest(
  source: (fromRevision: number) => AsyncIterable<Event>,
  fromRevision: number,
): Promise<Event[]> {
  const found: Event[] = [];
  for await (const event of goingOn(source, fromRevision)) found.push(event);
  return found;
}

async function* goingOn(
  source: (fromRevision: number) => AsyncIterable<Event>,
  fromRevision: number,
): AsyncGenerator<Event, void, undefined> {
  try {
    yield* source(fromRevision);
  } catch (error) {
    const oldest = error instanceof IsobarError ? Number(error.metadata['oldest_revision']) : 0;
    if (!(oldest > fromRevision)) throw error;
    yield* source(oldest);
  }
}

export function eventColumns(now: number): Column<Event>[] {
  return [
    { title: 'REVISION', right: true, cell: ({ revision }) => revision },
    { title: 'TIME (UTC)', cell: ({ time }) => (time === undefined ? '' : clock(time, now)) },
    { title: 'KIND', atLeast: 14, cell: ({ kind }) => kind },
    {
      title: 'RESOURCE',
      atLeast: 20,
      shrinks: 'middle',
      cell: ({ resource }) => shortName(resource),
    },
    { title: 'STATE', atLeast: 10, cell: ({ state }) => stateCell(state.toLowerCase()) },
    { title: 'WHERE', atLeast: 8, cell: ({ dataCenter }) => dataCenter },
    { title: 'REASON', shrinks: 'end', cell: ({ reason }) => reasonText(reason) },
    { title: 'ACTOR', wide: true, cell: ({ actor }) => idOf(actor) },
  ];
}
