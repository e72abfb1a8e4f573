// Links as tables and in full.
import { idOf } from '#client/names.ts';
import { Link } from '#client/types.ts';
import type { KindView } from '../kind.ts';
import { facts } from '../sections.ts';
import type { Column } from '../table.ts';
import { stateCell } from '../words.ts';

export const links: KindView<Link> = {
  selects: [],
  codec: Link,
  name: ({ name }) => name,
  columns: () => COLUMNS,
  list: (client, { signal }) => client.links.list({ signal }).pages(),
  get: (client, { signal }, name) => client.links.get(name, { signal }),
  describe: async (_client, _session, link) => [
    facts([
      ['Name', idOf(link.name)],
      ['Between', `${idOf(link.source)} and ${idOf(link.target)}`],
      ['State', link.down ? 'out of use' : 'up', link.down ? 'bad' : 'good'],
      ['Bandwidth', bandwidth(link)],
      ['Latency', `${latency(link)} one way`],
      ['Price', link.priceMicrosPerGib === 0 ? '' : `${price(link)} per GiB`],
    ]),
  ],
};

const COLUMNS: readonly Column<Link>[] = [
  { title: 'NAME', cell: ({ name }) => idOf(name) },
  { title: 'FROM', cell: ({ source }) => idOf(source) },
  { title: 'TO', cell: ({ target }) => idOf(target) },
  { title: 'STATE', cell: ({ down }) => stateCell(down ? 'down' : 'up') },
  { title: 'BANDWIDTH', right: true, cell: bandwidth },
  { title: 'LATENCY', right: true, cell: latency },
  { title: 'PRICE/GiB', right: true, cell: price },
];

function bandwidth({ bandwidthMbps }: Link): string {
  return bandwidthMbps < 1000 ? `${bandwidthMbps} Mbit/s` : `${bandwidthMbps / 1000} Gbit/s`;
}

function latency({ latencyMicros }: Link): string {
  return latencyMicros < 1000 ? `${latencyMicros} µs` : `${latencyMicros / 1000} ms`;
}

function price({ priceMicrosPerGib }: Link): string {
  return String(priceMicrosPerGib / 1e6);
}
