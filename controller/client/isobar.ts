// The client of a federation.
//
//   import { connect } from 'isobar';
//
//   using isobar = await connect();
//   const job = await isobar.jobs.submit({ command: ['python', 'train.py'], cpu: 4, memory: '16Gi', gpus: 1 });
//   for await (const { kind, state } of isobar.jobs.watch(job.name, { fromRevision: job.revision })) {
//     console.log(kind, state);
//     if (state === 'RUNNING') break;
//   }
//   const { exitCode } = await isobar.jobs.wait(job.name);
import type { Channel } from '@grpc/grpc-js';
import type { StoredIdentity } from './identity.ts';
import { Jobs } from './jobs.ts';
import { DataCenters, Links, Nodes } from './members.ts';
import { Tenants, Users } from './people.ts';
import { Audit, Events, FederationGroup, Runs, Usage } from './records.ts';
import type { CallOptions } from './rpc.ts';

// With these a program can name what it gives and gets: this file is all that users of the package import.
export { IsobarError } from './isobar-error.ts';
export type { JobInput } from './job-input.ts';
export type { DataCenter, Event, Job, Node, Run, Verdict } from './types.ts';

export interface ConnectOptions {
  /** Name of a context of the command line. Default: the current one, or that of a demo in this folder or above. */
  readonly context?: string | undefined;
  /** Instead of a context: host:port of the controllers. */
  readonly addresses?: readonly string[] | undefined;
  /** Instead of a context: folder with certificate.pem, key.pem and authority.pem. */
  readonly identityDir?: string | undefined;
  /** Id of the tenant that calls mean when they name none. Default: the context's. */
  readonly tenant?: string | undefined;
  /** A channel of your own; it is closed with the client. */
  readonly channel?: Channel | undefined;
}

/** Opens nothing yet: the first call connects. Throws an IsobarError when there is no identity, or one that has ended. */
export async function connect(options: ConnectOptions = {}): Promise<Isobar> {
  if (options.channel !== undefined) return new Isobar(options.channel, options.tenant);
  const { addresses, identityDir, tenant } = await resolveTarget(options);
  const { openChannel } = await import('./channel.ts');
  const { StoredIdentity } = await import('./identity.ts');
  const identity = new StoredIdentity(identityDir);
  // The controller would only break the connection off, without a word.
  if (identity.facts.expireMs <= Date.now()) {
    const { IsobarError } = await import('./isobar-error.ts');
    const when = new Date(identity.facts.expireMs).toISOString();
    throw new IsobarError(`the certificate in ${identityDir} ended on ${when}`, {
      code: 'UNAUTHENTICATED',
      reason: 'IDENTITY_EXPIRED',
    });
  }
  return new Isobar(openChannel(addresses, identity), options.tenant ?? tenant, identity);
}

export class Isobar implements Disposable {
  readonly jobs: Jobs;
  readonly dataCenters: DataCenters;
  readonly nodes: Nodes;
  readonly links: Links;
  readonly tenants: Tenants;
  readonly users: Users;
  readonly runs: Runs;
  readonly events: Events;
  readonly usage: Usage;
  readonly audit: Audit;
  readonly federation: FederationGroup;
  /** Id of the tenant that calls mean when they name none. Empty: none. */
  readonly tenant: string;
  readonly #channel: Channel;
  readonly #identity: StoredIdentity | undefined;
  #stopRenewal: (() => void) | undefined;

  constructor(channel: Channel, tenant = '', identity?: StoredIdentity) {
    const connection = { channel, tenant };
    this.tenant = tenant;
    this.#channel = channel;
    this.#identity = identity;
    this.jobs = new Jobs(connection);
    this.dataCenters = new DataCenters(connection);
    this.nodes = new Nodes(connection);
    this.links = new Links(connection);
    this.tenants = new Tenants(connection);
    this.users = new Users(connection);
    this.runs = new Runs(connection);
    this.events = new Events(connection);
    this.usage = new Usage(connection);
    this.audit = new Audit(connection);
    this.federation = new FederationGroup(connection);
  }

  /**
   * Renews the certificate whenever two thirds of its life are over, for as long as this client is open: for programs
   * that run for days. The timers keep no program alive.
   */
  async keepRenewed(onError?: (error: unknown) => void): Promise<void> {
    if (this.#identity === undefined || this.#stopRenewal !== undefined) return;
    const { keepRenewed } = await import('./renewal.ts');
    const options = onError === undefined ? {} : { onError };
    this.#stopRenewal = keepRenewed(this.#identity, this.#channel, options);
  }

  /** Renews the certificate now when it is time: for programs that run for a moment, now and then. */
  async renewIfDue(options: CallOptions = {}): Promise<void> {
    if (this.#identity === undefined || Date.now() < this.#identity.facts.renewMs) return;
    const { renew } = await import('./enrol.ts');
    await renew(this.#identity, this.#channel, options);
  }

  close(): void {
    this.#stopRenewal?.();
    this.#channel.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

async function resolveTarget(options: ConnectOptions) {
  const { addresses, identityDir, tenant = '' } = options;
  if (addresses !== undefined && identityDir !== undefined)
    return { addresses, identityDir, tenant };
  const { findContext } = await import('./contexts.ts');
  const context = findContext({ env: process.env, cwd: process.cwd() }, options.context);
  return {
    addresses: addresses ?? context.addresses,
    identityDir: identityDir ?? context.identityDir,
    tenant: context.tenant,
  };
}
