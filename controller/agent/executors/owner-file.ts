// Files that the owner of a data center writes: YAML, checked against a schema, with everything that is wrong named by its line.
import { LineCounter, isNode, parseDocument } from 'yaml';
import { z } from 'zod';

export interface OwnerFile<T> {
  readonly data: T;
  /** Line of a field; of what is missing, the line of what it is missing in. */
  readonly lineOf: (path: readonly PropertyKey[]) => number;
}

/** All that is wrong in a file, a line for each. */
export class OwnerFileError extends Error {}

/** `empty` is what a file without any content stands for. Throws an OwnerFileError. */
export function parseOwnerFile<S extends z.ZodType>(
  schema: S,
  text: string,
  file: string,
  empty: unknown,
): OwnerFile<z.output<S>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line } = lines.linePos(problem.pos[0]);
    throw new OwnerFileError(`${file}:${line}: ${problem.message.split('\n')[0]}`);
  }
  const lineOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length > 0; length -= 1) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  const parsed = schema.safeParse(document.toJS() ?? empty);
  if (parsed.success) return { data: parsed.data, lineOf };
  const findings = parsed.error.issues.flatMap((issue) => {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [];
    const fields = unknown.length > 0 ? unknown.map((key) => [...issue.path, key]) : [issue.path];
    const message = unknown.length > 0 ? 'is not known here' : issue.message;
    return fields.map((field) => {
      const name = field.length === 0 ? '' : `${field.join('.')}: `;
      return `${file}:${lineOf(field)}: ${name}${message}`;
    });
  });
  throw new OwnerFileError(findings.join('\n'));
}
