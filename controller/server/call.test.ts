import { once } from 'node:events';
import { Metadata, status, type Client, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { refuse, refuseFields } from '#domain/refusal.ts';
import { Federation, FederationServiceService } from '#gen/isobar/v1/federation.ts';
import {
  GetJobRequest,
  Job,
  JobServiceService,
  SubmitJobStreamRequest,
  type SubmitJobsResponse,
} from '#gen/isobar/v1/job.ts';
import { Role } from '#gen/isobar/v1/user.ts';
import { FEDERATION, ofTenant } from './authorize.ts';
import { implement, type Bidi, type ServerStream, type Unary } from './call.ts';
import { RefusalError } from './errors.ts';
import { formatIdentity } from './identity.ts';
import { ANNA, ask, makeTestbed, NORTH, OMAR, type Testbed } from './testbed.ts';
import type {
  BackupRequest,
  BackupResponse,
  GetFederationRequest,
} from '#gen/isobar/v1/federation.ts';

const { getFederation, backup } = FederationServiceService;
const { getJob, submitJobStream } = JobServiceService;
const JOBS = { getJob, submitJobStream };

type GetFederation = Unary<GetFederationRequest, Federation>;
type Backup = ServerStream<BackupRequest, BackupResponse>;
type SubmitStream = Bidi<SubmitJobStreamRequest, SubmitJobsResponse>;

let bed: Testbed;
beforeEach(async () => {
  bed = await makeTestbed({ patience: { readerMs: 300, statusMs: 300 } });
  bed.know(ANNA, Role.SUBMITTER);
  bed.know(OMAR, Role.OPERATOR);
  bed.know(NORTH);
});
afterEach(() => bed.close());

const tenantOf = (name: string) => ofTenant(name.split('/')[1] ?? '');
const found = Federation.fromPartial({ id: 'f', revision: 7 });

interface Handlers {
  readonly getFederation?: GetFederation['handle'];
  readonly backup?: Backup['handle'];
  readonly getJob?: Unary<GetJobRequest, Job>['handle'];
  readonly submitJobStream?: SubmitStream['handle'];
}

/** Listens with the given handlers and answers its address. */
async function serve(handlers: Handlers = {}): Promise<string> {
  const services = [
    implement(bed.edge, FederationServiceService, {
      getFederation: { concern: () => FEDERATION, handle: handlers.getFederation ?? (() => found) },
      backup: { concern: () => FEDERATION, handle: handlers.backup ?? (async () => {}) },
    }),
    implement(bed.edge, JOBS, {
      getJob: {
        concern: ({ name }) => tenantOf(name),
        handle: handlers.getJob ?? (({ name }) => Job.fromPartial({ name })),
      },
      submitJobStream: {
        concern: ({ batch }) => tenantOf(batch?.parent ?? ''),
        handle: handlers.submitJobStream ?? (async () => {}),
      },
    }),
  ];
  return (await bed.listen(services)).address;
}

function openBackup(client: Client) {
  const { path, requestSerialize, responseDeserialize } = backup;
  return client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    {},
    new Metadata(),
  );
}

function openSubmit(client: Client) {
  const { path, requestSerialize, responseDeserialize } = submitJobStream;
  return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata());
}

/** grpc-js takes everything from the wire until somebody asks for a message; from then on it stops when nobody reads. */
function readNothing(stream: ReturnType<typeof openBackup>): () => void {
  const ignore = (): void => {};
  stream.on('readable', ignore);
  return () => void stream.off('readable', ignore);
}

const batchOf = (tenant: string) =>
  SubmitJobStreamRequest.fromPartial({ batch: { parent: `tenants/${tenant}`, jobs: [{}] } });

async function errorOf(stream: {
  on(event: 'error', listener: (error: ServiceError) => void): unknown;
}) {
  return new Promise<ServiceError>((resolve) => stream.on('error', resolve));
}

