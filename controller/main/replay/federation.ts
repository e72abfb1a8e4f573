// A federation for one replay, in a folder that goes with it: a controller that is a process of its own, and in this process the
// agents of all sites, each with its own identity, its own connections, and runs that only take their time.
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, Failure } from '#cli/exit.ts';
import type { Session } from '#cli/session.ts';
import { enrol } from '#client/enrol.ts';
import { connect, type Isobar } from '#client/isobar.ts';
import { parseToken } from '#client/token.ts';
import { DataCenterClass } from '#gen/isobar/v1/data_center.ts';
import { Classification } from '#gen/isobar/v1/resources.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { siteName } from '#simulation/replay/names.ts';
import { startAgent } from '../agent.ts';
import { allJoined } from '../demo/joined.ts';
import { startProcess, type DemoProcess } from '../demo/processes.ts';
import { makeLogger } from '../logger.ts';
import type { Progress } from './progress.ts';

/** Above the tenants of all sites: its admin submits for each of them. */
const GRID = 'grid';
const USER = 'replay';
/** Handshakes and keys take a CPU, so more at once would only wait for each other. */
const AT_ONCE = 8;
const JOINED_MS = 60_000;
const SCRAPE_MS = 5_000;
/** A call fails before the end of the process that it called is told. */
const LAST_WORDS_MS = 500;
const { INTERNAL } = Classification;
const CLASSIFIED = { clearance: INTERNAL, defaultClassification: INTERNAL };

