// Layers of configuration become one checked value, or everything that is wrong with them at once, each with the place
// where a person wrote it.
import { Document, isMap, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { leavesOf, toCamel, toSnake, type Leaf } from './config-leaves.ts';

export interface Sources {
  /** Name and text of the YAML file; absent: there is none. */
  readonly file?: { readonly name: string; readonly text: string } | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of flags by setting, for example `listen.api`; undefined: not given. */
  readonly flags: Readonly<Record<string, unknown>>;
}

export interface Finding {
  /** `isobar.yaml:3:7`, `ISOBAR_CONTROLLER_DATA_DIR`, `--data-dir`. */
  readonly where: string;
  /** The setting as it is written in a file, for example `listen.api`. */
  readonly setting: string;
  readonly message: string;
}

export type Loaded<T> =
  | { readonly kind: 'config'; readonly value: T; readonly origins: Origins }
  | { readonly kind: 'wrong'; readonly findings: readonly Finding[] };

/** Setting → where its value was written. What is not in it has its default. */
export type Origins = ReadonlyMap<string, string>;

interface Tree {
  [key: string]: unknown;
}

export function load<S extends z.ZodObject>(
  schema: S,
  prefix: string,
  sources: Sources,
): Loaded<z.output<S>> {
  const leaves = leavesOf(schema);
  const findings: Finding[] = [];
  const origins = new Map<string, string>();
  const place = (path: readonly PropertyKey[]): string => placeIn(file, path);

  // 1. The file, then what goes over it.
  const file = parseFile(sources.file, findings);
  const values = file?.values ?? {};
  for (const { path } of leaves) {
    if (get(values, path) !== undefined) origins.set(nameOf(path), place(path));
  }
  for (const [variable, path, value] of fromEnvironment(leaves, prefix, sources.env, findings)) {
    set(values, path, value);
    origins.set(nameOf(path), variable);
  }
  for (const [flag, path, value] of fromFlags(leaves, sources.flags)) {
    set(values, path, value);
    origins.set(nameOf(path), flag);
  }

  // 2. All that the schema has to say about it.
  const result = schema.safeParse(values);
  for (const issue of result.error?.issues ?? []) {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys : undefined;
    for (const path of unknown?.map((key) => [...issue.path, key]) ?? [issue.path]) {
      findings.push({
        where: originOf(origins, path) ?? place(path),
        setting: nameOf(path),
        message: unknown === undefined ? issue.message : unknownKey(leaves, path),
      });
    }
  }
  if (findings.length > 0 || result.data === undefined) return { kind: 'wrong', findings };
  return { kind: 'config', value: result.data, origins };
}

/** One line for each, ready to be shown. */
export function formatFindings(findings: readonly Finding[]): string {
  return findings
    .map(
      ({ where, setting, message }) =>
        `${where}: ${setting === '' ? '' : `${setting}: `}${message}`,
    )
    .join('\n');
}

const SECRET = /token$|secret$|password|passphrase|credential|api_?key|private_?key/i;

/** The effective configuration as YAML, each value with where it comes from, and secrets hidden. */
export function renderConfig(value: object, origins: Origins): string {
  const document = new Document(toFile(value));
  const comment = (node: unknown, path: readonly string[]): void => {
    if (isMap(node)) {
      for (const pair of node.items) {
        if (isPair(pair) && isScalar(pair.key))
          comment(pair.value, [...path, String(pair.key.value)]);
      }
    } else if (isScalar(node)) {
      node.comment = ` ${originOf(origins, path.map(toCamel)) ?? 'default'}`;
    }
  };
  comment(document.contents, []);
  return document.toString();
}

interface ParsedFile {
  readonly name: string;
  readonly values: Tree;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

function parseFile(file: Sources['file'], findings: Finding[]): ParsedFile | undefined {
  if (file === undefined) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  for (const { pos, message } of document.errors) {
    findings.push({ where: at(file.name, lines, pos[0]), setting: '', message });
  }
  const parsed: unknown = document.errors.length > 0 ? {} : (document.toJS() ?? {});
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    findings.push({ where: file.name, setting: '', message: 'must be a map of settings' });
    return { name: file.name, values: {}, document, lines };
  }
  return { name: file.name, values: camelKeys(parsed), document, lines };
}

/** Where a setting stands in the file, or else the nearest map around it, or else the file. */
function placeIn(file: ParsedFile | undefined, path: readonly PropertyKey[]): string {
  if (file === undefined) return 'configuration';
  let node: unknown = file.document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (!isMap(node)) break;
    const pair = node.items.find(
      (item) => isScalar(item.key) && toCamel(String(item.key.value)) === String(key),
    );
    if (pair === undefined || !isScalar(pair.key)) break;
    offset = pair.key.range?.[0];
    node = pair.value;
  }
  return offset === undefined ? file.name : at(file.name, file.lines, offset);
}

