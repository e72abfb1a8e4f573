// YAML and JSON files as values that remember where they stand, so that a finding points at its line.
import { isMap, isPair, isScalar, isSeq, LineCounter, parseAllDocuments, type Node } from 'yaml';
import { type Finding, type Path, pathText } from './fields.ts';
import { FileError, type FileProblem } from './file-error.ts';

/** One entry of a file: a document, or an item of a document that is a list. */
export interface Entry {
  readonly value: unknown;
  readonly line: number;
  readonly column: number;
  locate(finding: Finding): FileProblem;
}

/** Entries in order. Several documents, lists and `{items: [...]}` may be mixed; throws FileError where YAML ends. */
export function readEntries(source: string, file: string): Entry[] {
  const lines = new LineCounter();
  // Aliases are few in files for people; the bound keeps a file of a thousand aliases from becoming a billion values.
  const documents = parseAllDocuments(source, { lineCounter: lines, prettyErrors: false });
  const position = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems: FileProblem[] = [];
  const entries: Entry[] = [];
  for (const document of documents) {
    for (const error of document.errors) {
      problems.push({ file, ...position(error.pos[0]), field: '', message: error.message });
    }
    const root = document.contents;
    if (document.errors.length > 0 || root === null) continue;
    for (const node of entryNodes(root)) {
      entries.push({
        value: node.toJS(document, { maxAliasCount: 100 }),
        ...position(node.range?.[0] ?? 0),
        locate: ({ path, atKey, message }) => ({
          file,
          ...position(offsetOf(node, path, atKey)),
          field: atKey ? pathText(path.slice(0, -1)) : pathText(path),
          message,
        }),
      });
    }
  }
  if (problems.length > 0) throw new FileError(problems);
  return entries;
}

function entryNodes(root: Node): Node[] {
  const items = isMap(root) && root.has('items') ? root.get('items', true) : root;
  if (isSeq(items)) return items.items.filter((item): item is Node => isNode(item));
  return isScalar(root) && root.value === null ? [] : [root];
}

function isNode(value: unknown): value is Node {
  return isMap(value) || isSeq(value) || isScalar(value);
}

/** Where the value at a path stands, or as deep as the path exists. */
function offsetOf(root: Node, path: Path, atKey: boolean): number {
  let node: Node = root;
  let offset = root.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    const next: unknown = isMap(node)
      ? pairAt(node, step)
      : isSeq(node)
        ? node.get(Number(step), true)
        : undefined;
    const key: unknown = isPair(next) ? next.key : undefined;
    const value: unknown = isPair(next) ? next.value : next;
    const last = depth === path.length - 1;
    if (isNode(key)) offset = key.range?.[0] ?? offset;
    if (last && atKey) return offset;
    if (!isNode(value)) return offset;
    offset = value.range?.[0] ?? offset;
    node = value;
  }
  return offset;
}

function pairAt(node: Node, step: string | number): unknown {
  if (!isMap(node)) return undefined;
  return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(step));
}
