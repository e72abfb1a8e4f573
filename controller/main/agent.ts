// The agent process of a data center: its identity, its executor, and the way to the controller.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from '#agent/agent.ts';
import { LocalExecutor } from '#agent/executors/local/local.ts';
import {
  parseNodes,
  reportOfNode,
  thisMachine,
  type LocalNode,
} from '#agent/executors/local/nodes.ts';
import { SimulatedExecutor } from '#agent/executors/simulated.ts';
import { DEMO_SITE, parseSite, type SiteRules } from '#agent/executors/site.ts';
import type { Membership } from '#agent/protocol.ts';
import { GrpcUplink } from '#agent/uplink.ts';
import { EXIT, Failure } from '#cli/exit.ts';
import { openChannel } from '#client/channel.ts';
import { enrol } from '#client/enrol.ts';
import { StoredIdentity } from '#client/identity.ts';
import { keepRenewed } from '#client/renewal.ts';
import { readToken } from '#client/token.ts';
import type { Clock } from '#ports/clock.ts';
import type { Executor } from '#ports/executor.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { enforcedBy } from './checks.ts';
import { SystemClock, SystemRandom } from './system.ts';
import { versionOf } from './version.ts';

export interface AgentProcessOptions {
  readonly dataDir: string;
  /** host:port of the controllers. */
  readonly controllers: readonly string[];
  /** host:port of their enrolment listeners; needed until there is an identity. */
  readonly enrolment: readonly string[];
  /** File with an enrolment token. Absent: ISOBAR_TOKEN. */
  readonly tokenFile: string | undefined;
  readonly executor: 'local' | 'simulated';
  /** The site's rules. Absent: nothing may run, except in a demo. */
  readonly siteFile: string | undefined;
  readonly demo: boolean;
  /** What this machine has, or slices of it. Absent: the whole of it, without devices. */
  readonly nodesFile: string | undefined;
  readonly secretsDir: string | undefined;
  readonly onFatal: (why: string) => void;
}

export interface RunningAgent {
  readonly dataCenter: string;
  readonly isJoined: () => boolean;
  stop(options: { readonly stopRuns: boolean }): Promise<void>;
}

export async function startAgent(
  options: AgentProcessOptions,
  telemetry: Telemetry,
): Promise<RunningAgent> {
  const clock = new SystemClock();
  const random = new SystemRandom();
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  // What the owner's files say comes first: a token works once, and would be gone with the attempt.
  const executor = executorOf(options, clock, random);
  const identity = await identityOf(options, clock, telemetry);
  const dataCenter = dataCenterOf(identity);
  // A pool of its own for each: heartbeats must never wait behind the bytes of a log.
  const channel = () =>
    openChannel(options.controllers, identity, { 'grpc.use_local_subchannel_pool': 1 });
  const renewalChannel = channel();
  const stopRenewing = keepRenewed(identity, renewalChannel, {
    onRenewed: () => telemetry.info('the agent has a new certificate'),
    onError: (error) => telemetry.warn('the certificate was not renewed', { error: String(error) }),
  });
  const agent = new Agent({
    dataCenter,
    version: versionOf(),
    executor,
    uplink: new GrpcUplink({ openChannel: channel, executor }),
    clock,
    random,
    telemetry,
    membership: membershipIn(join(options.dataDir, 'membership.json')),
    onFatal: options.onFatal,
  });
  await agent.start();
  if (executor instanceof LocalExecutor) {
    const isolation = executor.isolation() ?? '';
    // In the words of `isobar doctor`, which looks from where it is itself.
    const enforced = enforcedBy(executor.controllers()).text;
    telemetry.info('the local executor is open', { isolation, enforced });
  }
  return {
    dataCenter,
    isJoined: () => agent.isJoined,
    async stop(how) {
      stopRenewing();
      renewalChannel.close();
      await agent.stop(how);
    },
  };
}

/** What it has, or what a token gives. An identity that has ended needs a new token. */
async function identityOf(
  options: AgentProcessOptions,
  clock: Clock,
  telemetry: Telemetry,
): Promise<StoredIdentity> {
  const folder = join(options.dataDir, 'identity');
  if (existsSync(join(folder, 'certificate.pem'))) {
    const identity = new StoredIdentity(folder);
    if (identity.facts.expireMs > clock.wallMs()) return identity;
    telemetry.warn('the certificate of the agent has ended; it enrols again');
  }
  const token = readToken(options.tokenFile, process.env);
  const identity = await enrol({ addresses: options.enrolment, token, folder });
  telemetry.info('the agent is enrolled', { identity: identity.facts.identity });
  return identity;
}

function dataCenterOf(identity: StoredIdentity): string {
  const name = /\/agent\/([a-z0-9-]+)$/.exec(identity.facts.identity)?.[1];
  if (name === undefined) {
    throw new Error(
      `the identity ${identity.facts.identity} is not an agent's; enrol with a token of a data center`,
    );
  }
  return name;
}

function executorOf(options: AgentProcessOptions, clock: Clock, random: SystemRandom): Executor {
  const { secretsDir } = options;
  const nodes = nodesOf(options);
  switch (options.executor) {
    case 'local':
      return new LocalExecutor({
        stateDir: join(options.dataDir, 'local'),
        clock,
        site: siteOf(options),
        ...(secretsDir === undefined ? {} : { secretsDir }),
        ...(nodes === undefined ? {} : { nodes }),
      });
    case 'simulated':
      return new SimulatedExecutor({ clock, random, nodes: (nodes ?? []).map(reportOfNode) });
    default:
      return options.executor satisfies never;
  }
}

function nodesOf({ nodesFile, dataDir }: AgentProcessOptions): readonly LocalNode[] | undefined {
  if (nodesFile === undefined) return undefined;
  return parseNodes(readFileSync(nodesFile, 'utf8'), nodesFile, thisMachine(dataDir));
}

function siteOf({ siteFile, demo }: AgentProcessOptions): SiteRules {
  if (siteFile !== undefined) return parseSite(readFileSync(siteFile, 'utf8'), siteFile);
  if (demo) return DEMO_SITE;
  throw new Failure(
    'no site file: say with --site FILE what the owner of this data center allows to run',
    EXIT.USAGE,
  );
}

/** Which federation the agent has served, so that it never serves an older copy of it. */
function membershipIn(file: string): {
  readonly initial: Membership;
  save(membership: Membership): void;
} {
  const initial = existsSync(file)
    ? // Our own file, replaced whole.
      (JSON.parse(readFileSync(file, 'utf8')) as Membership)
    : { federation: '', incarnation: 0 };
  return {
    initial,
    save(membership) {
      const draft = `${file}.tmp`;
      writeFileSync(draft, JSON.stringify(membership), { mode: 0o600, flush: true });
      renameSync(draft, file);
    },
  };
}
