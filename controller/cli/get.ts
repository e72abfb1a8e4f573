// isobar get: tables of everything, and what changes in them.
import type { Command } from 'commander';
import { IsobarError } from '#client/isobar-error.ts';
import { toApiJson } from '#client/json.ts';
import { nearMiss } from '#client/near-miss.ts';
import { JobState } from '#client/types.ts';
import { wordsOf } from '#client/enums.ts';
import { UsageError } from './exit.ts';
import { type Format, outputOption, printItems, printValue } from './format.ts';
import { durationMs, keyValues, wholeNumber } from './options.ts';
import { kindList, kindOf, type KindView, notFound, type Selection } from './kind.ts';
import { followRows, Rows, watchRows } from './rows.ts';
import type { Session } from './session.ts';
import { type Act, examples } from './verb.ts';

interface GetOptions {
  readonly output: Format;
  readonly watch?: boolean;
  readonly selector?: Readonly<Record<string, string>>;
  readonly allTenants?: boolean;
  readonly set?: string;
  readonly state?: readonly string[];
  readonly user?: string;
  readonly dataCenter?: string;
  readonly since?: number;
  readonly limit?: number;
  readonly interval: number;
}

export function configure(command: Command, act: Act): void {
  outputOption(command.argument('<kind>', kindList()).argument('[name...]', 'ids or names'))
    .option('-w, --watch', 'go on and print what changes')
    .option(
      '-l, --selector <labels>',
      'only with these labels, such as team=vision,tier=one',
      keyValues,
    )
    .option('-A, --all-tenants', 'jobs, runs, events, users: of all tenants that you may see')
    .option('--set <id>', 'jobs, events: only of this job set')
    .option('--state <state,...>', 'jobs: only in these states', states)
    .option('--user <name>', 'jobs: only of this user, TENANT/USER')
    .option('--data-center <id>', 'nodes, runs: only in this data center')
    .option('--since <revision>', 'events: after this revision', count)
    .option(
      '--limit <number>',
      'at most this many rows; 0 is all; default for a table of jobs 500',
      count,
    )
    .option(
      '--interval <duration>',
      'how often --watch looks at what has no events',
      durationMs,
      2000,
    )
    .action(act<GetOptions>(get));
  command.addHelpText(
    'after',
    '\n-o json and yaml print what the API has, with the field names of the proto files; a list is {items: [...]}.',
  );
  examples(
    command,
    'isobar get data-centers',
    'isobar get jobs --state running,queued -l team=vision',
    'isobar get jobs --watch',
    'isobar get no --data-center north-1 -o wide',
    'isobar get job train-7 -o yaml',
    'isobar get events --watch -o json',
  );
}

async function get(
  session: Session,
  [kindWord = '', ...names]: readonly string[],
  options: GetOptions,
): Promise<void> {
  const kind = kindOf(kindWord);
  const view = await kind.load();
  const selection = selectionOf(options);
  for (const key of Object.keys(selection)) {
    if (!view.selects.includes(key as keyof Selection)) {
      throw new UsageError(`${kind.plural} cannot be selected by ${FLAGS[key as keyof Selection]}`);
    }
  }
  if (options.watch === true && view.follow !== undefined && options.output !== 'yaml') {
    const rows = new Rows(session, view, options.output, selection);
    const streams = await view.follow(await session.client(), session, selection);
    await followRows(session, view, rows, streams, options.output);
    return;
  }
  if (options.watch === true && ['json', 'yaml'].includes(options.output)) {
    throw new UsageError(
      '--watch prints lines: use it with -o table, wide or name; events also with -o json',
    );
  }
  if (names.length > 0) await getNamed(session, kind.singular, view, names, options, selection);
  else await getAll(session, kind.plural, view, options, selection);
}

const count = wholeNumber(0, Number.MAX_SAFE_INTEGER);

const FLAGS: Readonly<Record<keyof Selection, string>> = {
  allTenants: '--all-tenants',
  labels: '--selector',
  set: '--set',
  states: '--state',
  user: '--user',
  dataCenter: '--data-center',
  since: '--since',
};

function selectionOf(options: GetOptions): Selection {
  const { allTenants, selector, set, state, user, dataCenter, since } = options;
  return {
    ...(allTenants !== undefined && { allTenants }),
    ...(selector !== undefined && { labels: selector }),
    ...(set !== undefined && { set }),
    ...(state !== undefined && { states: state }),
    ...(user !== undefined && { user: user.replace(/^([^/]+)\/([^/]+)$/, userName) }),
    ...(dataCenter !== undefined && { dataCenter }),
    ...(since !== undefined && { since }),
  };
}

const userName = (_: string, tenant: string, user: string): string =>
  tenant === 'operators' ? `operators/${user}` : `tenants/${tenant}/users/${user}`;

