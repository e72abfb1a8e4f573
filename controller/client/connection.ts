// What the groups of the client share.
import type { Channel } from '@grpc/grpc-js';
import type { CallOptions } from './rpc.ts';

export interface Connection {
  readonly channel: Channel;
  /** Id of the tenant that calls mean when they name none. Empty: none. */
  readonly tenant: string;
}

export interface ReadOptions extends CallOptions {
  /** Wait until the answer is at least this fresh. */
  readonly minRevision?: number | undefined;
}

export interface ListOptions extends ReadOptions {
  /** 1 to 1000. */
  readonly pageSize?: number | undefined;
}

export interface WriteOptions extends CallOptions {
  /** Check only, change nothing. */
  readonly validateOnly?: boolean | undefined;
}

/** As many as the API gives at once: lists are read to their end more often than not. */
export const PAGE_SIZE = 1000;

/** Fields of a list request that are the same in all of them. */
export function pageFields(options: ListOptions, pageToken: string) {
  return {
    pageSize: options.pageSize ?? PAGE_SIZE,
    pageToken,
    minRevision: options.minRevision ?? 0,
  };
}
