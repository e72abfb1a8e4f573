// isobar audit: who changed what.
import type { Command } from 'commander';
import { toApiJson } from '#client/json.ts';
import { shortName } from '#client/names.ts';
import { AuditEntry } from '#client/types.ts';
import { EXIT } from './exit.ts';
import { type Format, outputOption, printItems } from './format.ts';
import { wholeNumber } from './options.ts';
import type { Session } from './session.ts';
import { type Column, Table } from './table.ts';
import { timestamp } from './units.ts';
import { type Act, examples } from './verb.ts';

interface ListOptions {
  readonly output: Format;
  readonly limit: number;
  readonly people?: boolean;
  readonly allTenants?: boolean;
}

const count = wholeNumber(0, Number.MAX_SAFE_INTEGER);

export function configure(command: Command, act: Act): void {
  const list = outputOption(command.command('list'), ['table', 'wide', 'json', 'yaml'])
    .description('Lists changes, newest first.')
    .option('--limit <number>', 'at most this many; 0 is all', count, 50)
    .option('--people', "without the controller's own changes")
    .option('-A, --all-tenants', 'of all tenants that you may see')
    .action(act<ListOptions>(listEntries));
  examples(list, 'isobar audit list --people', 'isobar audit list -A --limit 0 -o json');

  const exported = command
    .command('export')
    .description('Prints all changes, oldest first, one JSON object a line.')
    .option('--since <revision>', 'after this revision', count, 0)
    .action(
      act<{ since: number }>(async (session, _, { since }) => {
        const client = await session.client();
        for await (const entry of client.audit.export(since, { signal: session.signal })) {
          await session.print(JSON.stringify(toApiJson(AuditEntry, entry)));
        }
      }),
    );
  examples(exported, 'isobar audit export --since 120000 >> audit.jsonl');

  const verify = command
    .command('verify')
    .description('Lets the controller recompute the chain of hashes.')
    .action(
      act(async (session) => {
        const client = await session.client();
        const { entries, intact, firstBadRevision } = await client.audit.verify({
          signal: session.signal,
          timeoutMs: session.options.timeout ?? VERIFY_MS,
        });
        if (intact) {
          await session.print(`intact: ${entries} entries, every hash is right, none is missing`);
          return EXIT.OK;
        }
        await session.print(`broken at revision ${firstBadRevision}, after ${entries} entries`);
        return EXIT.FAILED;
      }),
    );
  examples(verify, 'isobar audit verify');
  examples(command, 'isobar audit list --people', 'isobar audit verify');
}

/** It reads years of entries. */
const VERIFY_MS = 30 * 60_000;

async function listEntries(session: Session, _: readonly string[], options: ListOptions) {
  const client = await session.client();
  const tenant = options.allTenants === true ? '-' : (await session.tenant()) || '-';
  const { people: peopleOnly, limit, output } = options;
  const pageSize = limit === 0 ? undefined : Math.min(limit, 1000);
  const entries = client.audit.list({ tenant, peopleOnly, pageSize, signal: session.signal });
  if (output === 'json' || output === 'yaml') {
    await printItems(session, output, jsonOf(first(entries, limit)));
    return;
  }
  const columns = COLUMNS.filter(({ wide }) => output === 'wide' || wide !== true);
  const table = new Table(columns, session.io.stdout, session.paint);
  let printed = 0;
  for await (const { items } of entries.pages()) {
    const rows = limit === 0 ? items : items.slice(0, limit - printed);
    if (rows.length > 0) await session.print(table.lines(rows).join('\n'));
    printed += rows.length;
    if (limit !== 0 && printed >= limit) break;
  }
  if (printed === 0) await session.note('no changes');
}

async function* first<T>(
  items: AsyncIterable<T>,
  limit: number,
): AsyncGenerator<T, void, undefined> {
  let left = limit || Number.POSITIVE_INFINITY;
  for await (const item of items) {
    yield item;
    left -= 1;
    if (left === 0) return;
  }
}

async function* jsonOf(
  entries: AsyncIterable<AuditEntry>,
): AsyncGenerator<unknown, void, undefined> {
  for await (const entry of entries) yield toApiJson(AuditEntry, entry);
}

const COLUMNS: readonly Column<AuditEntry>[] = [
  { title: 'REVISION', right: true, cell: ({ revision }) => revision },
  { title: 'TIME (UTC)', cell: ({ time }) => (time === undefined ? '' : timestamp(time)) },
  { title: 'ACTOR', cell: ({ actor }) => actor.replace('spiffe://isobar.internal/', '') },
  { title: 'METHOD', cell: ({ method }) => method.replace('isobar.v1.', '') },
  { title: 'RESOURCE', shrinks: 'end', cell: ({ resource }) => shortName(resource) },
  { title: 'EVENTS', right: true, wide: true, cell: ({ eventCount }) => eventCount },
  { title: 'REQUEST', wide: true, cell: ({ requestId }) => requestId },
];
