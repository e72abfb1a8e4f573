// RunService: the live attempts of jobs.
import { runName } from '#domain/names.ts';
import { RunServiceService, type Run } from '#gen/isobar/v1/run.ts';
import type { State } from '#loop/requests.ts';
import { toRunView } from '#loop/views.ts';
import { NOT_FOUND, ofTenant } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import { idsOf, tenantsConcern } from '../convert/fields.ts';
import { numberOf, pageOf, tokenOf } from '../convert/paging.ts';
import { RefusalError } from '../errors.ts';
import type { CallContext } from '../running-call.ts';
import { Best } from './best.ts';
import { unary } from './checked.ts';
import { change, readAt, type Parts } from './parts.ts';
import { readJob } from './read-jobs.ts';
import { seesOf } from './scope.ts';

export function runHandlers(parts: Parts): Handlers<RunServiceService> {
  return {
    listRuns: unary(
      (request, wrong) => {
        const { tenant, concern } = tenantsConcern(request.parent, 'parent', wrong);
        const { size, after } = pageOf(request, 'runs', wrong);
        const { dataCenter, minRevision } = request;
        const afterUid = numberOf(after, 'page_token', wrong);
        return { concern, parsed: { tenant, dataCenter, size, afterUid, minRevision } };
      },
      async (query, context) => {
        const { value, revision } = await readAt(parts, query.minRevision, context, (state) => {
          // The lowest uids are the highest of their negatives.
          const best = new Best<number>(query.size + 1);
          for (const { run, uid } of runsOf(state, query, context)) best.offer(-uid, run);
          const found = best.take();
          const last = found[query.size - 1];
          const uid = last === undefined ? 0 : state.jobs.uid[state.runs.job[last]!]!;
          return {
            runs: found.slice(0, query.size).map((run) => toRunView(state, run)),
            nextPageToken: found.length > query.size ? tokenOf('runs', String(uid)) : '',
          };
        });
        return { ...value, revision };
      },
    ),
    forgetRun: unary(
      ({ name, validateOnly }, wrong) => {
        const [tenant = '', job = '', run = ''] =
          idsOf('tenants/*/jobs/*/runs/*', name, 'name', wrong) ?? [];
        const [, index, epoch] = /^(\d{1,9})-(\d{1,9})$/.exec(run) ?? [];
        if (tenant !== '' && epoch === undefined) wrong('name', 'must end in runs/{index}-{epoch}');
        const parsed = { tenant, job, index: Number(index), epoch: Number(epoch), validateOnly };
        return { concern: tenant === '' ? undefined : ofTenant(tenant), parsed };
      },
      async ({ tenant, job, index, epoch, validateOnly }, context) => {
        const before = parts.loop.state;
        const live = liveRunView(before, tenant, job);
        const command = { kind: 'forgetRun', tenant, job, index, epoch } as const;
        await change(parts, context, command, validateOnly, () => undefined);
        // It is gone from memory: its last moment is in the archive if its job ended with it, or what was seen before.
        const after = validateOnly ? undefined : (await readJob(parts, { tenant, job }))?.run;
        const run = after?.name === runName(tenant, job, index, epoch) ? after : live;
        if (run === undefined) throw new RefusalError(NOT_FOUND);
        return run;
      },
    ),
  };
}

interface RunsQuery {
  readonly tenant: string | undefined;
  readonly dataCenter: string;
  readonly afterUid: number;
}

function* runsOf(
  state: State,
  { tenant, dataCenter, afterUid }: RunsQuery,
  context: CallContext,
): Iterable<{ readonly run: number; readonly uid: number }> {
  const { jobs } = state;
  const sees = seesOf(state, context, tenant);
  const rows = dataCenter === '' ? allRuns(state) : (state.dataCenters.get(dataCenter)?.runs ?? []);
  for (const run of rows) {
    const job = state.runs.job[run]!;
    const uid = jobs.uid[job]!;
    if (uid > afterUid && sees(jobs.tenantOf(job))) yield { run, uid };
  }
}

function* allRuns(state: State): Iterable<number> {
  // A free row has no job.
  for (let run = 0; run < state.runs.end; run++) if (state.runs.job[run]! >= 0) yield run;
}

function liveRunView(state: State, tenant: string, job: string): Run | undefined {
  const row = state.jobs.rowOfId(tenant, job);
  const run = row === undefined ? -1 : state.jobs.run[row]!;
  return run < 0 ? undefined : toRunView(state, run);
}