describe('a unary call', () => {
  test('answers with the handler’s response and the request id that the caller chose', async () => {
    const client = await bed.client(await serve(), ANNA);
    const { response, status: given } = await ask(
      client,
      getFederation,
      { minRevision: 0 },
      { requestId: 'run-17' },
    );
    expect(response).toEqual(found);
    expect(given.metadata.get('x-request-id')).toEqual(['run-17']);
    expect(bed.observed).toMatchObject([
      { method: '/isobar.v1.FederationService/GetFederation', code: 'OK' },
    ]);
  });

  test('gets a request id of ours when the caller’s is none', async () => {
    const client = await bed.client(await serve(), ANNA);
    const { status: given } = await ask(
      client,
      getFederation,
      { minRevision: 0 },
      { requestId: 'a b"c' },
    );
    expect(given.metadata.get('x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
  });

  test('tells its handler who calls, as whom it acts and by when', async () => {
    let seen: unknown;
    const address = await serve({
      getFederation: (_, context) => {
        const { actor, method, roles, peer } = context;
        seen = { actor, method, roles, serial: peer?.serial, scope: [...context.scope()] };
        expect(context.deadlineMs - Date.now()).toBeGreaterThan(25_000);
        expect(context.deadlineMs - Date.now()).toBeLessThanOrEqual(30_000);
        return found;
      },
    });
    const { error } = await ask(await bed.client(address, ANNA), getFederation, { minRevision: 0 });
    expect(error).toBeNull();
    expect(seen).toEqual({
      actor: 'spiffe://isobar.internal/tenant/energy/user/anna',
      method: getFederation.path,
      roles: [Role.SUBMITTER],
      serial: expect.stringMatching(/^[0-9a-f]{32}$/),
      scope: ['own', 'descendant', 'federation'],
    });
  });

  test('is a refusal whether the handler returns it or throws it', async () => {
    const refusal = refuseFields([{ field: 'min_revision', description: 'is in the future' }]);
    let throws = false;
    const address = await serve({
      getFederation: () => {
        if (throws) throw new RefusalError(refusal);
        return refusal;
      },
    });
    const client = await bed.client(address, ANNA);
    for (throws of [false, true]) {
      const { error } = await ask(client, getFederation, { minRevision: 9 });
      expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
      expect(error?.metadata.get('grpc-status-details-bin')).toHaveLength(1);
    }
    expect(bed.lines.map(({ fields }) => fields['reason'])).toEqual([
      'INVALID_FIELDS',
      'INVALID_FIELDS',
    ]);
  });

  test('hides what went wrong in us and logs it under the request id', async () => {
    const address = await serve({
      getFederation: () => {
        throw new Error('password hunter2', { cause: new Error('disk on fire') });
      },
    });
    const { error } = await ask(
      await bed.client(address, ANNA),
      getFederation,
      { minRevision: 0 },
      { requestId: 'r1' },
    );
    expect(error?.code).toBe(status.INTERNAL);
    expect(error?.details).toContain('r1');
    expect(JSON.stringify(error)).not.toMatch(/hunter2|fire/);
    const line = bed.lines.find(({ level }) => level === 'error');
    expect(line?.fields).toMatchObject({
      request_id: 'r1',
      error: expect.stringMatching(/hunter2[^]*disk on fire/),
    });
  });

  test('with bytes that are no request is the caller’s mistake', async () => {
    const client = await bed.client(await serve(), ANNA);
    const garbage = { ...getFederation, requestSerialize: () => Buffer.from([0x08, 0xff]) };
    const { error } = await ask(client, garbage, { minRevision: 0 });
    expect(error).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('cannot be decoded'),
    });
  });

  test('ends at its deadline, and so does what its handler waits for', async () => {
    const aborted = Promise.withResolvers<unknown>();
    const address = await serve({
      getFederation: async (_, { signal }) => {
        await once(signal, 'abort');
        aborted.resolve(signal.reason);
        throw new Error('too late to matter');
      },
    });
    const client = await bed.client(address, ANNA);
    const { error } = await ask(
      client,
      getFederation,
      { minRevision: 0 },
      { deadline: Date.now() + 200 },
    );
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(await aborted.promise).toMatchObject({ refusal: { code: 'DEADLINE_EXCEEDED' } });
    expect(bed.observed).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }]);
  });

  test('that is cancelled tells its handler', async () => {
    const aborted = Promise.withResolvers<unknown>();
    const begun = Promise.withResolvers<void>();
    const address = await serve({
      getFederation: async (_, { signal }) => {
        begun.resolve();
        await once(signal, 'abort');
        aborted.resolve(signal.reason);
        return found;
      },
    });
    const client = await bed.client(address, ANNA);
    const { path, requestSerialize, responseDeserialize } = getFederation;
    const request = { minRevision: 0 };
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      () => {},
    );
    await begun.promise;
    call.cancel();
    expect(await aborted.promise).toMatchObject({ refusal: { code: 'CANCELLED' } });
  });

  test('may be as large as a full batch of jobs and no larger', async () => {
    const client = await bed.client(await serve(), ANNA);
    const name = (bytes: number) => ({
      name: `tenants/energy/jobs/${'x'.repeat(bytes)}`,
      minRevision: 0,
    });
    const large = await ask(client, getJob, name(15 * 1024 * 1024));
    expect(large.error?.code).toBe(status.RESOURCE_EXHAUSTED); // the client's own limit for what comes back
    expect(bed.observed.map(({ code }) => code)).toEqual(['OK']);
    expect((await ask(client, getJob, name(17 * 1024 * 1024))).error?.code).toBe(
      status.RESOURCE_EXHAUSTED,
    );
    expect(bed.observed).toHaveLength(1);
  });
});

