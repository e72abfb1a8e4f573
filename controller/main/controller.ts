// The controller process: what lies in its data directory, brought to life and put behind its doors.
//
//   <dataDir>/log             the log
//   <dataDir>/authority       key and certificate of the federation's authority
//   <dataDir>/operator.token  enrols an operator within an hour of the start: who can read the authority's key could do more
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTROLLER } from '#core/command.ts';
import { SqliteLog } from '#log/sqlite.ts';
import { ask } from '#loop/ask.ts';
import { Housekeeping } from '#loop/housekeeping.ts';
import { Leases } from '#loop/leases.ts';
import { Loop } from '#loop/loop.ts';
import { MetricsSource } from '#loop/metrics-source.ts';
import { recover } from '#loop/recover.ts';
import { Sessions } from '#loop/sessions.ts';
import { toMs } from '#domain/durations.ts';
import { userName } from '#domain/names.ts';
import { refuse } from '#domain/refusal.ts';
import { Role } from '#gen/isobar/v1/user.ts';
import { Exporter } from '#metrics/exporter.ts';
import { listenMetrics } from '#metrics/http.ts';
import { Readiness } from '#metrics/readiness.ts';
import { bytesInDirectory } from '#metrics/size.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { formatIdentity } from '#server/identity.ts';
import { makeToken, TOKEN_LIFETIME_MS } from '#server/tokens.ts';
import { openAuthority } from '#server/authority-files.ts';
import type { Authority } from '#server/authority.ts';
import { listenApi, listenEnrolment } from '#server/listen.ts';
import { makeServices } from '#server/services.ts';
import type { ControllerConfig } from './config.ts';
import { SystemClock, SystemRandom } from './system.ts';
import { versionOf } from './version.ts';

export interface ControllerOptions extends ControllerConfig {
  /** The process cannot go on; the log says why. */
  readonly onFatal: (error: Error) => void;
}

export interface RunningController {
  /** host:port of each door, and where the operator's token lies. */
  readonly listens: {
    readonly api: string;
    readonly enrolment: string;
    readonly metrics: string;
    readonly operatorTokenFile: string;
  };
  /** Answers what was asked, makes durable what was accepted, and ends. */
  stop(): Promise<void>;
}

const OPERATOR = 'local';

