// The messages that every executor makes in the same way.
import { RunState } from '#domain/states.ts';
import { type Reason as Why, type ReasonCode, reason, sentenceOf } from '#domain/reasons.ts';
import type { RunReport } from '#gen/isobar/v1/agent.ts';
import type { Reason, Resources } from '#gen/isobar/v1/resources.ts';
import type { RunKey } from '#ports/executor.ts';

/** A reason as it is sent: with its sentence. */
export function reasonOf(
  code: ReasonCode,
  fields: Partial<Omit<Why, 'code' | 'dataCenter'>> = {},
): Reason {
  const why = reason(code, fields);
  return { ...why, message: sentenceOf(why) };
}

export function isLive(phase: RunState): boolean {
  return phase < RunState.SUCCEEDED;
}

/** A report of a run that has nothing yet to say but its phase. */
export function reportOf(run: RunKey, phase: RunState): RunReport {
  return {
    jobUid: run.jobUid,
    index: run.index,
    epoch: run.epoch,
    phase,
    ageMillis: 0,
    exitCode: 0,
    reason: undefined,
    lastLines: [],
    runMillis: 0,
  };
}

export function amounts(cpuMillis: number, memoryMib: number, storageMib: number): Resources {
  return { cpuMillis, memoryMib, storageMib, extra: {}, deviceThousandths: 0, devices: [] };
}
