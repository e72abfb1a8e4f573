// Reading values that somebody wrote: every wrong key and value is found in one go, each with its path. A parser turns
// an unknown value into a typed one, or reports what is wrong and answers undefined.
import { ID_RULE, isId } from '#domain/names.ts';
import { didYouMean, nearMiss } from './near-miss.ts';
import {
  CPU_RULE,
  DURATION_RULE,
  parseCpu,
  parseDuration,
  parseSize,
  SIZE_RULE,
} from './quantities.ts';

export type Path = readonly (string | number)[];

export interface Finding {
  readonly path: Path;
  /** The key itself is wrong, not its value. */
  readonly atKey: boolean;
  readonly message: string;
}

/** Where a value stands and where findings about it go. */
export interface Place {
  readonly path: Path;
  /** How keys are written: `max_run_time` in files, `maxRunTime` in TypeScript. */
  readonly keys: 'snake' | 'camel';
  readonly findings: Finding[];
}

export type Parser<T> = (value: unknown, place: Place) => T | undefined;
export type Parsed<P> = P extends Parser<infer T> ? T : never;

export function report(place: Place, message: string, atKey = false): undefined {
  place.findings.push({ path: place.path, atKey, message });
}

export function inside(place: Place, key: string | number): Place {
  return { ...place, path: [...place.path, key] };
}

/** `groups[0].env.A`, as a person would point at it. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

export const snakeCase = (key: string): string =>
  key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What a value is, for messages. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return JSON.stringify(value) ?? typeof value;
}

/** A scalar is taken as text: YAML reads `8080` and `true` as something else, and the author meant the letters. */
export const text: Parser<string> = (value, place) => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return report(place, `expected text, found ${kindOf(value)}`);
};

export const id: Parser<string> = (value, place) => {
  const word = text(value, place);
  if (word === undefined || isId(word)) return word;
  return report(place, `${kindOf(word)} is no id: ${ID_RULE}`);
};

export const flag: Parser<boolean> = (value, place) =>
  typeof value === 'boolean'
    ? value
    : report(place, `expected true or false, found ${kindOf(value)}`);

export function whole(min: number, max: number): Parser<number> {
  return (value, place) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : report(place, `expected a whole number from ${min} to ${max}, found ${kindOf(value)}`);
}

export function decimal(min: number, max: number): Parser<number> {
  return (value, place) =>
    typeof value === 'number' && value >= min && value <= max
      ? value
      : report(place, `expected a number from ${min} to ${max}, found ${kindOf(value)}`);
}

export function oneOf<const T extends string>(words: readonly T[]): Parser<T> {
  return (value, place) => {
    const word = text(value, place);
    if (word === undefined) return undefined;
    const found = words.find((one) => one.toLowerCase() === word.toLowerCase());
    if (found !== undefined) return found;
    const meant = didYouMean(word, words);
    return report(place, `expected one of ${words.join(', ')}, found ${kindOf(word)}${meant}`);
  };
}

export const cpuMillis: Parser<number> = quantity(parseCpu, CPU_RULE);
export const sizeMib: Parser<number> = quantity((value) => parseSize(String(value)), SIZE_RULE);
export const durationMs: Parser<number> = quantity(parseDuration, DURATION_RULE);

function quantity(
  parse: (value: string | number) => number | undefined,
  rule: string,
): Parser<number> {
  return (value, place) => {
    const scalar = typeof value === 'string' || typeof value === 'number';
    const amount = scalar ? parse(value) : undefined;
    return amount ?? report(place, `expected ${rule}, found ${kindOf(value)}`);
  };
}

export function list<T>(of: Parser<T>): Parser<T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) return report(place, `expected a list, found ${kindOf(value)}`);
    return value.flatMap((item: unknown, index) => of(item, inside(place, index)) ?? []);
  };
}

/** A mapping with names of the author's choice. */
export function mapOf<T>(of: Parser<T>): Parser<Record<string, T>> {
  return (value, place) => {
    if (!isMapping(value)) return report(place, `expected a mapping, found ${kindOf(value)}`);
    const result: Record<string, T> = {};
    for (const [key, item] of Object.entries(value)) {
      const parsed = of(item, inside(place, key));
      if (parsed !== undefined) result[key] = parsed;
    }
    return result;
  };
}

type Shape = Readonly<Record<string, Parser<unknown>>>;
export type ObjectOf<S extends Shape> = { -readonly [K in keyof S]?: Parsed<S[K]> };

/**
 * A mapping with known keys, all optional. `retired` names keys that people bring from elsewhere, with what to write
 * instead: a better answer than the nearest spelling.
 */
export function object<S extends Shape>(
  shape: S,
  retired: Readonly<Record<string, string>> = {},
): Parser<ObjectOf<S>> {
  return (value, place) => {
    if (!isMapping(value)) return report(place, `expected a mapping, found ${kindOf(value)}`);
    const written = (key: string): string => (place.keys === 'snake' ? snakeCase(key) : key);
    const known = new Map(Object.keys(shape).map((key) => [written(key), key]));
    const result: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      const name = known.get(key);
      const parser = name === undefined ? undefined : shape[name];
      if (name === undefined || parser === undefined) {
        report(inside(place, key), unknownKey(key, [...known.keys()], retired), true);
      } else if (item !== undefined && item !== null) {
        const parsed = parser(item, inside(place, key));
        if (parsed !== undefined) result[name] = parsed;
      }
    }
    return result as ObjectOf<S>; // each key was parsed by the parser of its own name
  };
}

function unknownKey(
  key: string,
  known: readonly string[],
  retired: Readonly<Record<string, string>>,
): string {
  const instead = retired[key];
  if (instead !== undefined) return `unknown key ${key}: ${instead}`;
  const near = nearMiss(key, known);
  return near === undefined
    ? `unknown key ${key}; known here: ${known.join(', ')}`
    : `unknown key ${key}; did you mean ${near}?`;
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
