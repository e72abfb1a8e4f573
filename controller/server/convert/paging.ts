// Pages: sizes, and tokens that say where the next one begins. A token is opaque to callers and short-lived by nature; it names
// a place in an order, so that what was added or removed meanwhile moves nothing.
import type { Wrong } from '#domain/refusal.ts';

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1000;

export interface PageRequest {
  readonly size: number;
  /** What the token of the page before says; empty: from the beginning. */
  readonly after: string;
}

/** `kind` keeps a token of one list out of another. */
export function pageOf(
  request: { readonly pageSize: number; readonly pageToken: string },
  kind: string,
  wrong: Wrong,
): PageRequest {
  const { pageSize, pageToken } = request;
  if (pageSize < 0 || pageSize > MAX_PAGE) {
    wrong('page_size', `is ${pageSize}, must be from 1 to ${MAX_PAGE}, or 0 for ${DEFAULT_PAGE}`);
  }
  const size = pageSize === 0 ? DEFAULT_PAGE : pageSize;
  if (pageToken === '') return { size, after: '' };
  const text = Buffer.from(pageToken, 'base64url').toString();
  if (!text.startsWith(`${kind} `)) {
    wrong('page_token', 'is not one of this list; ask for the first page again');
    return { size, after: '' };
  }
  return { size, after: text.slice(kind.length + 1) };
}

export function tokenOf(kind: string, after: string): string {
  return Buffer.from(`${kind} ${after}`).toString('base64url');
}

/** A page of a list that is in memory, by key. */
export function pageByKey<T>(
  all: Iterable<T>,
  keyOf: (item: T) => string,
  { size, after }: PageRequest,
  kind: string,
): { readonly items: readonly T[]; readonly nextPageToken: string } {
  const rest = [...all].filter((item) => keyOf(item) > after);
  rest.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const items = rest.slice(0, size);
  const last = items.at(-1);
  return {
    items,
    nextPageToken: last === undefined || rest.length <= size ? '' : tokenOf(kind, keyOf(last)),
  };
}

/** The same for numbers as keys in tokens: a malformed one is no number. */
export function numberOf(after: string, field: string, wrong: Wrong): number {
  if (after === '') return 0;
  const number = Number(after);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  wrong(field, 'is not one of this list; ask for the first page again');
  return 0;
}
