// Calls of benchmarks: over one channel, with as little work in the client as can be.
import {
  type Channel,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
} from '@grpc/grpc-js';
import { openChannel } from '#client/channel.ts';
import { StoredIdentity } from '#client/identity.ts';
import { EventServiceService, WatchEventsRequest } from '#gen/isobar/v1/event.ts';
import {
  JobServiceService,
  JobSubmission,
  SubmitJobsRequest,
  SubmitJobStreamRequest,
} from '#gen/isobar/v1/job.ts';
import { TENANT } from './controller.ts';

/** A connection of its own, with the certificate in a folder. */
export async function openClient(api: string, identityDir: string): Promise<Client> {
  const channel: Channel = openChannel([api], new StoredIdentity(identityDir));
  // The channel has its address and credentials already.
  const client = new Client('', credentials.createInsecure(), { channelOverride: channel });
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + 60_000, (error) => (error ? reject(error) : resolve()));
  });
  return client;
}

export interface WatchOptions {
  /** Empty: everything that the caller may see. */
  readonly jobSet: string;
  /** 0: what is new. */
  readonly fromRevision: number;
  readonly untilCurrent?: boolean;
}

/** Responses as they come, not decoded. Without a listener none is ever read. */
export function openWatch(
  client: Client,
  { jobSet, fromRevision, untilCurrent = false }: WatchOptions,
  onResponse: ((bytes: Buffer) => void) | undefined,
): ClientReadableStream<Buffer> {
  const { path, requestSerialize } = EventServiceService.watchEvents;
  const parent = 'tenants/-';
  const request = WatchEventsRequest.create({ parent, jobSet, fromRevision, untilCurrent });
  const call = client.makeServerStreamRequest(path, requestSerialize, same, request);
  if (onResponse !== undefined) call.on('data', onResponse);
  return call;
}

/** Resolves at a clean end. */
export function watch(
  client: Client,
  options: WatchOptions,
  onResponse: (bytes: Buffer) => void,
): Promise<void> {
  const call = openWatch(client, options, onResponse);
  return new Promise((resolve, reject) => {
    call.on('error', reject).on('end', resolve);
  });
}

interface Unary<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export function callUnary<Request, Response>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: Unary<Request, Response>,
  request: Request,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) =>
      // There is an answer where there is no error.
      error === null ? resolve(answer!) : reject(error),
    );
  });
}

/** A job of this many thousandths of a CPU, with what people give: a command, an environment, a label. */
export function submission(jobId: string, jobSet: string, cpuMillis: number): JobSubmission {
  return JobSubmission.fromPartial({
    jobId,
    spec: {
      groups: [
        {
          command: ['python3', '-m', 'solver'],
          args: ['--case', jobId],
          resources: { cpuMillis, memoryMib: 64 },
          env: [{ name: 'OMP_NUM_THREADS', source: { $case: 'value', value: '2' } }],
        },
      ],
      jobSet,
      labels: { purpose: 'bench' },
    },
  });
}

/** Submits batches on one stream, no faster than they are taken; throws when a job was refused. */
export async function submitBatches(
  client: Client,
  batches: Iterable<readonly JobSubmission[]> | AsyncIterable<readonly JobSubmission[]>,
): Promise<void> {
  const { path, responseDeserialize } = JobServiceService.submitJobStream;
  const stream = client.makeBidiStreamRequest(path, same, responseDeserialize, new Metadata());
  let refused: string | undefined;
  const done = new Promise<void>((resolve, reject) => {
    stream.on('data', ({ results }: ReturnType<typeof responseDeserialize>) => {
      refused ??= results.find(({ error }) => error !== undefined)?.error?.message;
    });
    stream.on('error', reject);
    stream.on('end', resolve);
  });
  done.catch(() => {}); // told when it is waited for
  for await (const jobs of batches) {
    const batch = SubmitJobsRequest.create({ parent: `tenants/${TENANT}`, jobs: [...jobs] });
    const bytes = Buffer.from(SubmitJobStreamRequest.encode({ batch }).finish());
    if (!stream.write(bytes)) {
      await Promise.race([done, new Promise((resolve) => stream.once('drain', resolve))]);
    }
  }
  stream.end();
  await done;
  if (refused !== undefined) throw new Error(`a job was refused: ${refused}`);
}

const same = (bytes: Buffer): Buffer => bytes;
