// A controller behind its real doors on loopback, with a few tenants and people, for tests of the services.
import { randomBytes } from 'node:crypto';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { Command } from '#loop/requests.ts';
import { ask as askLoop } from '#loop/ask.ts';
import type { Leases } from '#loop/leases.ts';
import type { Loop } from '#loop/loop.ts';
import type { Sessions } from '#loop/sessions.ts';
import { Role } from '#gen/isobar/v1/user.ts';
import { JobSpec, JobSubmission, type TaskGroup } from '#gen/isobar/v1/job.ts';
import { AgentServiceService, Hello, NodeReport } from '#gen/isobar/v1/agent.ts';
import { Placement } from '#gen/isobar/v1/resources.ts';
import type { Log } from '#ports/log.ts';
import { SILENT } from '#ports/telemetry.ts';
import { foundAuthority, type Authority } from '../authority.ts';
import type { EdgeOptions } from '../edge.ts';
import { formatIdentity, type Identity } from '../identity.ts';
import { listenApi, listenEnrolment, type Listener } from '../listen.ts';
import { makeServices, type Services } from '../services.ts';
import { ask, issueFor, realClock, type Answered } from '../testbed.ts';
import { TestAgent } from './testing-agent.ts';

/** What the test brings: see simulation/controller.ts. */
interface ControllerParts {
  readonly log: Log;
  readonly loop: Loop;
  readonly leases: Leases;
  readonly sessions: Sessions;
  close(): Promise<void>;
}

const user = (tenant: string, name: string): Identity => ({ kind: 'user', tenant, user: name });
const operator = (name: string): Identity => ({ kind: 'operator', user: name });

/** nation ← energy ← grid, and health beside them. */
export const PEOPLE = {
  anna: { identity: user('energy', 'anna'), roles: [Role.SUBMITTER] },
  vera: { identity: user('energy', 'vera'), roles: [Role.VIEWER] },
  alma: { identity: user('energy', 'alma'), roles: [Role.AUDITOR] },
  ada: { identity: user('energy', 'ada'), roles: [Role.TENANT_ADMIN] },
  nora: { identity: user('nation', 'nora'), roles: [Role.TENANT_ADMIN] },
  gus: { identity: user('grid', 'gus'), roles: [Role.SUBMITTER] },
  hana: { identity: user('health', 'hana'), roles: [Role.TENANT_ADMIN, Role.SUBMITTER] },
  omar: { identity: operator('omar'), roles: [Role.OPERATOR] },
  pia: { identity: operator('pia'), roles: [Role.PROVISIONER] },
  fay: { identity: operator('fay'), roles: [Role.AUDITOR] },
} as const satisfies Record<string, { identity: Identity; roles: Role[] }>;
export type Person = keyof typeof PEOPLE;

const TENANTS = [
  ['nation', ''],
  ['energy', 'nation'],
  ['grid', 'energy'],
  ['health', ''],
] as const;

const WHO = { actor: 'controller', method: 'test/seed', requestId: '' };

interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export interface WorldOptions {
  readonly patience?: EdgeOptions['patience'];
  readonly scratchDir?: string;
}

export class World {
  readonly parts: ControllerParts;
  readonly authority: Authority;
  readonly services: Services;
  readonly api: Listener;
  readonly enrolment: Listener;
  readonly #clients = new Map<string, Client>();

  private constructor(
    parts: ControllerParts,
    authority: Authority,
    services: Services,
    listeners: { readonly api: Listener; readonly enrolment: Listener },
  ) {
    this.parts = parts;
    this.authority = authority;
    this.services = services;
    this.api = listeners.api;
    this.enrolment = listeners.enrolment;
  }

  static async open(parts: ControllerParts, options: WorldOptions = {}): Promise<World> {
    const { authority } = await foundAuthority(Date.now());
    const random = { next: Math.random, bytes: (count: number) => randomBytes(count) };
    const ports = { clock: realClock, random, telemetry: SILENT };
    const services = makeServices({ ...parts, ...ports, authority, version: '1.2.3', ...options });
    const listen = { address: '127.0.0.1:0', authority, names: ['127.0.0.1'] };
    const api = await listenApi(services.apiEdge, listen, services.api);
    const enrolment = await listenEnrolment(services.enrolmentEdge, listen, services.enrolment);
    const world = new World(parts, authority, services, { api, enrolment });
    await world.#seed();
    return world;
  }