async function getNamed(
  session: Session,
  singular: string,
  view: KindView<unknown>,
  names: readonly string[],
  options: GetOptions,
  selection: Selection,
): Promise<void> {
  const client = await session.client();
  const read = (): Promise<unknown[]> =>
    Promise.all(names.map((name) => findOne(session, singular, view, name)));
  const items = await read();
  if (options.output === 'json' || options.output === 'yaml') {
    const values = items.map((item) => toApiJson(view.codec, item));
    await printValue(session, options.output, values.length === 1 ? values[0] : { items: values });
    return;
  }
  const rows = new Rows(session, view, options.output, selection);
  await rows.print(items);
  if (options.watch !== true) return;
  const revision = (await client.federation.get({ signal: session.signal })).revision;
  const wanted = new Set(items.map((item) => view.name(item)));
  await watchRows(session, view, rows, options.interval, selection, revision, async (changed) => {
    if (changed === undefined) return read();
    const seen = changed.filter((name) => wanted.has(name));
    return Promise.all(seen.map((name) => findOne(session, singular, view, name)));
  });
}

/** One thing by its id or name. */
export async function findOne<T>(
  session: Session,
  singular: string,
  view: KindView<T>,
  name: string,
): Promise<T> {
  const client = await session.client();
  if (view.get !== undefined) {
    try {
      return await view.get(client, session, name);
    } catch (error) {
      // The controller does not say which: of several it may be any.
      const isMissing = error instanceof IsobarError && error.code === 'NOT_FOUND';
      throw isMissing ? notFound(`${singular} ${name}`) : error;
    }
  }
  for await (const { items } of view.list(client, session, {}, false)) {
    const found = items.find((item) => view.matches?.(item, name));
    if (found !== undefined) return found;
  }
  throw notFound(`${singular} ${name}`);
}

async function getAll(
  session: Session,
  plural: string,
  view: KindView<unknown>,
  options: GetOptions,
  selection: Selection,
): Promise<void> {
  const client = await session.client();
  const format = options.output;
  if (format === 'json' || format === 'yaml') {
    const limit = options.limit || Number.POSITIVE_INFINITY;
    await printItems(session, format, jsonItems(session, view, selection, limit));
    return;
  }
  const isTable = format === 'table' || format === 'wide';
  const limit = (options.limit ?? (isTable ? view.tableLimit : 0)) || Number.POSITIVE_INFINITY;
  const rows = new Rows(session, view, format, selection);
  let printed = 0;
  let revision: number | undefined;
  for await (const page of view.list(client, session, selection, format === 'wide')) {
    revision ??= page.revision;
    const matching = page.items.filter((item) => hasLabels(view, item, selection));
    const items = matching.slice(0, limit - printed);
    await rows.print(items);
    printed += items.length;
    if (items.length < matching.length || printed >= limit) break;
  }
  if (printed === 0) await session.note(`no ${plural}`);
  if (printed >= limit && options.limit === undefined) {
    await session.note(`the newest ${printed}; --limit 0 shows all`);
  }
  if (options.watch !== true) return;
  await watchRows(
    session,
    view,
    rows,
    options.interval,
    selection,
    revision ?? 0,
    async (changed) => {
      if (changed === undefined) {
        const all: unknown[] = [];
        for await (const { items } of view.list(client, session, selection, format === 'wide'))
          all.push(...items);
        return all.filter((item) => hasLabels(view, item, selection));
      }
      const items = await fetchAll(session, view, changed);
      return items.filter((item) => hasLabels(view, item, selection));
    },
  );
}

/** Together, but not more at once than a person's command should ask of a controller. */
async function fetchAll(
  session: Session,
  view: KindView<unknown>,
  names: readonly string[],
): Promise<unknown[]> {
  const client = await session.client();
  const items: unknown[] = [];
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const slice = names.slice(start, start + AT_ONCE);
    items.push(
      ...(await Promise.all(slice.map(async (name) => view.get?.(client, session, name)))),
    );
  }
  return items;
}

const AT_ONCE = 16;

async function* jsonItems(
  session: Session,
  view: KindView<unknown>,
  selection: Selection,
  limit: number,
): AsyncGenerator<unknown, void, undefined> {
  let left = limit;
  for await (const { items } of view.list(await session.client(), session, selection, true)) {
    for (const item of items) {
      if (!hasLabels(view, item, selection)) continue;
      yield toApiJson(view.codec, item);
      left -= 1;
      if (left === 0) return;
    }
  }
}

/** Jobs were selected by the controller already; asking again costs nothing. */
function hasLabels(view: KindView<unknown>, item: unknown, { labels }: Selection): boolean {
  if (labels === undefined || view.labels === undefined) return true;
  const own = view.labels(item);
  return Object.entries(labels).every(([key, value]) => own[key] === value);
}

function states(text: string): string[] {
  const known = wordsOf(JobState);
  return text.split(',').map((word) => {
    const state = word.trim().toLowerCase();
    if (known.includes(state)) return state;
    const near = nearMiss(state, known);
    throw new UsageError(
      `--state ${word}: expected ${known.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
    );
  });
}
