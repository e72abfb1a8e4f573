// Waiting for jobs on the command line: a line for each that ends, and the exit code that they make together.
import { idOf } from '#client/names.ts';
import { type Job, JobState } from '#client/types.ts';
import type { Selection } from '#client/jobs.ts';
import { EXIT } from './exit.ts';
import { harmless } from './paint.ts';
import type { Session } from './session.ts';
import { jobState, placesOf, reasonText, spanText, toneOf } from './words.ts';

/** Jobs in the order in which they were named, or of a set in which they ended. */
export async function waitFor(
  session: Session,
  selection: Selection,
  summary = true,
): Promise<Job[]> {
  const client = await session.client();
  const ended: Job[] = [];
  const options = {
    signal: session.signal,
    onResume: (_error: unknown, _revision: number, delayMs: number) => {
      if (delayMs > 1000) session.note('connection lost, still waiting').catch(() => undefined);
    },
  };
  session.io.interrupted.addEventListener('abort', () => {
    session.note('not waiting any longer; the jobs go on').catch(() => undefined);
  });
  for await (const job of client.jobs.endings(selection, options)) {
    ended.push(job);
    await session.print(endLine(session, job));
    for (const line of job.state === JobState.FAILED ? (job.run?.lastLines ?? []) : []) {
      await session.note(`  ${harmless(line)}`);
    }
  }
  if (summary && ended.length > 1) {
    const good = ended.filter(({ state }) => state === JobState.SUCCEEDED).length;
    await session.note(`${good} of ${ended.length} succeeded`);
  }
  return typeof selection === 'object' && 'set' in selection ? ended : inOrder(ended, selection);
}

/** The exit code of the first job that did not succeed. */
export function exitOfJobs(jobs: readonly Job[]): number {
  const bad = jobs.find(({ state }) => state !== JobState.SUCCEEDED);
  if (bad === undefined) return EXIT.OK;
  // Cancelled, or lost without a task that failed: there is no code of its own.
  return bad.exitCode > 0 && bad.exitCode < 256 ? bad.exitCode : EXIT.FAILED;
}

function endLine(session: Session, job: Job): string {
  const state = jobState(job.state);
  const place = placesOf(job.run);
  const where = place === '' ? '' : ` in ${place}`;
  const time = spanText(job.startTime, job.endTime, session.io.now());
  const why = reasonText(job.reason);
  const after = time === '' ? '' : ` after ${time}`;
  const because = state === 'succeeded' || why === '' ? '' : `: ${harmless(why)}`;
  return `job ${idOf(job.name)} ${session.paint(state, toneOf(state))}${where}${after}${because}`;
}

function inOrder(ended: readonly Job[], selection: string | readonly string[]): Job[] {
  const names = typeof selection === 'string' ? [selection] : selection;
  const place = ({ name }: Job): number => {
    const index = names.findIndex((one) => name === one || name.endsWith(`/${idOf(one)}`));
    return index < 0 ? names.length : index;
  };
  return ended.toSorted((a, b) => place(a) - place(b));
}
