// Labels: what people write on jobs, data centers and nodes, and what jobs select by.
import type { Wrong } from './refusal.ts';

export type Labels = { [key: string]: string };

const MAX_LABELS = 16;
const MAX_KEY_LENGTH = 128;
const MAX_VALUE_LENGTH = 256;
/** `team`, `topology.kubernetes.io/zone`. No `=`, which separates key and value wherever people write both. */
const KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/;
const LABEL_KEY_RULE = `letters, digits, dots, hyphens, underscores and slashes, a letter or digit at either end, at most ${MAX_KEY_LENGTH}`;

// Control characters: a label is one line, in tables of people and in the log.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Notes what is wrong with labels of a resource; `field` is their path. */
export function checkLabels(labels: Labels, field: string, wrong: Wrong): void {
  let count = 0;
  for (const key in labels) {
    count++;
    const value = labels[key] ?? '';
    if (key.length > MAX_KEY_LENGTH || !KEY.test(key)) {
      wrong(`${field}[${JSON.stringify(key)}]`, `a key has ${LABEL_KEY_RULE}`);
    } else if (value.length > MAX_VALUE_LENGTH || CONTROL.test(value)) {
      wrong(
        `${field}[${JSON.stringify(key)}]`,
        `a value has at most ${MAX_VALUE_LENGTH} characters, all on one line`,
      );
    }
  }
  if (count > MAX_LABELS) {
    wrong(field, `has ${count} labels, at most ${MAX_LABELS} are allowed`);
  }
}

/** Sorted `key=value` lines: what the log keeps to select by. */
export function labelLines(labels: Labels): string {
  let lines = '';
  for (const key of Object.keys(labels).toSorted()) {
    lines += `${lines === '' ? '' : '\n'}${key}=${labels[key] ?? ''}`;
  }
  return lines;
}

/** The same entries in the order of their keys. Most maps are empty or have one entry, and are returned as they are. */
export function sortedMap<V>(map: { [key: string]: V }): { [key: string]: V } {
  const keys = Object.keys(map);
  if (keys.length < 2) return map;
  const sorted: { [key: string]: V } = {};
  // The key is one of the map's own.
  for (const key of keys.toSorted()) sorted[key] = map[key] as V;
  return sorted;
}