describe('policy at the edge', () => {
  test.each([
    ['own', 'energy', undefined],
    ['another tenant’s', 'health', status.NOT_FOUND],
    ['nobody’s', 'no-such', status.NOT_FOUND],
  ])('a job of %s tenant', async (_, tenant, code) => {
    const client = await bed.client(await serve(), ANNA);
    const { error } = await ask(client, getJob, {
      name: `tenants/${tenant}/jobs/a`,
      minRevision: 0,
    });
    expect(error?.code).toBe(code);
  });

  test('another tenant’s job and one that is not there cannot be told apart', async () => {
    const client = await bed.client(await serve(), ANNA);
    const answers = await Promise.all(
      ['health', 'no-such'].map((tenant) =>
        ask(
          client,
          getJob,
          { name: `tenants/${tenant}/jobs/a`, minRevision: 0 },
          { requestId: 'r' },
        ),
      ),
    );
    const told = answers.map(({ error }) => [
      error?.details,
      error?.metadata.get('grpc-status-details-bin'),
    ]);
    expect(told[0]).toEqual(told[1]);
  });

  test('a member may not back up, an operator may, an agent may do neither that nor look', async () => {
    const address = await serve();
    expect((await errorOf(openBackup(await bed.client(address, ANNA)).resume())).code).toBe(
      status.PERMISSION_DENIED,
    );
    await once(openBackup(await bed.client(address, OMAR)).resume(), 'end');
    const { error } = await ask(await bed.client(address, NORTH), getFederation, {
      minRevision: 0,
    });
    expect(error?.code).toBe(status.PERMISSION_DENIED);
  });

  test('an identity that the state does not know, or has revoked, is nobody', async () => {
    const address = await serve();
    bed.known.delete(formatIdentity(ANNA));
    bed.known.set(formatIdentity(OMAR), 'revoked');
    const unknown = await ask(await bed.client(address, ANNA), getFederation, { minRevision: 0 });
    const revoked = await ask(await bed.client(address, OMAR), getFederation, { minRevision: 0 });
    expect([unknown.error?.code, revoked.error?.code]).toEqual([
      status.UNAUTHENTICATED,
      status.UNAUTHENTICATED,
    ]);
    expect(bed.lines.map(({ fields }) => fields['reason'])).toEqual([
      'UNKNOWN_IDENTITY',
      'REVOKED',
    ]);
  });

  test('an identity that calls too often is told when to come back', async () => {
    await bed.close();
    const slow = { perSecond: 1, burst: 2 };
    bed = await makeTestbed({ rates: { each: slow, together: { perSecond: 100, burst: 100 } } });
    bed.know(ANNA, Role.VIEWER);
    bed.know(OMAR, Role.OPERATOR);
    const address = await serve();
    const client = await bed.client(address, ANNA);
    const codes = [];
    for (let i = 0; i < 3; i++) {
      codes.push((await ask(client, getFederation, { minRevision: 0 })).error?.code);
    }
    expect(codes).toEqual([undefined, undefined, status.RESOURCE_EXHAUSTED]);
    const other = await ask(await bed.client(address, OMAR), getFederation, { minRevision: 0 });
    expect(other.error).toBeNull();
  });
});

