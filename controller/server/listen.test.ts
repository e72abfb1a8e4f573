import { once } from 'node:events';
import tls from 'node:tls';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Federation, FederationServiceService } from '#gen/isobar/v1/federation.ts';
import { EnrolmentServiceService } from '#gen/isobar/v1/enrolment.ts';
import { Role } from '#gen/isobar/v1/user.ts';
import { foundAuthority } from './authority.ts';
import { FEDERATION, NOT_FOUND } from './authorize.ts';
import { implement } from './call.ts';
import { listenEnrolment } from './listen.ts';
import { ENROLMENT_RATES } from './limits.ts';
import { makeEdge } from './edge.ts';
import { describeApi } from './reflection.ts';
import {
  ANNA,
  ask,
  issueFor,
  makeTestbed,
  NORTH,
  OMAR,
  realClock,
  type Testbed,
} from './testbed.ts';

const { getFederation, backup } = FederationServiceService;
const REQUEST = { minRevision: 0 };

let bed: Testbed;
beforeEach(async () => {
  bed = await makeTestbed();
  bed.know(ANNA, Role.VIEWER);
  bed.know(OMAR, Role.OPERATOR);
  bed.know(NORTH);
});
afterEach(() => bed.close());

function services(edge = bed.edge) {
  return [
    implement(edge, FederationServiceService, {
      getFederation: {
        concern: () => FEDERATION,
        handle: () => Federation.fromPartial({ id: 'f' }),
      },
      backup: {
        concern: () => FEDERATION,
        handle: async (_, _send, { signal }) => {
          if (!signal.aborted) await once(signal, 'abort');
        },
      },
    }),
  ];
}

function openBackup(client: Client) {
  const { path, requestSerialize, responseDeserialize } = backup;
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    {},
    new Metadata(),
  );
  return new Promise<ServiceError>((resolve) => stream.resume().on('error', resolve));
}

describe('the handshake', () => {
  const authority = () => Buffer.from(bed.authority.certificatePem);

  test('lets in whoever has a certificate of ours', async () => {
    const { address } = await bed.listen(services());
    expect((await ask(await bed.client(address, ANNA), getFederation, REQUEST)).error).toBeNull();
  });

  test.each<[string, () => Promise<ReturnType<typeof credentials.createSsl>>]>([
    ['without a certificate', async () => credentials.createSsl(authority())],
    [
      'with a certificate of another authority',
      async () =>
        bed.credentialsFor(OMAR, { signer: (await foundAuthority(Date.now())).authority }),
    ],
    [
      'with a certificate that has ended',
      () => bed.credentialsFor(OMAR, { nowMs: Date.now() - 7_200_000, lifetimeMs: 3_600_000 }),
    ],
    [
      'with a certificate that has not begun',
      () => bed.credentialsFor(OMAR, { nowMs: Date.now() + 3_600_000 }),
    ],
    [
      'with a certificate that was made for a server',
      async () => {
        const { keyPem, chainPem } = await bed.authority.issueServer([], Date.now());
        return credentials.createSsl(authority(), Buffer.from(keyPem), Buffer.from(chainPem));
      },
    ],
  ])('fails %s', async (_, makeCredentials) => {
    const { address } = await bed.listen(services());
    const client = bed.clientWith(address, await makeCredentials());
    expect((await ask(client, getFederation, REQUEST)).error?.code).toBe(status.UNAVAILABLE);
    expect(bed.observed).toEqual([]);
  });

  test('fails below TLS 1.3', async () => {
    const { port } = await bed.listen(services());
    const { keyPem, chainPem } = await issueFor(bed.authority, OMAR, Date.now(), 3_600_000);
    const dial = (version: tls.SecureVersion) =>
      new Promise<string>((resolve) => {
        const socket = tls.connect({
          port,
          host: '127.0.0.1',
          servername: 'controller.isobar.internal',
          ca: bed.authority.certificatePem,
          key: keyPem,
          cert: chainPem,
          ALPNProtocols: ['h2'],
          minVersion: 'TLSv1.2',
          maxVersion: version,
        });
        const done = (said: string): void => {
          socket.destroy();
          resolve(said);
        };
        socket.on('secureConnect', () => done(socket.getProtocol() ?? ''));
        socket.on('error', (error) => done(error.message));
      });
    expect(await dial('TLSv1.3')).toBe('TLSv1.3');
    expect(await dial('TLSv1.2')).toMatch(/protocol version/i);
  });

  test('proves to the client that this is a controller, and no client’s certificate can', async () => {
    const { address } = await bed.listen(services());
    const creds = await bed.credentialsFor(ANNA);
    const elsewhere = bed.clientWith(address, creds, {
      'grpc.ssl_target_name_override': 'agent.isobar.internal',
    });
    expect((await ask(elsewhere, getFederation, REQUEST)).error?.details).toMatch(/altnames/);
  });
});

