// The rows of `get`: printed once, and again when they change.
import { setTimeout as sleep } from 'node:timers/promises';
import { toApiJson } from '#client/json.ts';
import type { Format } from './format.ts';
import type { KindView, Selection } from './kind.ts';
import { harmless } from './paint.ts';
import type { Session } from './session.ts';
import { Table } from './table.ts';

/** What was printed of a list, to know what is new. */
export class Rows {
  readonly #session: Session;
  readonly #view: KindView<unknown>;
  readonly #table: Table<unknown>;
  readonly #names: boolean;
  readonly #seen = new Map<string, string>();

  constructor(session: Session, view: KindView<unknown>, format: Format, selection: Selection) {
    const all = view.columns(session.io.now(), selection);
    // A wide table breaks lines anyway: cutting its sentences would not help.
    const columns =
      format === 'wide'
        ? all.map(({ shrinks: _shrinks, ...column }) => column)
        : all.filter(({ wide }) => wide !== true);
    this.#session = session;
    this.#view = view;
    this.#table = new Table(columns, session.io.stdout, session.paint);
    this.#names = format === 'name';
  }

  async print(items: readonly unknown[]): Promise<void> {
    if (items.length === 0) return;
    for (const item of items) this.#seen.set(this.#view.name(item), this.#table.fingerprint(item));
    const lines = this.#names
      ? items.map((item) => harmless(this.#view.name(item)))
      : this.#table.lines(items);
    await this.#session.io.stdout.write(`${lines.join('\n')}\n`);
  }

  async printChanged(items: readonly unknown[]): Promise<void> {
    await this.print(
      items.filter(
        (item) => this.#seen.get(this.#view.name(item)) !== this.#table.fingerprint(item),
      ),
    );
  }
}

/** Events tell of some kinds what changed; the others are read again now and then. */
export async function watchRows(
  session: Session,
  view: KindView<unknown>,
  rows: Rows,
  intervalMs: number,
  selection: Selection,
  fromRevision: number,
  read: (changed: readonly string[] | undefined) => Promise<readonly unknown[]>,
): Promise<void> {
  const client = await session.client();
  if (view.changes !== undefined) {
    for await (const changed of view.changes(client, session, selection, fromRevision)) {
      await rows.printChanged(await read(changed));
    }
    return;
  }
  for (;;) {
    await sleep(intervalMs, undefined, { signal: session.signal });
    await rows.printChanged(await read(undefined));
  }
}

/** Rows of streams as they come; as JSON a line for each. */
export async function followRows(
  session: Session,
  view: KindView<unknown>,
  rows: Rows,
  streams: readonly AsyncIterable<unknown>[],
  format: Format,
): Promise<void> {
  const print = async (item: unknown): Promise<void> => {
    if (format === 'json') await session.print(JSON.stringify(toApiJson(view.codec, item)));
    else await rows.print([item]);
  };
  await Promise.all(
    streams.map(async (stream) => {
      for await (const item of stream) await print(item);
    }),
  );
}
