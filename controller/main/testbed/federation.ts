// A federation of real processes in a temporary folder: a controller and agents with the local executor, joined over mutual TLS,
// which a test may kill, stop and start again.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeContexts } from '#client/contexts.ts';
import { enrol } from '#client/enrol.ts';
import { connect, type Isobar } from '#client/isobar.ts';
import { parseToken } from '#client/token.ts';
import { DataCenterClass } from '#gen/isobar/v1/data_center.ts';
import { Classification } from '#gen/isobar/v1/resources.ts';
import { freePort, startProcess, type DemoProcess } from '../demo/processes.ts';
import { killProcessesOf, signal } from './processes-of.ts';
import { until } from './until.ts';

export const TENANT = 'office';

const { INTERNAL } = Classification;

export interface FederationOptions {
  /** How many data centers, `a`, `b`, … Default 2. */
  readonly agents?: number;
  /** Default 600. */
  readonly leaseSeconds?: number;
  /** Where the controller keeps its data, if not beside the rest. */
  readonly controllerDir?: string;
}

interface Ports {
  readonly api: number;
  readonly enrolment: number;
  readonly metrics: number;
}

export class TestFederation {
  readonly folder: string;
  readonly controllerDir: string;
  /** A file for `REPORT` of the tasks. */
  readonly report: string;
  /** Makes tasks that wait for it end. */
  readonly go: string;
  readonly ids: readonly string[];
  readonly agents = new Map<string, DemoProcess>();
  #ports: Ports;
  readonly #leaseSeconds: number;
  readonly #clients: Isobar[] = [];
  #controller: DemoProcess | undefined;
  #operator: Isobar | undefined;
  #user: Isobar | undefined;

  private constructor(options: FederationOptions, ports: Ports) {
    this.folder = mkdtempSync(join(tmpdir(), 'isobar-main-'));
    this.controllerDir = options.controllerDir ?? join(this.folder, 'controller');
    this.report = join(this.folder, 'report');
    this.go = join(this.folder, 'go');
    this.ids = ['a', 'b', 'c', 'd'].slice(0, options.agents ?? 2);
    this.#leaseSeconds = options.leaseSeconds ?? 600;
    this.#ports = ports;
  }

  /** With everything joined. What failed to start leaves nothing behind. */
  static async start(options: FederationOptions = {}): Promise<TestFederation> {
    const federation = new TestFederation(options, await choosePorts());
    try {
      await federation.#begin();
      return federation;
    } catch (error) {
      console.error(federation.logs());
      await federation.dispose();
      throw error;
    }
  }

  async #begin(): Promise<void> {
    await this.startController();
    const operatorDir = this.identityDir('operator');
    const token = readFileSync(this.controller.ready.files['operatorToken'] ?? '', 'utf8');
    await enrol({ addresses: [this.enrolment], token: parseToken(token), folder: operatorDir });
    this.#operator = await this.client('operator');
    const classified = { clearance: INTERNAL, defaultClassification: INTERNAL };
    await this.operator.tenants.create(TENANT, { displayName: 'Office', ...classified });
    for (const id of this.ids) {
      const lease = { seconds: this.#leaseSeconds, nanos: 0 };
      const place = { region: 'north', class: DataCenterClass.REGIONAL, clearance: INTERNAL };
      await this.operator.dataCenters.create(id, { ...place, lease });
    }
    const invited = await this.operator.users.invite('clerk', ['TENANT_ADMIN'], { tenant: TENANT });
    await enrol({
      addresses: [this.enrolment],
      token: parseToken(invited.token),
      folder: this.identityDir('clerk'),
    });
    this.#user = await this.client('clerk');
    this.#writeContexts();
    await Promise.all(this.ids.map((id) => this.startAgent(id)));
    await this.joined();
  }

  get api(): string {
    return `127.0.0.1:${this.#ports.api}`;
  }

  get enrolment(): string {
    return `127.0.0.1:${this.#ports.enrolment}`;
  }