describe('a stream', () => {
  test('carries messages that were encoded before beside those that were not', async () => {
    const encoded = backup.responseSerialize({ revision: 1, data: Buffer.from('once') });
    const address = await serve({
      backup: async (_, send) => {
        await send(encoded);
        await send({ revision: 2, data: Buffer.from('again') });
      },
    });
    const messages: BackupResponse[] = await openBackup(await bed.client(address, OMAR)).toArray();
    expect(messages.map(({ revision, data }) => [revision, Buffer.from(data).toString()])).toEqual([
      [1, 'once'],
      [2, 'again'],
    ]);
    await vi.waitFor(() => expect(bed.edge.calls.count).toBe(0));
  });

  test('stops its handler while nobody reads, cuts it off, and tells where to resume', async () => {
    let sent = 0;
    const over = Promise.withResolvers<unknown>();
    const address = await serve({
      backup: async (_, send) => {
        try {
          for (;;) {
            await send({ revision: sent + 1, data: Buffer.alloc(100_000) }, sent + 1);
            sent += 1;
          }
        } catch (error) {
          over.resolve(error);
          throw error;
        }
      },
    });
    const stream = openBackup(await bed.client(address, OMAR));
    const stopWaiting = readNothing(stream);
    const refusal = await over.promise;
    expect(refusal).toMatchObject({ refusal: { code: 'ABORTED', reason: 'SLOW_READER' } });
    expect(sent).toBeLessThan(50); // 1 MiB waits here, 16 messages in the client, the rest on the wire

    // Now it reads: everything up to the revision it is told, in order, and then that.
    const revisions: number[] = [];
    stopWaiting();
    stream.on('data', ({ revision }: BackupResponse) => revisions.push(revision));
    const error = await errorOf(stream);
    expect(error.code).toBe(status.ABORTED);
    expect(error.details).toContain(`after revision ${revisions.at(-1)} `);
    expect(revisions).toEqual(revisions.map((_, i) => i + 1));
    expect(bed.edge.calls.count).toBe(0);
  });

  test('of a client that never reads is reset, and nothing of it stays', async () => {
    const address = await serve({
      backup: async (_, send) => {
        for (;;) await send({ revision: 0, data: Buffer.alloc(1_000_000) });
      },
    });
    const stream = openBackup(await bed.client(address, OMAR));
    readNothing(stream);
    expect((await errorOf(stream)).code).toBe(status.CANCELLED);
    expect(bed.observed).toMatchObject([{ code: 'ABORTED' }]);
  });

  test('of somebody who is revoked ends at once, even in the middle of silence', async () => {
    const begun = Promise.withResolvers<void>();
    const address = await serve({
      backup: async (_, send, { signal }) => {
        await send({ revision: 1, data: Buffer.alloc(0) });
        begun.resolve();
        await once(signal, 'abort');
      },
    });
    const stream = openBackup(await bed.client(address, OMAR)).resume();
    const ended = errorOf(stream);
    await begun.promise;
    expect(bed.edge.calls.countOf(formatIdentity(OMAR))).toBe(1);
    expect(bed.edge.calls.closeAll(formatIdentity(OMAR))).toBe(1);
    expect((await ended).code).toBe(status.UNAUTHENTICATED);
    expect(bed.edge.calls.count).toBe(0);
  });

  test('of somebody who is revoked ends even if nobody says so: the directory is asked', async () => {
    const address = await serve({
      backup: async (_, _send, { signal }) => void (await once(signal, 'abort')),
    });
    const ended = errorOf(openBackup(await bed.client(address, OMAR)).resume());
    await vi.waitFor(() => expect(bed.edge.calls.count).toBe(1));
    bed.known.set(formatIdentity(OMAR), 'revoked');
    expect((await ended).code).toBe(status.UNAUTHENTICATED);
  });

  test('has a bound for each identity', async () => {
    const address = await serve({
      backup: async (_, _send, { signal }) => void (await once(signal, 'abort')),
    });
    const client = await bed.client(address, OMAR);
    const streams = Array.from({ length: 256 }, () => openBackup(client).resume());
    for (const stream of streams) stream.on('error', () => {});
    await vi.waitFor(() => expect(bed.edge.calls.count).toBe(256));
    expect((await errorOf(openBackup(client).resume())).code).toBe(status.RESOURCE_EXHAUSTED);
    for (const stream of streams) stream.cancel();
    await vi.waitFor(() => expect(bed.edge.calls.count).toBe(0));
  });
});

