// Events: what the log still keeps, and what follows.
import { idOf, shortName } from '#client/names.ts';
import { IsobarError } from '#client/isobar-error.ts';
import type { Isobar } from '#client/isobar.ts';
import { Event } from '#client/types.ts';
import type { WatchOptions } from '#client/watch.ts';
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
    const { revision } = await client.federation.get({ signal: session.signal });
    const fromRevision = selection.since ?? Math.max(1, revision - LOOK_BACK);
    yield { items: await pastEvents(client, session, selection, fromRevision), revision };
  },
};

/** Events of jobs and of the federation together, in the order of their revisions. */
async function pastEvents(
  client: Isobar,
  session: Session,
  selection: Selection,
  fromRevision: number,
): Promise<Event[]> {
  const options = { fromRevision, untilCurrent: true, signal: session.signal };
  const sources = [
    (from: number) => jobEvents(client, session, selection, { ...options, fromRevision: from }),
  ];
  if (selection.set === undefined) {
    sources.push(async (from) => client.events.watchFederation({ ...options, fromRevision: from }));
  }
  const lists = await Promise.all(sources.map((source) => fromOldest(source, fromRevision)));
  return lists.flat().toSorted((a, b) => a.revision - b.revision);
}

async function jobEvents(
  client: Isobar,
  session: Session,
  { allTenants, set }: Selection,
  options: WatchOptions,
): Promise<AsyncIterable<Event>> {
  const tenant = allTenants === true ? '-' : (await session.tenant()) || '-';
  return client.events.watch({ ...options, tenant, set });
}

/** All of them from a revision, or from the oldest that the log still keeps. */
export async function fromOldest(
  source: (fromRevision: number) => Promise<AsyncIterable<Event>>,
  fromRevision: number,
): Promise<Event[]> {
  try {
    return await collect(await source(fromRevision));
  } catch (error) {
    const oldest = error instanceof IsobarError ? Number(error.metadata['oldest_revision']) : 0;
    if (!(oldest > fromRevision)) throw error;
    return collect(await source(oldest));
  }
}

async function collect(source: AsyncIterable<Event>): Promise<Event[]> {
  const found: Event[] = [];
  for await (const event of source) found.push(event);
  return found;
}

export function eventColumns(now: number): Column<Event>[] {
  return [
    { title: 'REVISION', right: true, cell: ({ revision }) => revision },
    { title: 'TIME (UTC)', cell: ({ time }) => (time === undefined ? '' : clock(time, now)) },
    { title: 'KIND', cell: ({ kind }) => kind },
    { title: 'RESOURCE', cell: ({ resource }) => shortName(resource) },
    { title: 'STATE', cell: ({ state }) => stateCell(state.toLowerCase()) },
    { title: 'WHERE', cell: ({ dataCenter }) => dataCenter },
    { title: 'REASON', shrinks: true, cell: ({ reason }) => reasonText(reason) },
    { title: 'ACTOR', wide: true, cell: ({ actor }) => idOf(actor) },
  ];
}
