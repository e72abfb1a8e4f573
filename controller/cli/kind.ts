// The kinds of things that `get` and `describe` show: their names, and where their tables are.
import { nearMiss } from '#client/near-miss.ts';
import type { Isobar } from '#client/isobar.ts';
import { Failure, EXIT, UsageError } from './exit.ts';
import type { Session } from './session.ts';
import type { Column } from './table.ts';
import type { SectionText } from './sections.ts';

/** What a person may ask a list for. Which of them a kind understands is in `selects`. */
export interface Selection {
  readonly allTenants?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly set?: string;
  readonly states?: readonly string[];
  readonly user?: string;
  readonly dataCenter?: string;
  readonly since?: number;
}

interface Listed<T> {
  readonly items: readonly T[];
  /** To watch from; 0 where the API does not tell. */
  readonly revision: number;
}

export interface KindView<T> {
  /** Which selections it understands; others are refused rather than ignored. */
  readonly selects: readonly (keyof Selection)[];
  readonly codec: { toJSON(item: T): unknown };
  /** Resource name, for `-o name` and for watching. */
  name(item: T): string;
  labels?(item: T): Readonly<Record<string, string>>;
  columns(now: number, selection: Selection): readonly Column<T>[];
  /** The most rows that a table shows unless told otherwise. Undefined: all. */
  readonly tableLimit?: number;
  list(
    client: Isobar,
    session: Session,
    selection: Selection,
    wide: boolean,
  ): AsyncIterable<Listed<T>>;
  /** Undefined: the API has no such method, and `list` is searched. */
  get?(client: Isobar, session: Session, name: string): Promise<T>;
  /** By name; `all` says whether more than one tenant is meant. Used where there is no `get`. */
  matches?(item: T, name: string): boolean;
  /** Names of resources that changed, when events tell; otherwise the list is read again. */
  changes?(
    client: Isobar,
    session: Session,
    selection: Selection,
    fromRevision: number,
  ): AsyncIterable<readonly string[]>;
  /** For what never ends: streams that begin where `list` does and go on. */
  follow?(
    client: Isobar,
    session: Session,
    selection: Selection,
  ): Promise<readonly AsyncIterable<T>[]>;
  describe?(client: Isobar, session: Session, item: T): Promise<SectionText[]>;
}

interface Kind {
  readonly plural: string;
  readonly singular: string;
  readonly short: readonly string[];
  load(): Promise<KindView<unknown>>;
}

export const KINDS: readonly Kind[] = [
  {
    plural: 'data-centers',
    singular: 'data-center',
    short: ['dc', 'dcs', 'dataCenters', 'datacenters', 'datacenter'],
    load: async () => (await import('./kinds/data-centers.ts')).dataCenters,
  },
  {
    plural: 'nodes',
    singular: 'node',
    short: ['no'],
    load: async () => (await import('./kinds/nodes.ts')).nodes,
  },
  {
    plural: 'jobs',
    singular: 'job',
    short: ['j'],
    load: async () => (await import('./kinds/jobs.ts')).jobs,
  },
  {
    plural: 'runs',
    singular: 'run',
    short: ['r'],
    load: async () => (await import('./kinds/runs.ts')).runs,
  },
  {
    plural: 'tenants',
    singular: 'tenant',
    short: ['te'],
    load: async () => (await import('./kinds/tenants.ts')).tenants,
  },
  {
    plural: 'links',
    singular: 'link',
    short: ['ln'],
    load: async () => (await import('./kinds/links.ts')).links,
  },
  {
    plural: 'events',
    singular: 'event',
    short: ['ev'],
    load: async () => (await import('./kinds/events.ts')).events,
  },
  {
    plural: 'users',
    singular: 'user',
    short: ['us'],
    load: async () => (await import('./kinds/users.ts')).users,
  },
];

/** The kind that a word means. `allowed` narrows it to those that a verb is for. */
export function kindOf(
  word: string,
  allowed: readonly string[] = KINDS.map((k) => k.plural),
): Kind {
  const kinds = KINDS.filter(({ plural }) => allowed.includes(plural));
  const found = kinds.find((kind) => namesOf(kind).includes(word));
  if (found !== undefined) return found;
  const other = KINDS.find((kind) => namesOf(kind).includes(word));
  if (other !== undefined) {
    throw new UsageError(`${other.plural} cannot be used here; expected ${kindList(kinds)}`);
  }
  const near = nearMiss(word, kinds.flatMap(namesOf));
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  throw new UsageError(`unknown kind ${word}${meant}`, `there are ${kindList(kinds)}`);
}

export function notFound(what: string): Failure {
  return new Failure(
    `there is no ${what}`,
    EXIT.NOT_FOUND,
    'list what there is with `isobar get`; what another tenant owns is not shown',
  );
}

/** For help texts: `data-centers (dc), nodes (no), …`. */
export function kindList(kinds: readonly Kind[] = KINDS): string {
  return kinds.map(({ plural, short }) => `${plural} (${short[0]})`).join(', ');
}

function namesOf({ plural, singular, short }: Kind): string[] {
  return [plural, singular, ...short];
}
