// isobar demo: a nation of data centers on one machine, with the programs that run a real one.
//
//   <dataDir>/controller            the controller's data directory
//   <dataDir>/agents/<data center>  each agent's
//   <dataDir>/identities            certificates of the operator and of the demo's user
//   <dataDir>/contexts.yaml         how `isobar` finds this federation by itself
//   <dataDir>/census                what the jobs of the demo compute
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '#cli/exit.ts';
import { OutputClosed } from '#cli/io.ts';
import type { Session } from '#cli/session.ts';
import { writeContexts } from '#client/contexts.ts';
import { enrol } from '#client/enrol.ts';
import { StoredIdentity } from '#client/identity.ts';
import { connect, type Isobar } from '#client/isobar.ts';
import { parseToken } from '#client/token.ts';
import { allJoined } from './joined.ts';
import { DATA_CENTERS, TENANT, USER } from './nation.ts';
import { freePort, startProcess, type DemoProcess } from './processes.ts';
import { follow } from './progress.ts';
import { report } from './report.ts';
import { census, inviteUser, register } from './story.ts';

export interface DemoOptions {
  readonly dataDir: string;
  /** Of the API; enrolment and metrics take the two after it. */
  readonly port: number;
  /** End when the census has ended. */
  readonly exit: boolean;
  /** Leave jobs running at the end. */
  readonly keep: boolean;
}

const DOORS = ['api', 'enrolment', 'metrics'] as const;
const JOINED_MS = 30_000;
const CANCEL_MS = 15_000;

interface Federation {
  readonly controller: DemoProcess;
  readonly agents: readonly DemoProcess[];
  readonly operator: Isobar;
  readonly user: Isobar;
}

export async function runDemo(session: Session, options: DemoOptions): Promise<number> {
  const started: DemoProcess[] = [];
  let federation: Federation | undefined;
  let set = '';
  try {
    federation = await startFederation(session, options, started);
    await introduce(session, options.dataDir, federation);
    set = `census-${Math.floor(session.io.now() / 1000).toString(36)}`;
    const failed = await runCensus(session, federation.user, set, options.dataDir);
    await report(session, federation.user, set);
    if (options.exit) return failed === 0 ? EXIT.OK : EXIT.FAILED;
    await stayUp(session, federation);
    return EXIT.OK;
  } catch (error) {
    // Ctrl-C is how a demo ends that stays up; one that should end by itself was kept from it.
    if (session.signal.aborted && !options.exit) return EXIT.OK;
    throw error;
  } finally {
    await endAll(session, federation, options.keep ? '' : set, started);
  }
}

async function startFederation(
  session: Session,
  { dataDir, port }: DemoOptions,
  started: DemoProcess[],
): Promise<Federation> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const logs = join(dataDir, 'logs');
  await session.print(`Starting a federation in ${dataDir}`);
  const controller = await startController(session, dataDir, port, logs);
  started.push(controller);
  const { api = '', enrolment = '' } = controller.ready.addresses;

  const operatorDir = join(dataDir, 'identities', 'operator');
  await enrolled(operatorDir, enrolment, async () =>
    readFileSync(controller.ready.files['operatorToken'] ?? '', 'utf8'),
  );
  const operator = await connect({ addresses: [api], identityDir: operatorDir });
  await register(operator);

  const agents = await Promise.all(
    DATA_CENTERS.map(async ({ id }) => {
      const agent = await startAgent(operator, dataDir, logs, id, api, enrolment);
      started.push(agent);
      return agent;
    }),
  );
  await allJoined(session.signal, operator, DATA_CENTERS.length, JOINED_MS);

  const userDir = join(dataDir, 'identities', USER);
  await enrolled(userDir, enrolment, () => inviteUser(operator));
  const user = await connect({ addresses: [api], identityDir: userDir, tenant: TENANT.id });
  const file = join(dataDir, 'contexts.yaml');
  const common = { addresses: [api], enrolment, file };
  writeContexts({
    file,
    current: 'demo',
    contexts: [
      { ...common, name: 'demo', tenant: TENANT.id, identityDir: userDir },
      { ...common, name: 'operator', tenant: '', identityDir: operatorDir },
    ],
  });
  return { controller, agents, operator, user };
}

async function startController(
  session: Session,
  dataDir: string,
  firstPort: number,
  logs: string,
): Promise<DemoProcess> {
  const ports = { api: 0, enrolment: 0, metrics: 0 };
  for (const [i, door] of DOORS.entries()) {
    const wanted = firstPort + i;
    ports[door] = await freePort(wanted);
    if (ports[door] !== wanted) {
      await session.note(
        `  port ${wanted} is taken by another program; ${door} listens on ${ports[door]}`,
      );
    }
  }
  const address = (door: (typeof DOORS)[number]) => `127.0.0.1:${ports[door]}`;
  const args = [
    'controller',
    '--data-dir',
    join(dataDir, 'controller'),
    '--listen-api',
    address('api'),
  ];
  args.push(
    '--listen-enrolment',
    address('enrolment'),
    '--listen-metrics',
    address('metrics'),
    '--log-format',
    'json',
  );
  return startProcess('the controller', args, join(logs, 'controller.log'));
}