describe('a stream in both directions', () => {
  const echo: SubmitStream['handle'] = async (requests, send) => {
    let revision = 0;
    for await (const { batch } of requests) {
      revision += 1;
      await send({
        results: (batch?.jobs ?? []).map(() => ({
          jobId: 'j',
          uid: 1,
          existed: false,
          error: undefined,
        })),
        revision,
      });
    }
  };

  test('answers each message and ends well when the client has no more', async () => {
    const stream = openSubmit(await bed.client(await serve({ submitJobStream: echo }), ANNA));
    for (let i = 0; i < 100; i++) stream.write(batchOf('energy'));
    stream.end();
    const answers: SubmitJobsResponse[] = await stream.toArray();
    expect(answers.map(({ revision }) => revision)).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    expect(bed.observed).toMatchObject([{ code: 'OK' }]);
  });

  test('checks each message: one for another tenant ends it after the answers to those before', async () => {
    const stream = openSubmit(await bed.client(await serve({ submitJobStream: echo }), ANNA));
    const answers: number[] = [];
    stream.on('data', ({ revision }: SubmitJobsResponse) => answers.push(revision));
    stream.write(batchOf('energy'));
    stream.write(batchOf('health'));
    expect((await errorOf(stream)).code).toBe(status.NOT_FOUND);
    expect(answers).toEqual([1]);
  });

  test('does not reach the handler without any right to it', async () => {
    const handle = vi.fn<SubmitStream['handle']>(echo);
    bed.know(ANNA, Role.VIEWER);
    const stream = openSubmit(
      await bed.client(await serve({ submitJobStream: handle }), ANNA),
    ).resume();
    expect((await errorOf(stream)).code).toBe(status.PERMISSION_DENIED);
    expect(handle).not.toHaveBeenCalled();
  });

  test('that the client cancels ends its handler’s reading and whatever else it waits for', async () => {
    const over = Promise.withResolvers<unknown>();
    const begun = Promise.withResolvers<void>();
    const address = await serve({
      submitJobStream: async (requests, _send, { signal }) => {
        begun.resolve();
        // Node's clients end their half before they reset the stream, so this may end well.
        for await (const _ of requests);
        if (!signal.aborted) await once(signal, 'abort');
        over.resolve(signal.reason);
        return refuse('ABORTED', 'TOO_LATE', 'nobody hears this');
      },
    });
    const stream = openSubmit(await bed.client(address, ANNA)).resume();
    stream.on('error', () => {});
    await begun.promise;
    stream.cancel();
    expect(await over.promise).toMatchObject({ refusal: { code: 'CANCELLED' } });
    expect(bed.observed).toMatchObject([{ code: 'CANCELLED' }]);
  });
});