export async function startController(
  options: ControllerOptions,
  telemetry: Telemetry,
): Promise<RunningController> {
  const clock = new SystemClock();
  const random = new SystemRandom();
  const { dataDir, listen } = options;
  const names = ['localhost', '127.0.0.1', '::1', ...listen.names];
  const readiness = new Readiness();
  let exporter: Exporter | undefined;
  // Before the log is read, which may take seconds: whoever watches wants to know that the process lives.
  const metrics = await listenMetrics({
    address: listen.metrics,
    render: () => exporter?.render(),
    notReady: () => readiness.reasons,
    telemetry,
  });
  const opened: { close(): Promise<void> }[] = [metrics];
  try {
    const began = clock.bootMs();
    const log = await SqliteLog.open(join(dataDir, 'log'));
    opened.push(log);
    const state = await recover(log);
    const tookMs = Math.round(clock.bootMs() - began);
    telemetry.info('the log is read', { revision: state.revision, tookMs });
    readiness.done('recovered');
    const authority = await openAuthority(join(dataDir, 'authority'), clock.wallMs());
    const loop = new Loop({
      state,
      log,
      clock,
      telemetry,
      policy: DEFAULT_POLICY,
      onFatal(error) {
        readiness.undone('log', error.message);
        options.onFatal(error);
      },
    });
    // Not waited for: a loop whose log has failed never comes to rest.
    opened.push({ close: async () => loop.stop(() => {}) });
    await found(loop);
    readiness.done('log');
    const operatorTokenFile = join(dataDir, 'operator.token');
    await inviteOperator(loop, authority, operatorTokenFile);
    // Sessions close what leases find silent, and leases ask sessions: the one is given to the other by a call.
    let sessions: Sessions | undefined;
    const leases = new Leases({
      loop,
      clock,
      telemetry,
      onSilent: (dataCenter) => sessions?.drop(dataCenter, SILENT),
    });
    opened.push({ close: async () => leases.close() });
    const sessionsOfAgents = new Sessions({ loop, leases, clock, telemetry });
    sessions = sessionsOfAgents;
    opened.push({ close: async () => sessionsOfAgents.close() });
    exporter = new Exporter({
      source: new MetricsSource({
        loop,
        leases,
        sessions,
        log,
        logBytes: () => bytesInDirectory(join(dataDir, 'log')),
      }),
      openStreams: () => services.openStreams(),
      version: versionOf(),
    });
    const scratchDir = join(dataDir, 'scratch');
    // What lies there is what a process that was killed was sending.
    rmSync(scratchDir, { recursive: true, force: true });
    mkdirSync(scratchDir, { mode: 0o700 });
    const services = makeServices({
      loop,
      sessions,
      leases,
      log,
      authority,
      clock,
      random,
      telemetry,
      version: versionOf(),
      scratchDir,
      observe: exporter.observeCall,
      config: options,
    });
    const api = await listenApi(
      services.apiEdge,
      { address: listen.api, authority, names },
      services.api,
    );
    opened.push({ close: () => api.stop(0) });
    const enrolment = await listenEnrolment(
      services.enrolmentEdge,
      { address: listen.enrolment, authority, names },
      services.enrolment,
    );
    readiness.done('listening');
    const housekeeping = new Housekeeping({
      loop,
      log,
      clock,
      telemetry,
      keepLogMs: toMs(options.retention.log),
      keepLogRecords: options.retention.logRecords,
      keepArchiveMs: toMs(options.retention.archive),
    });
    return {
      listens: {
        api: api.address,
        enrolment: enrolment.address,
        metrics: metrics.address,
        operatorTokenFile,
      },
      async stop() {
        const graceMs = toMs(options.stopGrace);
        readiness.undone('listening', 'the controller is shutting down');
        housekeeping.close();
        leases.close();
        sessions.close();
        await Promise.all([api.stop(graceMs), enrolment.stop(graceMs)]);
        await new Promise<void>((resolve) => loop.stop(resolve));
        await log.close();
        exporter?.close();
        await metrics.close();
      },
    };
  } catch (error) {
    for (const part of opened.toReversed()) await part.close();
    throw error;
  }
}

const SILENT = refuse(
  'UNAVAILABLE',
  'AGENT_SILENT',
  'nothing was heard from the agent for too long; connect again',
);

/** A log that is empty becomes a federation. */
async function found(loop: Loop): Promise<void> {
  if (loop.state.federation !== '') return;
  const who = { actor: CONTROLLER, method: 'controller/found', requestId: '' };
  await ask(loop, { kind: 'foundFederation', federation: randomUUID(), incarnation: 1 }, who);
}

/** The first operator has nobody who could invite them. One that was revoked is not invited again. */
async function inviteOperator(loop: Loop, authority: Authority, file: string): Promise<void> {
  const existing = loop.state.users.get(userName('', OPERATOR));
  if (existing?.entity.revoked === true) return;
  const { token, id, secretSha256 } = makeToken(authority.fingerprint);
  const identity = formatIdentity({ kind: 'operator', user: OPERATOR });
  const expireMs = loop.nowMs() + TOKEN_LIFETIME_MS;
  const user = {
    tenant: '',
    id: OPERATOR,
    roles: [Role.OPERATOR, Role.PROVISIONER],
    revoked: false,
    createMs: 0,
  };
  const who = { actor: CONTROLLER, method: 'controller/invite-operator', requestId: '' };
  await ask(
    loop,
    { kind: 'inviteUser', user, token: { id, secretSha256, identity, expireMs } },
    who,
  );
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
}
