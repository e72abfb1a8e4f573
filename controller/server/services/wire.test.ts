// The wire contract: a client that knows nothing of this project but its .proto files is answered.
import { credentials, loadPackageDefinition, Metadata, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { controllerInMemory } from '#simulation/controller.ts';
import { issueFor, realClock } from '../testbed.ts';
import { PEOPLE, World } from './testing.ts';

/** A client that proto-loader makes has a method for each method of the service. */
type RawClient = { close(): void } & Record<
  string,
  (
    request: object,
    metadata: Metadata,
    done: (error: ServiceError | null, answer: unknown) => void,
  ) => void
>;
type Constructor = new (
  address: string,
  creds: ReturnType<typeof credentials.createSsl>,
) => RawClient;

let world: World;
const clients: RawClient[] = [];
beforeAll(async () => {
  world = await World.open(controllerInMemory(realClock));
});
afterAll(async () => {
  for (const client of clients) client.close();
  await world.close();
});

async function clientOf(service: string): Promise<RawClient> {
  const proto = new URL('../../../proto', import.meta.url).pathname;
  const options = {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    includeDirs: [proto],
  };
  const file = service === 'JobService' ? 'job' : 'federation';
  const loaded = loadPackageDefinition(loadSync(`isobar/v1/${file}.proto`, options));
  const Client = (loaded as unknown as { isobar: { v1: Record<string, Constructor> } }).isobar.v1[
    service
  ];
  if (Client === undefined) throw new Error(`${service} is not in the proto files`);
  const { keyPem, chainPem } = await issueFor(
    world.authority,
    PEOPLE.anna.identity,
    Date.now(),
    3_600_000,
  );
  const creds = credentials.createSsl(
    Buffer.from(world.authority.certificatePem),
    Buffer.from(keyPem),
    Buffer.from(chainPem),
  );
  const client = new Client(world.api.address, creds);
  clients.push(client);
  return client;
}

function call(client: RawClient, method: string, request: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    client[method]?.(request, new Metadata(), (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

test('a job is submitted and read from the proto files alone', async () => {
  const jobs = await clientOf('JobService');
  const job = {
    job_id: 'wire',
    spec: {
      groups: [
        {
          command: ['sh', '-c', 'true'],
          resources: { cpu_millis: 500, memory_mib: 64, extra: { licence: 1 } },
          env: [{ name: 'A', value: 'b' }],
        },
      ],
      labels: { team: 'x' },
      expected_run_time: { seconds: 60, nanos: 500_000_000 },
      unreachable: 'UNREACHABLE_POLICY_WAIT',
      hold: true,
    },
  };
  const made = await call(jobs, 'SubmitJob', { parent: 'tenants/energy', job });
  expect(made).toMatchObject({
    name: 'tenants/energy/jobs/wire',
    state: 'JOB_STATE_HELD',
    user: 'tenants/energy/users/anna',
    spec: {
      groups: [
        {
          name: 'main',
          replicas: 1,
          resources: { cpu_millis: 500, extra: { licence: 1 } },
          env: [{ name: 'A', value: 'b' }],
        },
      ],
      expected_run_time: { seconds: 60, nanos: 500_000_000 },
      stop_signal: 'SIGTERM',
      classification: 'CLASSIFICATION_PUBLIC',
    },
  });
  expect(await call(jobs, 'GetJob', { name: 'tenants/energy/jobs/wire' })).toMatchObject({
    labels: { team: 'x' },
    reason: { code: 'HELD' },
  });
  const listed = await call(jobs, 'ListJobs', {
    parent: 'tenants/energy',
    states: ['JOB_STATE_HELD'],
  });
  expect(listed).toMatchObject({
    jobs: [{ name: 'tenants/energy/jobs/wire' }],
    next_page_token: '',
  });
  await expect(call(jobs, 'GetJob', { name: 'tenants/health/jobs/x' })).rejects.toMatchObject({
    code: 5,
  });
});

test('the federation is read from the proto files alone', async () => {
  const federation = await clientOf('FederationService');
  expect(await call(federation, 'GetFederation', {})).toMatchObject({ id: 'f1', version: '1.2.3' });
});
