// Values of options, parsed. A wrong one is told with the option's own rule.
import { DURATION_RULE, parseDuration } from '#client/quantities.ts';
import { UsageError } from './exit.ts';

/** `a=b,c=d`, also given several times. */
export function keyValues(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const result = { ...before };
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals < 1) throw new UsageError(`expected KEY=VALUE, found ${JSON.stringify(part)}`);
    result[part.slice(0, equals).trim()] = part.slice(equals + 1).trim();
  }
  return result;
}

/** `KEY=VALUE` whose value may contain commas. */
export function keyValue(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UsageError(`expected KEY=VALUE, found ${JSON.stringify(text)}`);
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** `a,b`, also given several times. */
export function words(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').map((word) => word.trim())];
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
    throw new UsageError(
      `expected a whole number from ${min} to ${max}, found ${JSON.stringify(text)}`,
    );
  };
}

export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new UsageError(`expected ${DURATION_RULE}, found ${JSON.stringify(text)}`);
}
/** A moment: `2026-11-21`, `2026-11-21T08:00Z`, or a duration ago. */
export function moment(now: number, text: string): Date {
  const ago = parseDuration(text);
  if (ago !== undefined) return new Date(now - ago);
  const iso = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const ms = /^\d{4}-\d{2}-\d{2}T/.test(iso) ? Date.parse(iso) : Number.NaN;
  if (!Number.isNaN(ms)) return new Date(ms);
  throw new UsageError(
    `expected a date such as 2026-11-21 or 2026-11-21T08:00Z, or how long ago such as 7d, found ${text}`,
  );
}
