// The controller process: what lies in its data directory, brought to life and put behind its doors.
//
//   <dataDir>/log             the log
//   <dataDir>/authority       key and certificate of the federation's authority
//   <dataDir>/operator.token  enrols an operator within an hour of the start: who can read the authority's key could do more
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTROLLER } from '#core/command.ts';
import { SqliteLog } from '#log/sqlite.ts';
import { ask } from '#loop/ask.ts';
import { Leases } from '#loop/leases.ts';
import { Loop } from '#loop/loop.ts';
import { recover } from '#loop/recover.ts';
import { Sessions } from '#loop/sessions.ts';
import { userName } from '#domain/names.ts';
import { refuse } from '#domain/refusal.ts';
import { Role } from '#gen/isobar/v1/user.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { DEFAULT_POLICY } from '#scheduler/policy.ts';
import { formatIdentity } from '#server/identity.ts';
import { makeToken, TOKEN_LIFETIME_MS } from '#server/tokens.ts';
import { openAuthority } from '#server/authority-files.ts';
import type { Authority } from '#server/authority.ts';
import { listenApi, listenEnrolment } from '#server/listen.ts';
import { makeServices } from '#server/services.ts';
import { SystemClock, SystemRandom } from './system.ts';
import { versionOf } from './version.ts';

export interface ControllerOptions {
  readonly dataDir: string;
  /** `host:port`; port 0 takes any that is free. */
  readonly apiAddress: string;
  readonly enrolmentAddress: string;
  readonly metricsAddress: string;
  /** DNS names and addresses under which clients reach the controller. */
  readonly names: readonly string[];
  /** The process cannot go on; the log says why. */
  readonly onFatal: (error: Error) => void;
}

export interface RunningController {
  readonly apiAddress: string;
  readonly enrolmentAddress: string;
  readonly metricsAddress: string;
  readonly operatorTokenFile: string;
  readonly loop: Loop;
  readonly leases: Leases;
  readonly sessions: Sessions;
  /** Answers what was asked, makes durable what was accepted, and ends. */
  stop(graceMs: number): Promise<void>;
}

export const OPERATOR = 'local';

export async function startController(
  options: ControllerOptions,
  telemetry: Telemetry,
): Promise<RunningController> {
  const clock = new SystemClock();
  const random = new SystemRandom();
  const { dataDir } = options;
  const log = await SqliteLog.open(join(dataDir, 'log'));
  try {
    const began = clock.bootMs();
    const state = await recover(log);
    telemetry.info('the log is read', {
      revision: state.revision,
      tookMs: Math.round(clock.bootMs() - began),
    });
    const authority = await openAuthority(join(dataDir, 'authority'), clock.wallMs());
    const loop = new Loop({
      state,
      log,
      clock,
      telemetry,
      policy: DEFAULT_POLICY,
      onFatal: options.onFatal,
    });
    await found(loop);
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
    sessions = new Sessions({ loop, leases, clock, telemetry });
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
    });
    const { names } = options;
    const api = await listenApi(
      services.apiEdge,
      { address: options.apiAddress, authority, names },
      services.api,
    );
    const enrolment = await listenEnrolment(
      services.enrolmentEdge,
      { address: options.enrolmentAddress, authority, names },
      services.enrolment,
    );
    return {
      apiAddress: api.address,
      enrolmentAddress: enrolment.address,
      operatorTokenFile,
      loop,
      leases,
      sessions,
      async stop(graceMs) {
        leases.close();
        sessions.close();
        await Promise.all([api.stop(graceMs), enrolment.stop(graceMs)]);
        await new Promise<void>((resolve) => loop.stop(resolve));
        await log.close();
      },
    };
  } catch (error) {
    await log.close();
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