export class LiveFederation {
  readonly #folder: string;
  readonly #opened: (() => Promise<void> | void)[] = [];
  readonly #failed = Promise.withResolvers<never>();
  #metrics = '';
  #user: Isobar | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    // Told to whoever waits for it; nobody may be doing so just now.
    this.#failed.promise.catch(() => {});
  }

  /** With all agents joined. What failed to start leaves nothing behind but the folder. */
  static async start(
    session: Session,
    progress: Progress,
    folder: string,
    slots: ReadonlyMap<number, number>,
  ): Promise<LiveFederation> {
    const federation = new LiveFederation(folder);
    try {
      await federation.#begin(session, progress, slots);
      return federation;
    } catch (error) {
      await federation.end();
      throw error;
    }
  }

  /** May submit for every site. */
  get user(): Isobar {
    if (this.#user === undefined) throw new Error('the federation has not started');
    return this.#user;
  }

  /** Rejects when the federation cannot go on; else never settles. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** What is behind an error: that the controller is gone, if it is, rather than what a call met. */
  async causeOf(met: unknown): Promise<unknown> {
    const gone = this.failed.catch((why: unknown) => why);
    return Promise.race([gone, sleep(LAST_WORDS_MS, met)]);
  }

  /** What the controller has used of its CPUs. */
  async controllerCpuSeconds(): Promise<number> {
    const signal = AbortSignal.timeout(SCRAPE_MS);
    const text = await (await fetch(`http://${this.#metrics}/metrics`, { signal })).text();
    return Number(/^isobar_process_cpu_seconds_total (\S+)$/m.exec(text)?.[1]);
  }

  async end(): Promise<void> {
    for (const close of this.#opened.splice(0).toReversed()) await close();
  }

  async #begin(
    session: Session,
    progress: Progress,
    slots: ReadonlyMap<number, number>,
  ): Promise<void> {
    // 1. The controller, and who may do what there.
    const controller = await this.#startController();
    const { api = '', enrolment = '', metrics = '' } = controller.ready.addresses;
    this.#metrics = metrics;
    const operatorToken = readFileSync(controller.ready.files['operatorToken'] ?? '', 'utf8');
    const operator = await this.#client('operator', api, enrolment, operatorToken);
    await operator.tenants.create(GRID, CLASSIFIED);
    const invited = await operator.users.invite(USER, ['TENANT_ADMIN'], { tenant: GRID });
    this.#user = await this.#client(USER, api, enrolment, invited.token);
    // 2. Each site a data center in a region of its own, with a tenant at home there, and its agent.
    const telemetry = this.#agentsLog();
    let enrolled = 0;
    await each([...slots], AT_ONCE, async ([site, cpus]) => {
      session.signal.throwIfAborted();
      const id = siteName(site);
      await operator.tenants.create(id, {
        ...CLASSIFIED,
        parent: `tenants/${GRID}`,
        homeRegion: id,
      });
      const place = { region: id, class: DataCenterClass.REGIONAL, clearance: INTERNAL };
      await operator.dataCenters.create(id, place);
      const { token } = await operator.dataCenters.createToken(id);
      await this.#startAgent({ id, cpus, token, api, enrolment, telemetry });
      await progress.draw(`  ${++enrolled} of ${slots.size} agents have their certificates`);
    });
    // 3. All can take work.
    await allJoined(session.signal, operator, slots.size, JOINED_MS);
  }

  async #startController(): Promise<DemoProcess> {
    const flags = {
      'data-dir': join(this.#folder, 'controller'),
      // Any that are free: nobody has to find them.
      'listen-api': '127.0.0.1:0',
      'listen-enrolment': '127.0.0.1:0',
      'listen-metrics': '127.0.0.1:0',
      'log-format': 'json',
      // All sites enrol at once, from one address.
      'limits-enrolments-per-second': '1000',
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const log = join(this.#folder, 'logs', 'controller.log');
    const controller = await startProcess('the controller', ['controller', ...args], log);
    this.#opened.push(() => controller.end());
    void this.#watch(controller);
    return controller;
  }

  async #watch({ name, ended }: DemoProcess): Promise<void> {
    const how = await ended;
    // When it was told to end, nobody waits for this any more.
    this.#failed.reject(new Failure(`${name} ${how}`, EXIT.UNAVAILABLE));
  }

  async #client(who: string, api: string, enrolment: string, token: string): Promise<Isobar> {
    const folder = join(this.#folder, 'identities', who);
    await enrol({ addresses: [enrolment], token: parseToken(token), folder });
    const tenant = who === USER ? GRID : undefined;
    const client = await connect({ addresses: [api], identityDir: folder, tenant });
    this.#opened.push(() => client.close());
    return client;
  }

  /** Of all agents: they share a process. */
  #agentsLog(): Telemetry {
    const file = createWriteStream(join(this.#folder, 'logs', 'agents.log'), { mode: 0o600 });
    this.#opened.push(() => new Promise<void>((resolve) => void file.end(resolve)));
    const write = (line: string): void => void file.write(line);
    return makeLogger({ process: 'agents', format: 'json', write });
  }

  async #startAgent({ id, cpus, token, api, enrolment, telemetry }: AgentOptions): Promise<void> {
    const dataDir = join(this.#folder, 'agents', id);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const tokenFile = join(dataDir, 'token');
    writeFileSync(tokenFile, token, { mode: 0o600 });
    // As much memory as CPUs, which is what jobs ask for: neither decides before the other.
    const node = { node: 'n1', cpuMillis: cpus * 1000, memoryMib: cpus, storageMib: 0 };
    const nodesFile = join(dataDir, 'nodes.json');
    writeFileSync(nodesFile, JSON.stringify([node]));
    const agent = await startAgent(
      {
        dataDir,
        controllers: [api],
        enrolment: [enrolment],
        tokenFile,
        executor: 'simulated',
        siteFile: undefined,
        demo: false,
        nodesFile,
        secretsDir: undefined,
        onFatal: (why) => this.#failed.reject(new Failure(`the agent of ${id}: ${why}`)),
      },
      telemetry,
    );
    this.#opened.push(() => agent.stop({ stopRuns: true }));
  }
}

interface AgentOptions {
  readonly id: string;
  readonly cpus: number;
  readonly token: string;
  readonly api: string;
  readonly enrolment: string;
  readonly telemetry: Telemetry;
}

/** A few at once. Settles when nothing is under way any more, also when something failed: nothing comes into being behind its end. */
async function each<T>(
  items: readonly T[],
  atOnce: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const workers = Array.from({ length: atOnce }, async () => {
    for (const item of left) await act(item);
  });
  await Promise.allSettled(workers);
  await Promise.all(workers);
}
