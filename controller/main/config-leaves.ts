// The single settings of a schema: what each is called, and how its value is read from one line of text.
import { z } from 'zod';

export interface Leaf {
  /** Keys in camelCase, as in the schema. */
  readonly path: readonly string[];
  /** A variable's or a flag's text as a value for the schema, which then says what is wrong with it. */
  readonly fromText: (text: string) => unknown;
}

export function leavesOf(schema: z.ZodObject, path: readonly string[] = []): Leaf[] {
  return Object.entries(schema.shape).flatMap(([key, wrapped]) => {
    const inner = unwrap(wrapped);
    const here = [...path, key];
    if (inner instanceof z.ZodObject) return leavesOf(inner, here);
    return [{ path: here, fromText: readerFor(inner) }];
  });
}

/** Without defaults and optionality. */
function unwrap(type: unknown): unknown {
  let inner = type;
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodOptional
  ) {
    inner = inner.unwrap();
  }
  return inner;
}

function readerFor(type: unknown): (text: string) => unknown {
  if (type instanceof z.ZodArray) return (text) => (text === '' ? [] : text.split(','));
  if (type instanceof z.ZodNumber) {
    return (text) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);
  }
  if (type instanceof z.ZodBoolean) {
    return (text) => (text === 'true' ? true : text === 'false' ? false : text);
  }
  return (text) => text;
}

export const toSnake = (key: string): string =>
  key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
export const toCamel = (key: string): string =>
  key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
