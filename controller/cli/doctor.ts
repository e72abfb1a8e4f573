// isobar doctor: one check after another, from the file of contexts to the federation, each with what to do.
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Command } from 'commander';
import { wordOf } from '#client/enums.ts';
import { errorText } from '#client/errors-text.ts';
import { Role } from '#client/types.ts';
import type { Check, CheckResult } from './check.ts';
import { EXIT } from './exit.ts';
import { harmless, type Tone } from './paint.ts';
import type { Session } from './session.ts';
import { duration } from './units.ts';
import { type Act, examples } from './verb.ts';
import { reasonText } from './words.ts';

export function configure(command: Command, act: Act): void {
  command.action(
    act(async (session) => {
      let failed = false;
      for (const check of [...CHECKS, ...session.extraChecks]) {
        const result = await runCheck(check, session);
        await report(session, check.name, result);
        if (result.outcome !== 'failed') continue;
        failed = true;
        if (check.essential === true) break; // the rest would fail for the same reason
      }
      return failed ? EXIT.FAILED : EXIT.OK;
    }),
  );
  examples(command, 'isobar doctor', 'isobar doctor --context national');
}

const MARKS: Readonly<Record<CheckResult['outcome'], readonly [string, Tone]>> = {
  ok: ['ok', 'good'],
  warning: ['warning', 'warn'],
  failed: ['failed', 'bad'],
};

async function report(session: Session, name: string, { outcome, text, next }: CheckResult) {
  const [mark, tone] = MARKS[outcome];
  await session.print(
    `${session.paint(mark.padEnd(7), tone)}  ${name.padEnd(12)}  ${harmless(text)}`,
  );
  if (next !== undefined && next !== '') await session.print(`${' '.repeat(23)}next: ${next}`);
}

async function runCheck(check: Check, session: Session): Promise<CheckResult> {
  try {
    return await check.run(session);
  } catch (error) {
    if (session.signal.aborted) throw error;
    const { message, details, next } = errorText(error);
    return { outcome: 'failed', text: [message, ...details].join('; '), next };
  }
}

const ok = (text: string): CheckResult => ({ outcome: 'ok', text });

const CHECKS: readonly Check[] = [
  {
    name: 'node',
    run: async () => ok(`Node ${process.versions.node}`),
  },
  {
    name: 'context',
    essential: true,
    run: async (session) => {
      const { name, file, addresses } = await session.context();
      if (addresses.length > 0) return ok(`${name} from ${file}`);
      const next = `isobar config set-context ${name} --address HOST:PORT`;
      return { outcome: 'failed', text: `${name} has no address`, next };
    },
  },
  { name: 'identity', run: async (session) => checkIdentity(session) },
  { name: 'address', essential: true, run: checkAddresses },
  {
    name: 'controller',
    essential: true,
    run: async (session) => {
      const client = await session.client();
      const federation = await client.federation.get({ signal: session.signal, timeoutMs: 10_000 });
      const { version, revision } = federation;
      return ok(`version ${version}, revision ${revision}`);
    },
  },
  {
    name: 'roles',
    run: async (session) => {
      const me = await (await session.client()).users.whoAmI({ signal: session.signal });
      const roles = me.roles.map((role) => wordOf(Role, role)).join(', ');
      if (roles !== '') return ok(`${me.identity}: ${roles}`);
      const next = 'an administrator of the tenant gives roles';
      return { outcome: 'warning', text: `${me.identity} has no role`, next };
    },
  },
  {
    name: 'federation',
    run: async (session) => {
      const federation = await (await session.client()).federation.get({ signal: session.signal });
      const { reachableDataCenters, dataCenters, conditions } = federation;
      const reached = `${reachableDataCenters} of ${dataCenters} data centers reachable`;
      const wrong = conditions.map(reasonText);
      if (wrong.length > 0) return { outcome: 'failed', text: [...wrong, reached].join('; ') };
      if (reachableDataCenters === dataCenters) return ok(reached);
      return { outcome: 'warning', text: reached, next: 'isobar get data-centers' };
    },
  },
];

/** Certificates are renewed by the client at two thirds of their life: less than a tenth means that this does not work. */
const SOON_MS = 24 * 3_600_000;

async function checkIdentity(session: Session): Promise<CheckResult> {
  const { identityDir } = await session.context();
  if (identityDir === '') {
    return { outcome: 'failed', text: 'the context has no identity', next: 'isobar login' };
  }
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(join(identityDir, 'certificate.pem')));
    statSync(join(identityDir, 'authority.pem'));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { outcome: 'failed', text, next: 'isobar login' };
  }
  const key = join(identityDir, 'key.pem');
  const open = statSync(key).mode & 0o077;
  if (open !== 0) {
    return { outcome: 'warning', text: `others can read ${key}`, next: `chmod 600 ${key}` };
  }
  const left = certificate.validToDate.getTime() - session.io.now();
  const name = certificate.subjectAltName?.replace('URI:', '') ?? certificate.subject;
  if (left <= 0)
    return {
      outcome: 'failed',
      text: `${name} ended ${duration(-left)} ago`,
      next: 'isobar login',
    };
  const text = `${name}, ${duration(left)} left`;
  return left < SOON_MS ? { outcome: 'warning', text, next: 'isobar login' } : ok(text);
}

async function checkAddresses(session: Session): Promise<CheckResult> {
  const { addresses } = await session.context();
  const tried = await Promise.all(addresses.map(async (address) => [address, await dial(address)]));
  const bad = tried.flatMap(([address, problem]) =>
    problem === '' ? [] : [`${address}: ${problem}`],
  );
  if (bad.length === 0) return ok(`${addresses.join(', ')} answers`);
  const next = 'is the controller running, and the address right?';
  if (bad.length < addresses.length) return { outcome: 'warning', text: bad.join('; '), next };
  return { outcome: 'failed', text: bad.join('; '), next };
}

const DIAL_MS = 3000;

/** Empty, or why nobody answered. */
function dial(address: string): Promise<string> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replaceAll(/[[\]]/g, '');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(address.slice(colon + 1)), timeout: DIAL_MS });
    const end = (problem: string): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.on('connect', () => end(''));
    socket.on('timeout', () => end(`no answer within ${DIAL_MS / 1000} s`));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
