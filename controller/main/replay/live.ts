// isobar replay --live: a window of a trace through the real processes, over gRPC, at some times its speed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OutputClosed } from '#cli/io.ts';
import type { Session } from '#cli/session.ts';
import { duration } from '#cli/units.ts';
import { cutAt, type Workload } from '#simulation/replay/workload.ts';
import { CpuMeter } from './cpu.ts';
import { LiveFederation } from './federation.ts';
import { atSeconds, beginNow, realMs, type Pace } from './pace.ts';
import { Progress } from './progress.ts';
import { report, type Played } from './report.ts';
import { Starts } from './starts.ts';
import { Submitter } from './submitter.ts';

/** Before a window, for the jobs that run when it begins; more of them take longer. */
const WARM_UP_MS = 500;
const WARM_UP_MS_A_JOB = 1;
const LOOK_MS = 50;

/** At so many seconds of the trace in a second. */
export async function replayLive(
  session: Session,
  workload: Workload,
  speed: number,
): Promise<void> {
  // 1. Play it.
  const folder = mkdtempSync(join(tmpdir(), 'isobar-replay-'));
  let isKept = false;
  let played: Played;
  try {
    played = await playIn(session, folder, workload, speed);
  } catch (error) {
    isKept = !session.signal.aborted && !(error instanceof OutputClosed);
    if (isKept)
      await session.note(`the logs of controller and agents are in ${join(folder, 'logs')}`);
    throw error;
  } finally {
    if (!isKept) rmSync(folder, { recursive: true, force: true });
  }
  // 2. Tell, when nothing is left that a computation could keep waiting.
  await report(session, played);
  session.signal.throwIfAborted();
}

/** Answers what was played until its end, or until the signal. */
async function playIn(
  session: Session,
  folder: string,
  workload: Workload,
  speed: number,
): Promise<Played> {
  const progress = new Progress(session);
  const beganMs = performance.now();
  const { slots, warm, endSeconds } = workload;
  await session.print(
    `Starting a federation: a controller, an agent for each of ${slots.size} sites, mutual TLS on loopback`,
  );
  const federation = await LiveFederation.start(session, progress, folder, slots);
  const over = new AbortController();
  try {
    await progress.print(`  all have joined after ${duration(performance.now() - beganMs)}`);
    // 1. What happens is noted from the first job on.
    const { user } = federation;
    const signal = AbortSignal.any([session.signal, over.signal]);
    const starts = new Starts(user, workload, speed);
    const following = starts.follow((await user.federation.get()).revision, signal);
    const failure = Promise.race([federation.failed, onlyFailure(following)]);
    // 2. The sites become as full as they would be.
    const submitter = new Submitter(user, workload, speed);
    await Promise.race([failure, warmUp(submitter, warm, signal)]);
    if (warm > 0) {
      const waiting = warm - starts.started;
      const others = waiting === 0 ? '' : `; for ${waiting} more there is no room`;
      await progress.print(`  ${starts.started} jobs run that do when the window begins${others}`);
    }
    // 3. The window.
    await session.print(
      `Playing ${duration(endSeconds * 1000)} at ${speed} times its speed, in ${duration(realMs(speed, endSeconds))}`,
    );
    const cpu = await CpuMeter.start(federation);
    const pace = beginNow(speed);
    const submitting = submitter.play(pace, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    const under = { progress, workload, starts, submitter, pace };
    await Promise.race([failure, onlyFailure(submitting), untilOver(under, signal)]);
    const isCut = session.signal.aborted;
    const end = isCut ? Math.min(endSeconds, atSeconds(pace)) : endSeconds;
    const used = await cpu.read();
    // 4. What happened until then, to the last event.
    over.abort();
    await following;
    await starts.catchUp();
    return { workload: cutAt(workload, end), pace, starts, submitter, used };
  } catch (error) {
    throw session.signal.aborted ? error : await federation.causeOf(error);
  } finally {
    over.abort();
    await progress.clear();
    await federation.end();
  }
}

/** Settles only when the other fails. */
async function onlyFailure(other: Promise<void>): Promise<never> {
  await other;
  return new Promise(() => {});
}

async function warmUp(submitter: Submitter, warm: number, signal: AbortSignal): Promise<void> {
  if (warm === 0) return;
  const beginMs = performance.now() + WARM_UP_MS + warm * WARM_UP_MS_A_JOB;
  await submitter.warmUp(beginMs, signal);
  await sleep(Math.max(0, beginMs - performance.now()), undefined, { signal });
}

interface Under {
  readonly progress: Progress;
  readonly workload: Workload;
  readonly starts: Starts;
  readonly submitter: Submitter;
  readonly pace: Pace;
}

/** Until its time is over, until nothing more can happen, or until the signal. */
async function untilOver(
  { progress, workload, starts, submitter, pace }: Under,
  signal: AbortSignal,
): Promise<void> {
  const { jobs, warm, endSeconds } = workload;
  while (!signal.aborted) {
    const seconds = atSeconds(pace);
    if (seconds >= endSeconds || starts.ended === jobs.length) return;
    const running = starts.started - starts.ended;
    const waiting = warm + submitter.submitted - starts.started;
    await progress.share(
      seconds / endSeconds,
      `${duration(seconds * 1000)}: ${submitter.submitted} of ${jobs.length - warm} submitted, ${running} running, ${waiting} waiting`,
    );
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