async function startAgent(
  operator: Isobar,
  dataDir: string,
  logs: string,
  id: string,
  api: string,
  enrolment: string,
): Promise<DemoProcess> {
  const folder = join(dataDir, 'agents', id);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const tokenFile = join(folder, 'token');
  if (!isValid(join(folder, 'identity'))) {
    const { token } = await operator.dataCenters.createToken(id);
    writeFileSync(tokenFile, token, { mode: 0o600 });
  }
  const nodesFile = join(folder, 'nodes.json');
  writeFileSync(nodesFile, JSON.stringify(nodesOf(id)));
  const args = ['agent', '--data-dir', folder, '--controllers', api, '--enrolment', enrolment];
  args.push(
    '--token-file',
    tokenFile,
    '--executor-kind',
    'local',
    '--demo',
    '--nodes',
    nodesFile,
    '--log-format',
    'json',
  );
  return startProcess(`the agent of ${id}`, args, join(logs, `agent-${id}.log`));
}

function nodesOf(id: string) {
  const count = DATA_CENTERS.find((dataCenter) => dataCenter.id === id)?.nodes ?? 1;
  return Array.from({ length: count }, (_, i) => ({
    node: `${id}-${i + 1}`,
    role: 'general',
    labels: {},
    cpuMillis: 4000,
    memoryMib: 8192,
    storageMib: 10_240,
    devices: [],
  }));
}

/** An identity that still holds for a day is used again; else a token gets a new one. */
async function enrolled(
  folder: string,
  enrolment: string,
  token: () => Promise<string>,
): Promise<void> {
  if (isValid(folder)) return;
  await enrol({ addresses: [enrolment], token: parseToken(await token()), folder });
}

const DAY_MS = 86_400_000;

function isValid(folder: string): boolean {
  return (
    existsSync(join(folder, 'certificate.pem')) &&
    new StoredIdentity(folder).facts.expireMs > Date.now() + DAY_MS
  );
}

async function introduce(
  session: Session,
  dataDir: string,
  { controller, operator }: Federation,
): Promise<void> {
  const { revision } = await operator.federation.get();
  const { api = '', metrics = '' } = controller.ready.addresses;
  await session.print(
    `  ${DATA_CENTERS.length} data centers have joined over mutual TLS; the log is at revision ${revision}`,
  );
  await session.print(
    `  API ${api}, metrics http://${metrics}/metrics, logs in ${join(dataDir, 'logs')}`,
  );
  await session.print();
}

/** Answers how many jobs ended otherwise than well. */
async function runCensus(
  session: Session,
  user: Isobar,
  set: string,
  dataDir: string,
): Promise<number> {
  const jobs = census(set, join(dataDir, 'census', set));
  const { revision: before } = await user.federation.get();
  await session.print(
    `Counting a census: ${jobs.length - 1} shards in parallel, then their sum (job set ${set})`,
  );
  const { results } = await user.jobs.submitBatch(jobs, { allOrNothing: true });
  const refused = results.find(({ error }) => error !== undefined)?.error;
  if (refused !== undefined)
    throw new Failure(`the census was refused: ${refused.message}`, EXIT.REFUSED);
  const { failed } = await follow(session, user, set, jobs.length, before);
  for await (const { data } of user.jobs.logs(`${set}-total`, { tailLines: 40 })) {
    const [summary = '', ...provinces] = new TextDecoder().decode(data).trimEnd().split('\n');
    await session.print(`  ${summary}; the largest provinces:`);
    for (const line of provinces.slice(0, 5)) await session.print(`    ${line}`);
  }
  return failed;
}

async function stayUp(session: Session, { controller, agents }: Federation): Promise<void> {
  const { metrics = '' } = controller.ready.addresses;
  await session.print();
  await session.print(
    session.paint('The federation stays up until Ctrl-C. In another terminal, here:', 'strong'),
  );
  const next = [
    ['npx isobar get data-centers', 'who is joined, what is free'],
    ['npx isobar submit --cpu 1 --wait -- sh -c "hostname; date"', 'run something'],
    ['npx isobar get jobs --watch', 'see jobs come and go'],
    ['npx isobar submit --cpu 100 -- true; npx isobar why JOB', 'ask why one waits'],
    ['npx isobar --context operator drain da-nang', 'move everything away from one'],
    [`curl http://${metrics}/metrics`, 'what Prometheus reads'],
  ];
  for (const [command = '', what = ''] of next)
    await session.print(`  ${command.padEnd(60)} # ${what}`);
  const interrupted = new Promise<string>((resolve) => {
    session.signal.addEventListener('abort', () => resolve(''), { once: true });
    if (session.signal.aborted) resolve('');
  });
  const how = await Promise.race([
    interrupted,
    controller.ended.then((words) => `the controller ${words}`),
    ...agents.map((agent) => agent.ended.then((words) => `${agent.name} ${words}`)),
  ]);
  if (how !== '') throw new Failure(`${how}; see the logs in the data directory`);
}

/**
 * Jobs first, as long as there is somebody to tell them; then agents, then the controller. Whether or not anybody can still
 * be told: the terminal may be what is gone.
 */
async function endAll(
  session: Session,
  federation: Federation | undefined,
  set: string,
  started: readonly DemoProcess[],
): Promise<void> {
  if (started.length === 0) return;
  const blank = session.io.stdout.isTerminal ? '\n' : '';
  await ifHeard(session.print(`${blank}Ending the federation`));
  if (federation !== undefined && set !== '') {
    const deadline = AbortSignal.timeout(CANCEL_MS);
    try {
      await federation.user.jobs.cancel({ set }, { signal: deadline });
      for await (const job of federation.user.jobs.endings({ set }, { signal: deadline })) void job;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await ifHeard(session.note(`  jobs may be left running: ${why}`));
    }
  }
  federation?.operator.close();
  federation?.user.close();
  const [controller, ...agents] = started;
  await Promise.all(agents.map((agent) => agent.end()));
  await controller?.end();
}

async function ifHeard(told: Promise<void>): Promise<void> {
  try {
    await told;
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
  }
}