test('a connection that outlives its certificate is refused, and its streams end before', async () => {
  let nowMs = Date.now();
  const clock = { ...realClock, wallMs: () => nowMs };
  await bed.close();
  bed = await makeTestbed({ clock, patience: { certificateMarginMs: 60_000 } });
  bed.know(OMAR, Role.OPERATOR);
  const { address } = await bed.listen(services());
  const client = bed.clientWith(address, await bed.credentialsFor(OMAR, { lifetimeMs: 3_600_000 }));
  const ended = openBackup(client);
  await vi.waitFor(() => expect(bed.edge.calls.count).toBe(1));
  const idle = bed.clientWith(address, await bed.credentialsFor(OMAR, { lifetimeMs: 3_600_000 }));
  expect((await ask(idle, getFederation, REQUEST)).error).toBeNull();
  nowMs += 3_550_000; // 50 s before the end
  expect(await ended).toMatchObject({ code: status.UNAVAILABLE });
  nowMs += 100_000;
  expect((await ask(idle, getFederation, REQUEST)).error?.code).toBe(status.UNAUTHENTICATED);
});

test('the server’s certificate is exchanged before it ends, and clients do not notice', async () => {
  let nowMs = Date.now();
  const timers: { dueMs: number; call: () => void }[] = [];
  const clock = {
    ...realClock,
    wallMs: () => nowMs,
    after(delayMs: number, call: () => void) {
      // Only the hourly look at the certificate: everything else goes by real time.
      if (delayMs < 1_000_000) return realClock.after(delayMs, call);
      timers.push({ dueMs: nowMs + delayMs, call });
      return () => {};
    },
  };
  await bed.close();
  bed = await makeTestbed({ clock });
  bed.know(OMAR, Role.OPERATOR);
  const { address, port } = await bed.listen(services(), { certificateLifetimeMs: 9 * 3_600_000 });
  const serialNow = () =>
    new Promise<string>((resolve, reject) => {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        // Its time has not come by the real clock; here it is the number that counts.
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      });
      socket.on('error', reject).on('secureConnect', () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
    });
  const before = await serialNow();
  const client = await bed.client(address, OMAR);
  expect((await ask(client, getFederation, REQUEST)).error).toBeNull();
  for (let hour = 1; hour <= 6; hour++) {
    expect(await serialNow()).toBe(before);
    nowMs += 3_600_000;
    timers.shift()?.call();
  }
  await vi.waitFor(async () => expect(await serialNow()).not.toBe(before));
  expect(bed.lines.map(({ message }) => message)).toContain('the server has a new certificate');
});

