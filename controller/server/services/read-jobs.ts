// Reading jobs: live ones from memory, ended ones from the archive, with what they asked for from the log. Only ids that the
// policy has let through come here.
import { isJobFinal } from '#domain/states.ts';
import { Job, JobSpec } from '#gen/isobar/v1/job.ts';
import { look } from '#loop/ask.ts';
import type { Loop } from '#loop/loop.ts';
import { toJobView } from '#loop/views.ts';
import type { ListedJob } from '#ports/log.ts';
import type { JobRef } from '../convert/fields.ts';
import type { Parts } from './parts.ts';

/** The newest job of that id; undefined: there is none, or it ended so long ago that the archive has forgotten it. */
export async function readJob(parts: Parts, { tenant, job }: JobRef): Promise<Job | undefined> {
  const { loop, log } = parts;
  const { value: live } = await look(loop, ({ jobs }) => {
    const row = jobs.rowOfId(tenant, job);
    return row === undefined || isJobFinal(jobs.stateOf(row))
      ? undefined
      : toJobView(loop.state, row);
  });
  if (live !== undefined) return withSpec(loop, live);
  let stored = await log.getJob(tenant, job);
  if (stored === undefined) return undefined;
  if (stored.ended === undefined) {
    // It came or it ended between the two looks; a second one, after the gate, sees which.
    const again = await look(loop, ({ jobs }) => viewOfUid(loop, jobs.rowOf(stored?.uid ?? 0)));
    if (again.value !== undefined) return withSpec(loop, again.value);
    stored = await log.getJob(tenant, job);
  }
  return stored?.ended === undefined ? undefined : endedView(stored, true);
}

/** The view of a job that has not ended. */
function viewOfUid(loop: Loop, row: number | undefined): Job | undefined {
  const { jobs } = loop.state;
  if (row === undefined || isJobFinal(jobs.stateOf(row))) return undefined;
  return toJobView(loop.state, row);
}

/** Adds what only the specification says. It lies in memory while the job is young. */
async function withSpec(loop: Loop, view: Job): Promise<Job> {
  const [spec] = await readSpecs(loop, [view.uid]);
  return spec === undefined ? view : { ...view, spec, labels: spec.labels };
}

export function readSpecs(
  loop: Loop,
  uids: readonly number[],
): Promise<readonly (JobSpec | undefined)[]> {
  return new Promise((resolve, reject) => {
    loop.specs.read(uids, (specs, error) => {
      if (error !== undefined) reject(error);
      else resolve(specs.map((bytes) => bytes && JobSpec.decode(bytes)));
    });
  });
}

/** A job of a list, overlaid with what memory knows of it. */
export function endedView(stored: ListedJob, includeSpec: boolean): Job {
  const job = Job.decode(stored.ended?.body ?? new Uint8Array());
  job.labels = labelsOf(stored.labels);
  if (includeSpec) job.spec = JobSpec.decode(stored.spec);
  return job;
}

/** From the sorted `key=value` lines that the log keeps. */
export function labelsOf(lines: string): { [key: string]: string } {
  const labels: { [key: string]: string } = {};
  if (lines === '') return labels;
  for (const line of lines.split('\n')) {
    const at = line.indexOf('=');
    labels[line.slice(0, at)] = line.slice(at + 1);
  }
  return labels;
}
