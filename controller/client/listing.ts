// A list that is fetched as it is read.

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
  /** What the page was computed from. 0 where the API does not tell. */
  readonly revision: number;
}

/** Iterate over it, ask for `all()`, or take it page by page with the revision to watch from. */
export class Listing<T> implements AsyncIterable<T> {
  readonly #fetch: (pageToken: string) => Promise<Page<T>>;

  constructor(fetch: (pageToken: string) => Promise<Page<T>>) {
    this.#fetch = fetch;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* page.items;
  }

  async *pages(): AsyncGenerator<Page<T>, void, undefined> {
    let pageToken = '';
    do {
      const page = await this.#fetch(pageToken);
      yield page;
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }

  async all(): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this) items.push(item);
    return items;
  }
}