  get controller(): DemoProcess {
    return given(this.#controller);
  }

  get operator(): Isobar {
    return given(this.#operator);
  }

  /** Of the tenant TENANT. */
  get user(): Isobar {
    return given(this.#user);
  }

  identityDir(who: string): string {
    return join(this.folder, 'identities', who);
  }

  agentDir(id: string): string {
    return join(this.folder, 'agents', id);
  }

  /** For the command: it finds this federation, as the clerk, and with `--context operator` as the operator. */
  get env(): Record<string, string> {
    return { ISOBAR_CONFIG: join(this.folder, 'contexts.yaml'), XDG_CONFIG_HOME: this.folder };
  }

  async client(who: string): Promise<Isobar> {
    const identityDir = this.identityDir(who);
    const client = await connect({ addresses: [this.api], identityDir, tenant: TENANT });
    this.#clients.push(client);
    return client;
  }

  controllerArgs(dataDir = this.controllerDir): string[] {
    const { api, enrolment, metrics } = this.#ports;
    const flags = {
      'data-dir': dataDir,
      'listen-api': `127.0.0.1:${api}`,
      'listen-enrolment': `127.0.0.1:${enrolment}`,
      'listen-metrics': `127.0.0.1:${metrics}`,
      'log-format': 'json',
    };
    return ['controller', ...toArgs(flags)];
  }

  /** On the same ports as before. */
  async startController(dataDir?: string): Promise<void> {
    const log = join(this.folder, 'logs', 'controller.log');
    this.#controller = await startProcess('the controller', this.controllerArgs(dataDir), log);
  }

  async startAgent(id: string): Promise<void> {
    const folder = this.agentDir(id);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const [tokenFile, nodesFile] = [join(folder, 'token'), join(folder, 'nodes.json')];
    if (!readdirSync(folder).includes('identity')) {
      const { token } = await this.operator.dataCenters.createToken(id);
      writeFileSync(tokenFile, token, { mode: 0o600 });
    }
    const node = { node: `${id}-1`, cpuMillis: 4000, memoryMib: 8192, storageMib: 1024 };
    writeFileSync(nodesFile, JSON.stringify([node]));
    const flags = {
      'data-dir': folder,
      controllers: this.api,
      enrolment: this.enrolment,
      'token-file': tokenFile,
      'executor-kind': 'local',
      nodes: nodesFile,
      'log-format': 'json',
    };
    const args = ['agent', '--demo', ...toArgs(flags)];
    const log = join(this.folder, 'logs', `agent-${id}.log`);
    this.agents.set(id, await startProcess(`the agent of ${id}`, args, log));
  }

  agent(id: string): DemoProcess {
    return given(this.agents.get(id));
  }

  async killController(): Promise<void> {
    await kill(this.controller);
  }

  async killAgent(id: string): Promise<void> {
    await kill(this.agent(id));
  }

  /** All of them, or as many as said. */
  async joined(count = this.ids.length, withinMs?: number): Promise<void> {
    await until(
      `${count} agents have joined`,
      async () => (await this.operator.federation.get()).reachableDataCenters >= count,
      withinMs,
    );
  }

  /** Of the supervisor of an agent's local executor. */
  supervisorOf(id: string): number {
    const text = readFileSync(join(this.agentDir(id), 'local/control/supervisor'), 'utf8');
    return Number(text.split(' ', 1)[0]);
  }

  /** What the processes wrote, for the report of a test that failed. */
  logs(): string {
    const folder = join(this.folder, 'logs');
    return readdirSync(folder)
      .map((name) => `--- ${name}\n${readFileSync(join(folder, name), 'utf8').slice(-4000)}`)
      .join('\n');
  }

  async dispose(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    await killProcessesOf(this.folder);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #writeContexts(): void {
    const file = join(this.folder, 'contexts.yaml');
    const common = { addresses: [this.api], enrolment: this.enrolment, tenant: TENANT, file };
    writeContexts({
      file,
      current: 'clerk',
      contexts: ['clerk', 'operator'].map((name) => ({
        ...common,
        name,
        identityDir: this.identityDir(name),
      })),
    });
  }
}

function toArgs(flags: Readonly<Record<string, string>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
}

async function kill(victim: DemoProcess): Promise<void> {
  signal(victim.pid, 'SIGKILL');
  await victim.ended;
}

function given<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('it was not started');
  return thing;
}

/**
 * Below those that the kernel gives to outgoing connections: one of these could take the port of a controller that was killed,
 * and a client that dials a port of its own kind may reach itself.
 */
const LOWEST_PORT = 12_000;
const HIGHEST_PORT = 32_000;

export async function choosePort(): Promise<number> {
  for (;;) {
    const wanted = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    if ((await freePort(wanted)) === wanted) return wanted;
  }
}

async function choosePorts(): Promise<Ports> {
  return {
    api: await choosePort(),
    enrolment: await choosePort(),
    metrics: await choosePort(),
  };
}