function* fromEnvironment(
  leaves: readonly Leaf[],
  prefix: string,
  env: Sources['env'],
  findings: Finding[],
): Generator<readonly [string, readonly string[], unknown]> {
  const known = new Map(leaves.map((leaf) => [variableOf(prefix, leaf.path), leaf]));
  for (const [variable, text] of Object.entries(env)) {
    if (text === undefined || !variable.startsWith(prefix)) continue;
    const leaf = known.get(variable);
    if (leaf === undefined) {
      const message = `is no setting; there are ${[...known.keys()].join(', ')}`;
      findings.push({ where: variable, setting: '', message });
    } else {
      yield [variable, leaf.path, leaf.fromText(text)];
    }
  }
}

function* fromFlags(
  leaves: readonly Leaf[],
  flags: Sources['flags'],
): Generator<readonly [string, readonly string[], unknown]> {
  for (const [setting, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const leaf = leaves.find(({ path }) => nameOf(path) === nameOf(setting.split('.')));
    if (leaf === undefined) throw new Error(`a flag sets ${setting}, which is no setting`);
    const flag = `--${leaf.path.map(toSnake).join('-').replaceAll('_', '-')}`;
    yield [flag, leaf.path, typeof value === 'string' ? leaf.fromText(value) : value];
  }
}

function originOf(origins: Origins, path: readonly PropertyKey[]): string | undefined {
  // A value in a list is where the list is.
  for (let length = path.length; length > 0; length--) {
    const origin = origins.get(nameOf(path.slice(0, length)));
    if (origin !== undefined) return origin;
  }
  return undefined;
}

function unknownKey(leaves: readonly Leaf[], path: readonly PropertyKey[]): string {
  const depth = path.length - 1;
  const around = leaves
    .filter((leaf) => nameOf(leaf.path.slice(0, depth)) === nameOf(path.slice(0, depth)))
    .map((leaf) => toSnake(leaf.path[depth] ?? ''));
  return `is no setting; here there are ${[...new Set(around)].join(', ')}`;
}

const nameOf = (path: readonly PropertyKey[]): string =>
  path.map((key) => toSnake(String(key))).join('.');
const variableOf = (prefix: string, path: readonly string[]): string =>
  `${prefix}${path.map(toSnake).join('_').toUpperCase()}`;

function at(name: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${name}:${line}:${col}`;
}

/** Names of settings only: what an executor's options are called is its own affair. */
function camelKeys(value: object, depth = 0): Tree {
  const entries = Object.entries(value).map(([key, inner]: [string, unknown]) => {
    const name = toCamel(key);
    const open = depth === 1 && name === 'options';
    const isTree = typeof inner === 'object' && inner !== null && !Array.isArray(inner) && !open;
    return [name, isTree ? camelKeys(inner, depth + 1) : inner] as const;
  });
  return Object.fromEntries(entries);
}

function toFile(value: object): Tree {
  const entries = Object.entries(value).map(([key, inner]: [string, unknown]) => {
    const hidden = SECRET.test(key) && typeof inner === 'string' ? '[hidden]' : inner;
    const isTree = typeof hidden === 'object' && hidden !== null && !Array.isArray(hidden);
    return [toSnake(key), isTree ? toFile(hidden) : hidden] as const;
  });
  return Object.fromEntries(entries);
}

function get(tree: Tree, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Tree)[key] : undefined,
    tree,
  );
}

function set(tree: Tree, path: readonly string[], value: unknown): void {
  let inner = tree;
  for (const key of path.slice(0, -1)) {
    const next = inner[key];
    const below: Tree = typeof next === 'object' && next !== null ? (next as Tree) : {};
    inner[key] = below;
    inner = below;
  }
  inner[path.at(-1) ?? ''] = value;
}
