// Who does not belong to a federation, or no longer: told apart, with what to do.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Pkcs10CertificateRequestGenerator } from '#client/x509.ts';
import { EXIT } from '#cli/exit.ts';
import { isRefusal } from '#domain/refusal.ts';
import { openAuthority } from '#server/authority-files.ts';
import { ALGORITHM, keyToPem, newKeyPair } from '#server/authority.ts';
import { startProcess } from './demo/processes.ts';
import { isobar } from './testbed/command.ts';
import { TENANT, type TestFederation } from './testbed/federation.ts';
import { signal } from './testbed/processes-of.ts';
import { until } from './testbed/until.ts';
import { useFederations } from './testbed/use-federations.ts';
import { epochsOf, finish, startWork } from './testbed/work.ts';

const start = useFederations();

const getJobs = (env: Record<string, string>) =>
  isobar(['get', 'jobs', '--timeout', '30s'], { env });

/** A certificate of the federation's own authority that ended an hour ago. */
async function expire(federation: TestFederation, who: string): Promise<void> {
  const hour = 3_600_000;
  const issueMs = Date.now() - 25 * hour;
  const authority = await openAuthority(join(federation.controllerDir, 'authority'), Date.now());
  const keys = await newKeyPair();
  const signingAlgorithm = { ...ALGORITHM, hash: 'SHA-256' };
  const request = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm });
  const identity = { kind: 'user', tenant: TENANT, user: who } as const;
  const bytes = new Uint8Array(request.rawData);
  const issued = await authority.issueClient(identity, bytes, issueMs, 24 * hour);
  if (isRefusal(issued)) throw new Error(issued.message);
  const folder = federation.identityDir(who);
  writeFileSync(join(folder, 'certificate.pem'), issued.chainPem);
  writeFileSync(join(folder, 'key.pem'), keyToPem(keys.privateKey));
}

test('a certificate of another federation, one that has ended and one that was revoked', async () => {
  const [ours, theirs] = [await start({ agents: 0 }), await start({ agents: 0 })];
  expect(await getJobs(ours.env)).toMatchObject({ code: EXIT.OK, stderr: 'no jobs\n' });

  const file = join(ours.folder, 'elsewhere.yaml');
  const contexts = readFileSync(join(ours.folder, 'contexts.yaml'), 'utf8');
  writeFileSync(file, contexts.replaceAll(ours.api, theirs.api));
  const elsewhere = await getJobs({ ...ours.env, ISOBAR_CONFIG: file });
  expect(elsewhere.code).toBe(EXIT.NO_ACCESS);
  expect(elsewhere.stderr).toMatch(
    /^error: what answers there is no controller of this federation\n {2}self-signed certificate.*\nnext: check the address/,
  );

  await theirs.operator.users.revoke('clerk', { timeoutMs: 10_000 });
  const revoked = await getJobs(theirs.env);
  expect(revoked.code).toBe(EXIT.NO_ACCESS);
  expect(revoked.stderr).toMatch(/^error: Your access was revoked/);

  await expire(ours, 'clerk');
  const ended = await getJobs(ours.env);
  expect(ended.code).toBe(EXIT.NO_ACCESS);
  expect(ended.stderr).toMatch(
    /^error: the certificate in \S+ ended on .*\nnext: .*`isobar login`/,
  );
}, 90_000);

test('an agent of another federation: it is told, and what it runs goes on for its own', async () => {
  const [ours, theirs] = [await start({ agents: 1 }), await start({ agents: 0 })];
  const work = await startWork(ours, 2);
  await ours.killAgent('a');
  const log = join(ours.folder, 'logs', 'astray.log');
  const args = ['agent', '--demo', '--data-dir', ours.agentDir('a'), '--controllers', theirs.api];
  const astray = await startProcess(
    'the agent that went astray',
    [...args, '--log-format', 'json'],
    log,
  );
  await until('it says why it is not joined', () =>
    readFileSync(log, 'utf8').includes('self-signed certificate'),
  );
  signal(astray.pid, 'SIGKILL');
  await astray.ended;
  await ours.startAgent('a');
  await ours.joined();
  await finish(ours, work);
  expect(epochsOf(ours, work)).toEqual([[1], [1]]);

  // Enrolled anew with the others, but with what it did for us still in its directory.
  await ours.killAgent('a');
  const membership = join(ours.agentDir('a'), 'membership.json');
  const { federation } = JSON.parse(readFileSync(membership, 'utf8')) as { federation: string };
  writeFileSync(membership, JSON.stringify({ federation: 'another', incarnation: 1 }));
  await ours.startAgent('a');
  const words = `the agent belongs to federation another, this is ${federation}; give it a new data directory to move it`;
  await until('it says why it is not joined', () => ours.logs().includes(words));
}, 120_000);
