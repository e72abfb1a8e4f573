// A controller in a process of its own, for benchmarks: started with a log on disk, asked for what it measures of itself, and given a
// federation of one tenant whose people and data centers have certificates from its own authority.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { saveCredentials } from '#client/credentials.ts';
import { connect, type Isobar } from '#client/isobar.ts';
import { DataCenterClass } from '#gen/isobar/v1/data_center.ts';
import { Classification } from '#gen/isobar/v1/resources.ts';
import { loadAuthority } from '#server/authority-files.ts';
import type { Authority } from '#server/authority.ts';
import type { Identity } from '#server/identity.ts';
import { issueFor } from '#server/testbed.ts';
import type { AnswerTo, Question } from './process.ts';

export const TENANT = 't';
const { INTERNAL } = Classification;
const DAY_MS = 86_400_000;
const DEADLINE_MS = 300_000;
/** Longer than any benchmark: nothing is replaced because a busy machine was slow. */
const LEASE = { seconds: 3600, nanos: 0 };

export interface Doors {
  readonly api: string;
  readonly metrics: string;
}

export class ServedController {
  readonly folder: string;
  readonly doors: Doors;
  readonly #child: ChildProcess;
  readonly #authority: Authority;
  readonly #answers: Answers;
  #asked = 0;

  private constructor(folder: string, doors: Doors, child: ChildProcess, parts: Parts) {
    this.folder = folder;
    this.doors = doors;
    this.#child = child;
    this.#authority = parts.authority;
    this.#answers = parts.answers;
  }

  /** In a new folder of the system's directory for temporary files. */
  static async start(name: string): Promise<ServedController> {
    const folder = mkdtempSync(join(tmpdir(), `isobar-bench-${name}-`));
    const dataDir = join(folder, 'controller');
    const child = fork(join(import.meta.dirname, 'process.ts'), [dataDir], {
      execArgv: [...process.execArgv, '--expose-gc'],
      serialization: 'advanced',
    });
    const answers = new Answers(child);
    const listens = (await answers.to(0)) as Doors; // what process.ts says first
    const authority = await loadAuthority(join(dataDir, 'authority'), Date.now());
    const { api, metrics } = listens;
    return new ServedController(folder, { api, metrics }, child, { authority, answers });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get logDirectory(): string {
    return join(this.folder, 'controller', 'log');
  }

  async ask<Q extends Question>(question: Q): Promise<AnswerTo<Q>> {
    const id = ++this.#asked;
    this.#child.send({ id, question });
    return (await this.#answers.to(id)) as AnswerTo<Q>; // as process.ts answers that question
  }

  /** Of its process, right now, with what is not collected yet. */
  rssBytes(): number {
    const text = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? NaN) * 1024;
  }

  /** A folder with a certificate; whom it names must be known to the controller when it is used. */
  async issue(identity: Identity): Promise<string> {
    const folder = join(this.folder, 'identities', Object.values(identity).join('-'));
    const { keyPem, chainPem } = await issueFor(this.#authority, identity, Date.now(), DAY_MS);
    saveCredentials(folder, { keyPem, chainPem, authorityPem: this.#authority.certificatePem });
    return folder;
  }

  /** For a user of the tenant. */
  issuePerson(user: string): Promise<string> {
    return this.issue({ kind: 'user', tenant: TENANT, user });
  }

  /** The tenant, its people and the data centers. Answers a client that is an operator. */
  async found(people: readonly string[], dataCenters: readonly string[]): Promise<Isobar> {
    const identityDir = await this.issue({ kind: 'operator', user: 'local' });
    const operator = await connect({ addresses: [this.doors.api], identityDir });
    const classified = { clearance: INTERNAL, defaultClassification: INTERNAL };
    await operator.tenants.create(TENANT, { ...classified, maxQueuedJobs: 10_000_000 });
    for (const id of people) await operator.users.invite(id, ['SUBMITTER'], { tenant: TENANT });
    for (const id of dataCenters) {
      const place = { region: 'r', class: DataCenterClass.REGIONAL, clearance: INTERNAL };
      await operator.dataCenters.create(id, { ...place, lease: LEASE });
    }
    return operator;
  }

  /** Makes durable what was accepted and ends; its log can be read then. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    await this.ask('stop');
    await ended;
  }

  /** Also after something failed. */
  dispose(): void {
    this.#child.removeAllListeners('exit').kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Answers the revision at which no job was left. */
export async function allEnded(operator: Isobar): Promise<number> {
  for (const until = Date.now() + DEADLINE_MS; Date.now() < until; await sleep(100)) {
    const { queuedJobs, runningJobs, revision } = await operator.federation.get();
    if (queuedJobs + runningJobs === 0) return revision;
  }
  throw new Error(`the jobs have not ended within ${DEADLINE_MS / 1000} s`);
}

/** The next message of another process of a benchmark. */
export async function messageOf(child: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  try {
    const ended = once(child, 'exit', { signal }).then(([code]) => {
      throw new Error(`a process of the benchmark ended with ${code}`);
    });
    ended.catch(() => {}); // told to whom it concerns, or no longer of interest
    const [message] = await Promise.race([once(child, 'message', { signal }), ended]);
    return message;
  } finally {
    over.abort();
  }
}

interface Parts {
  readonly authority: Authority;
  readonly answers: Answers;
}

/** Answers of the process by the number of their question. A process that ends fails those that wait. */
class Answers {
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();

  constructor(child: ChildProcess) {
    child.on('message', ({ id, answer }: { id: number; answer: unknown }) => {
      this.#waiting.get(id)?.resolve(answer);
      this.#waiting.delete(id);
    });
    child.on('exit', (code) => {
      const error = new Error(`the controller ended with ${code}`);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
    });
  }

  to(id: number): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    return waiting.promise;
  }
}

/** Measures with a controller of its own, and ends it. */
export async function withController(
  name: string,
  measure: (controller: ServedController) => Promise<void>,
): Promise<void> {
  const controller = await ServedController.start(name);
  try {
    await measure(controller);
  } finally {
    controller.dispose();
  }
}
