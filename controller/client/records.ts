// What is and was: runs, events, usage, audit, and the federation as a whole.
import {
  type AuditEntry,
  AuditServiceService,
  ExportAuditRequest,
  ListAuditRequest,
  VerifyAuditRequest,
  type VerifyAuditResponse,
} from '#gen/isobar/v1/audit.ts';
import { type Event, EventServiceService } from '#gen/isobar/v1/event.ts';
import {
  BackupRequest,
  type BackupResponse,
  type Federation,
  FederationServiceService,
  GetFederationRequest,
} from '#gen/isobar/v1/federation.ts';
import {
  ForgetRunRequest,
  ListRunsRequest,
  type Run,
  RunServiceService,
} from '#gen/isobar/v1/run.ts';
import {
  QueryUsageRequest,
  type QueryUsageResponse,
  UsageServiceService,
} from '#gen/isobar/v1/usage.ts';
import {
  type Connection,
  type ListOptions,
  PAGE_SIZE,
  pageFields,
  type ReadOptions,
  type WriteOptions,
} from './connection.ts';
import { Listing } from './listing.ts';
import { runNameOf, tenantNameOf } from './names.ts';
import { type CallOptions, type ClientOf, makeClient } from './rpc.ts';
import { watchEvents, type WatchOptions, watchResponses } from './watch.ts';

interface TenantOption {
  /** Id, or `-` for all that the caller may see. Default: the context's, else all. */
  readonly tenant?: string | undefined;
}

const parentOf = (option: string | undefined, fallback: string): string =>
  tenantNameOf(option || fallback || '-');

export class Runs {
  readonly #rpc: ClientOf<RunServiceService>;
  readonly #tenant: string;

  constructor({ channel, tenant }: Connection) {
    this.#rpc = makeClient(RunServiceService, channel);
    this.#tenant = tenant;
  }

  /** Live ones. */
  list(
    options: ListOptions & TenantOption & { readonly dataCenter?: string | undefined } = {},
  ): Listing<Run> {
    return new Listing(async (pageToken) => {
      const request = ListRunsRequest.create({
        parent: parentOf(options.tenant, this.#tenant),
        ...pageFields(options, pageToken),
        dataCenter: options.dataCenter ?? '',
      });
      const { runs, ...page } = await this.#rpc.listRuns(request, options);
      return { items: runs, ...page };
    });
  }

  /** Says that a run is gone for good. A run that is alive after all works beside the new one until its agent is back. */
  async forget(run: string, options: WriteOptions = {}): Promise<Run> {
    const { validateOnly = false } = options;
    const name = runNameOf(run, this.#tenant);
    return this.#rpc.forgetRun(ForgetRunRequest.create({ name, validateOnly }), options);
  }
}

export class Events {
  readonly #rpc: ClientOf<EventServiceService>;
  readonly #tenant: string;

  constructor({ channel, tenant }: Connection) {
    this.#rpc = makeClient(EventServiceService, channel);
    this.#tenant = tenant;
  }

  /** Of the jobs and runs of a tenant, or of all that the caller may see. */
  watch(options: WatchOptions & TenantOption = {}): AsyncGenerator<Event, void, undefined> {
    return watchEvents(this.#rpc, parentOf(options.tenant, this.#tenant), options);
  }

  /** Of data centers, nodes and links. */
  watchFederation(options: WatchOptions = {}): AsyncGenerator<Event, void, undefined> {
    return watchEvents(this.#rpc, '', options);
  }

  /** As `watch`, with the revisions between, for those who keep a position. */
  watchResponses(options: WatchOptions & TenantOption = {}) {
    return watchResponses(this.#rpc, parentOf(options.tenant, this.#tenant), options);
  }
}

export class Usage {
  readonly #rpc: ClientOf<UsageServiceService>;
  readonly #tenant: string;

  constructor({ channel, tenant }: Connection) {
    this.#rpc = makeClient(UsageServiceService, channel);
    this.#tenant = tenant;
  }

  /** Sums over whole hours of a tenant and its subtree. Default: the last 30 days. */
  async query(
    options: CallOptions &
      TenantOption & {
        readonly from?: Date | undefined;
        readonly to?: Date | undefined;
        readonly hourly?: boolean | undefined;
      } = {},
  ): Promise<QueryUsageResponse> {
    const { from, to, hourly = false } = options;
    const request = QueryUsageRequest.create({
      parent: parentOf(options.tenant, this.#tenant),
      ...(from && { startTime: from }),
      ...(to && { endTime: to }),
      hourly,
    });
    return this.#rpc.queryUsage(request, options);
  }
}

export class Audit {
  readonly #rpc: ClientOf<AuditServiceService>;
  readonly #tenant: string;

  constructor({ channel, tenant }: Connection) {
    this.#rpc = makeClient(AuditServiceService, channel);
    this.#tenant = tenant;
  }

  /** Newest first. */
  list(
    options: CallOptions &
      TenantOption & {
        readonly pageSize?: number | undefined;
        /** Without the controller's own entries. */
        readonly peopleOnly?: boolean | undefined;
      } = {},
  ): Listing<AuditEntry> {
    return new Listing(async (pageToken) => {
      const request = ListAuditRequest.create({
        parent: parentOf(options.tenant, this.#tenant),
        pageSize: options.pageSize ?? PAGE_SIZE,
        pageToken,
        peopleOnly: options.peopleOnly ?? false,
      });
      const { entries, nextPageToken } = await this.#rpc.listAudit(request, options);
      return { items: entries, nextPageToken, revision: 0 };
    });
  }

  /** Oldest first, after a revision: for an archive outside. */
  export(fromRevision = 0, options: CallOptions = {}): AsyncIterable<AuditEntry> {
    return this.#rpc.exportAudit(ExportAuditRequest.create({ fromRevision }), options);
  }

  /** Recomputes the chain of hashes in the controller. */
  async verify(options: CallOptions = {}): Promise<VerifyAuditResponse> {
    return this.#rpc.verifyAudit(VerifyAuditRequest.create({}), options);
  }
}

export class FederationGroup {
  readonly #rpc: ClientOf<FederationServiceService>;

  constructor({ channel }: Connection) {
    this.#rpc = makeClient(FederationServiceService, channel);
  }

  async get(options: ReadOptions = {}): Promise<Federation> {
    const { minRevision = 0 } = options;
    return this.#rpc.getFederation(GetFederationRequest.create({ minRevision }), options);
  }

  /** The log and its tables as of one revision, in pieces. */
  backup(options: CallOptions = {}): AsyncIterable<BackupResponse> {
    return this.#rpc.backup(BackupRequest.create({}), options);
  }
}
