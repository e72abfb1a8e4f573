// ReadLogs: from the job to its run, from the run to its data center, and from there piece by piece.
import { isRefusal, refuse } from '#domain/refusal.ts';
import type { ReadTaskLog } from '#gen/isobar/v1/agent.ts';
import type { Job, ReadLogsResponse } from '#gen/isobar/v1/job.ts';
import type { Reason } from '#gen/isobar/v1/resources.ts';
import { NOT_FOUND } from '../authorize.ts';
import type { Send } from '../stream-writer.ts';
import type { JobRef } from '../convert/fields.ts';
import { RefusalError } from '../errors.ts';
import type { LogRequest, LogRouter } from './log-router.ts';
import type { Parts } from './parts.ts';
import { readJob } from './read-jobs.ts';

export interface LogQuery {
  readonly ref: JobRef;
  /** 0: the newest. */
  readonly epoch: number;
  readonly previous: boolean;
  readonly rank: number;
  readonly follow: boolean;
  readonly tailLines: number;
}

export async function readLogs(
  parts: Parts,
  router: LogRouter,
  query: LogQuery,
  send: Send<ReadLogsResponse>,
  signal: AbortSignal,
): Promise<void> {
  const job = await readJob(parts, query.ref);
  if (job === undefined) throw new RefusalError(NOT_FOUND);
  const epoch = epochOf(job, query);
  const { rank, follow, tailLines } = query;
  const what = { run: { jobUid: job.uid, index: 0, epoch }, rank, follow, tailLines };
  const places = placesOf(job, epoch, router);
  let nothing: Reason | undefined;
  for (const place of places) {
    const request = router.read(place, what);
    if (request === undefined) continue;
    if (isRefusal(request)) throw new RefusalError(request);
    const reason = await pass(request, send, signal);
    if (reason === undefined) return;
    nothing = reason;
  }
  throw new RefusalError(nothing === undefined ? unreachable(places) : noLog(what, nothing));
}

function epochOf(job: Job, { epoch, previous }: LogQuery): number {
  const wanted = epoch > 0 ? epoch : previous ? job.epoch - 1 : job.epoch;
  if (wanted >= 1 && wanted <= job.epoch) return wanted;
  if (job.epoch === 0) {
    throw new RefusalError(
      refuse(
        'FAILED_PRECONDITION',
        'JOB_NOT_STARTED',
        'the job has had no run yet; watch it, or ask why it waits',
      ),
    );
  }
  const message = `the job has no run ${wanted}; its runs are numbered from 1 to ${job.epoch}`;
  throw new RefusalError(refuse('NOT_FOUND', 'RUN_NOT_FOUND', message));
}

/** Where the run was. Of older runs nobody keeps the place, so every data center that is there is asked. */
function placesOf(job: Job, epoch: number, router: LogRouter): readonly string[] {
  const known = job.run?.epoch === epoch ? job.run.parts.map(({ dataCenter }) => dataCenter) : [];
  return known.length > 0 ? known : router.dataCenters;
}

/** Sends what comes; answers the agent's reason when it has nothing at all. */
async function pass(
  request: LogRequest,
  send: Send<ReadLogsResponse>,
  signal: AbortSignal,
): Promise<Reason | undefined> {
  let sent = false;
  try {
    for (;;) {
      const next = await request.next(signal);
      if (!('kind' in next)) {
        sent = true;
        await send(next);
      } else if (next.kind === 'done') return undefined;
      else if (next.kind === 'broken') throw new RefusalError(next.refusal);
      else return sent ? undefined : next.reason;
    }
  } finally {
    request.close();
  }
}

function unreachable(places: readonly string[]) {
  const where = places.length === 0 ? 'any data center' : `data center ${places.join(', ')}`;
  return refuse(
    'UNAVAILABLE',
    'DATA_CENTER_UNREACHABLE',
    `the agent of ${where} is not connected, and logs lie there alone; try again when it is`,
    { retryAfterMs: 10_000 },
  );
}

function noLog({ run, rank }: ReadTaskLog, { message, code, subject }: Reason) {
  const why = message !== '' ? message : `${code} ${subject}`.trim();
  const text = `there is no output of task ${rank} of run ${run?.epoch ?? 0}: ${why}`;
  return refuse('NOT_FOUND', 'LOG_NOT_FOUND', text);
}