  async #seed(): Promise<void> {
    await this.command({ kind: 'foundFederation', federation: 'f1', incarnation: 1 });
    for (const [id, parent] of TENANTS) await this.putTenant(id, parent);
    for (const { identity, roles } of Object.values(PEOPLE)) await this.invite(identity, roles);
  }

  /** Whatever the command, accepted and durable. */
  async command(command: Command): Promise<void> {
    const answered = await askLoop(this.parts.loop, command, WHO);
    if (answered.kind === 'refusal') throw new Error(answered.message);
  }

  putTenant(
    id: string,
    parent: string,
    words: { defaultClassification?: number; clearance?: number } = {},
  ) {
    const plain = { displayName: '', weight: 100, homeRegion: '', quota: undefined, createMs: 0 };
    const limits = { defaultClassification: 1, clearance: 2, maxQueuedJobs: 1_000_000 };
    const entity = { id, parent, ...plain, ...limits, ...words };
    return this.command({ kind: 'putTenant', mode: 'create', entity, etag: undefined });
  }

  invite(identity: Identity, roles: readonly Role[]): Promise<void> {
    if (identity.kind === 'agent') throw new Error('agents are not invited');
    const tenant = identity.kind === 'user' ? identity.tenant : '';
    const invited = { tenant, id: identity.user, roles: [...roles], revoked: false, createMs: 0 };
    const name = formatIdentity(identity);
    const token = {
      id: randomBytes(8).toString('hex'),
      secretSha256: randomBytes(32),
      identity: name,
      expireMs: Date.now() + 60_000,
    };
    return this.command({ kind: 'inviteUser', user: invited, token });
  }

  putDataCenter(
    id: string,
    words: { region?: string; clearance?: number; leaseMs?: number } = {},
  ): Promise<void> {
    const place = {
      displayName: '',
      class: 1,
      region: 'north',
      latitude: 60,
      longitude: 10,
      owner: '',
    };
    const rest = {
      labels: {},
      clearance: 4,
      accepts: [],
      offers: [],
      leaseMs: 600_000,
      priceMicrosPerCpuHour: 0,
      createMs: 0,
    };
    const entity = { id, ...place, ...rest, ...words };
    return this.command({ kind: 'putDataCenter', mode: 'create', entity, etag: undefined });
  }

  async clientOf(identity: Identity): Promise<Client> {
    const name = formatIdentity(identity);
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = await this.newClient(identity);
      this.#clients.set(name, client);
    }
    return client;
  }

  /** With a certificate of its own, given out now. */
  async newClient(
    identity: Identity,
    options: { readonly maxMessageBytes?: number } = {},
  ): Promise<Client> {
    const { keyPem, chainPem } = await issueFor(this.authority, identity, Date.now(), 3_600_000);
    const client = this.clientWith(keyPem, chainPem, options.maxMessageBytes);
    this.#clients.set(`${formatIdentity(identity)} ${this.#clients.size}`, client);
    return client;
  }

  clientWith(keyPem: string, chainPem: string, maxMessageBytes = 64 * 1024 * 1024): Client {
    const creds = credentials.createSsl(
      Buffer.from(this.authority.certificatePem),
      Buffer.from(keyPem),
      Buffer.from(chainPem),
    );
    return new Client(this.api.address, creds, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.max_receive_message_length': maxMessageBytes,
    });
  }

  /** What came of a call; never rejects. */
  async ask<Request, Response>(
    who: Person | Identity,
    method: Method<Request, Response>,
    request: Request,
    options: { readonly deadline?: number } = {},
  ): Promise<Answered<Response>> {
    const identity = typeof who === 'string' ? PEOPLE[who].identity : who;
    return ask(await this.clientOf(identity), method, request, options);
  }

  /** The answer; throws what was refused. */
  async call<Request, Response>(
    who: Person | Identity,
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const { response, error } = await this.ask(who, method, request);
    if (response === undefined) throw error ?? new Error('no answer');
    return response;
  }

  async openStream<Request, Response>(
    who: Person | Identity,
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
    request: Request,
  ) {
    const client = await this.clientOf(typeof who === 'string' ? PEOPLE[who].identity : who);
    return client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
    );
  }

  async openBidi<Request, Response>(
    who: Person | Identity,
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
  ) {
    const client = await this.clientOf(typeof who === 'string' ? PEOPLE[who].identity : who);
    return client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      new Metadata(),
    );
  }

  /** An agent that has joined with nodes of so many CPUs and as many GiB. */
  async agent(dataCenter: string, cpus: readonly number[]): Promise<TestAgent> {
    const stream = await this.openBidi({ kind: 'agent', dataCenter }, AgentServiceService.connect);
    const agent = new TestAgent(stream);
    agent.say({
      $case: 'hello',
      value: Hello.fromPartial({
        protocol: 1,
        version: '1',
        executor: 'simulated',
        placement: Placement.BINDING,
        offers: ['image'],
        instance: 'i1',
        nodes: cpus.map((count, i) =>
          NodeReport.fromPartial({
            node: `n${i}`,
            role: 'general',
            allocatable: { cpuMillis: count * 1000, memoryMib: count * 1024, storageMib: 100_000 },
          }),
        ),
      }),
    });
    await agent.next('welcome');
    return agent;
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    await Promise.all([this.api.stop(0), this.enrolment.stop(0)]);
    await this.parts.close();
  }
}

/** A job that asks for so many CPUs. */
export function job(
  id: string,
  words: {
    readonly cpus?: number;
    readonly spec?: Partial<JobSpec>;
    readonly group?: Partial<TaskGroup>;
    readonly key?: string;
  } = {},
): JobSubmission {
  const { cpus = 1, spec = {}, group = {}, key = '' } = words;
  return JobSubmission.fromPartial({
    jobId: id,
    idempotencyKey: key,
    spec: {
      groups: [
        { command: ['true'], resources: { cpuMillis: cpus * 1000, memoryMib: 64 }, ...group },
      ],
      ...spec,
    },
  });
}