test('a port that is taken is named, with what to do', async () => {
  const { address, port } = await bed.listen(services());
  await expect(bed.listen(services(), { address })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port}: another program has the port`,
  );
  await expect(bed.listen(services(), { address: '192.0.2.1:0' })).rejects.toThrow(
    /does not have that address/,
  );
});

test('going down ends streams with UNAVAILABLE and waits for calls that are under way', async () => {
  const release = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const slow = implement(
    bed.edge,
    { getFederation, backup },
    {
      getFederation: {
        concern: () => FEDERATION,
        handle: async () => {
          begun.resolve();
          await release.promise;
          return Federation.fromPartial({ id: 'late' });
        },
      },
      backup: {
        concern: () => FEDERATION,
        handle: async (_, _send, { signal }) =>
          void (signal.aborted || (await once(signal, 'abort'))),
      },
    },
  );
  const listener = await bed.listen([slow]);
  const client = await bed.client(listener.address, OMAR);
  const ended = openBackup(client);
  const answer = ask(client, getFederation, REQUEST);
  await begun.promise;
  const stopped = listener.stop(10_000);
  expect((await ended).code).toBe(status.UNAVAILABLE);
  release.resolve();
  expect((await answer).response?.id).toBe('late');
  await stopped;
});

test('going down does not wait for ever', async () => {
  const begun = Promise.withResolvers<void>();
  const stuck = implement(
    bed.edge,
    { getFederation },
    {
      getFederation: {
        concern: () => FEDERATION,
        handle: () => {
          begun.resolve();
          return new Promise<never>(() => {});
        },
      },
    },
  );
  const listener = await bed.listen([stuck]);
  const answer = ask(await bed.client(listener.address, OMAR), getFederation, REQUEST);
  await begun.promise;
  await listener.stop(100);
  expect((await answer).error?.code).toBeGreaterThan(0);
  expect(bed.lines.map(({ message }) => message)).toContain('calls were cut off at the end');
});

describe('reflection and health', () => {
  test('describe every file of the API with all that it imports, by full names', () => {
    const descriptors = Object.values(describeApi()).flatMap(
      ({ fileDescriptorProtos }) => fileDescriptorProtos,
    );
    const files = descriptors.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    const names = files.map(({ name }) => name);
    expect(names).toContain('isobar/v1/job.proto');
    expect(names).toEqual(expect.arrayContaining(files.flatMap(({ dependency }) => dependency)));
    const types = files.flatMap(({ messageType }) =>
      messageType.flatMap(({ field }) => field.map(({ typeName }) => typeName)),
    );
    expect(types.filter((type) => type !== '' && !type.startsWith('.'))).toEqual([]);
  });

  test('answer any member, and nobody who is unknown', async () => {
    const { address } = await bed.listen(services());
    const asked = async (creds: ReturnType<typeof credentials.createSsl>, service: string) => {
      const client = new Client(address, creds, {
        'grpc.use_local_subchannel_pool': 1,
        'grpc.ssl_target_name_override': 'controller.isobar.internal',
      });
      try {
        return await new Promise<unknown>((resolve) => {
          client.makeUnaryRequest(
            '/grpc.health.v1.Health/Check',
            (name: string) => Buffer.from([0x0a, name.length, ...Buffer.from(name)]),
            (bytes: Buffer) => bytes[1],
            service,
            (error, value) => resolve(error?.code ?? value),
          );
        });
      } finally {
        client.close();
      }
    };
    const agent = await bed.credentialsFor(NORTH);
    expect(await asked(agent, '')).toBe(1); // SERVING
    expect(await asked(agent, 'isobar.v1.FederationService')).toBe(1);
    bed.known.clear();
    expect(await asked(agent, '')).toBe(status.UNAUTHENTICATED);
  });

  test('list the services that are there', async () => {
    const { address } = await bed.listen(services());
    const client = await bed.client(address, ANNA);
    const stream = client.makeBidiStreamRequest(
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      new Metadata(),
    );
    stream.write(Buffer.from([0x3a, 0x01, 0x2a])); // list_services = "*"
    stream.end();
    const [answer] = (await stream.toArray()) as [Buffer];
    expect(answer.toString()).toContain('isobar.v1.FederationService');
    expect(answer.toString()).not.toContain('isobar.v1.EnrolmentService');
  });
});

test('no method stands behind the wrong door', async () => {
  const enrolment = implement(bed.edge, EnrolmentServiceService, {
    enroll: { concern: () => FEDERATION, handle: () => NOT_FOUND },
    getAuthority: { concern: () => FEDERATION, handle: () => NOT_FOUND },
  });
  await expect(bed.listen([enrolment])).rejects.toThrow(/does not belong behind this door/);
  const options = { address: '127.0.0.1:0', authority: bed.authority, names: [] };
  const [federation] = services();
  if (federation === undefined) throw new Error('no service');
  await expect(listenEnrolment(bed.edge, options, federation)).rejects.toThrow(/behind this door/);
});

test('the listener for enrolment takes strangers, small messages and few calls', async () => {
  const edge = makeEdge({
    ...bed.edge,
    rates: { ...ENROLMENT_RATES, each: { perSecond: 1, burst: 3 } },
  });
  const enrolment = implement(edge, EnrolmentServiceService, {
    enroll: {
      concern: () => FEDERATION,
      handle: () => ({
        chainPem: '',
        authorityPem: '',
        identity: '',
        renewTime: undefined,
        expireTime: undefined,
      }),
    },
    getAuthority: {
      concern: () => FEDERATION,
      handle: (_, { peer, actor }) => ({ authorityPem: `${actor}${typeof peer}` }),
    },
  });
  const listener = await listenEnrolment(
    edge,
    { address: '127.0.0.1:0', authority: bed.authority, names: [] },
    enrolment,
  );
  try {
    const client = bed.clientWith(
      listener.address,
      credentials.createSsl(Buffer.from(bed.authority.certificatePem)),
    );
    const { enroll, getAuthority } = EnrolmentServiceService;
    expect((await ask(client, getAuthority, {})).response?.authorityPem).toBe('undefined');
    expect((await ask(client, getFederation, REQUEST)).error?.code).toBe(status.UNIMPLEMENTED);
    const large = { token: 'x'.repeat(40_000), certificateRequest: Buffer.alloc(0) };
    expect((await ask(client, enroll, large)).error?.code).toBe(status.RESOURCE_EXHAUSTED);
    const codes = [];
    for (let i = 0; i < 4; i++) codes.push((await ask(client, getAuthority, {})).error?.code);
    expect(codes).toContain(status.RESOURCE_EXHAUSTED);
  } finally {
    await listener.stop(0);
  }
});
