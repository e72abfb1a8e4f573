// What a live replay measured, beside what the same window gives on the virtual clock.
import type { Session } from '#cli/session.ts';
import { Table } from '#cli/table.ts';
import { Figures, type Result } from '#simulation/replay/figures.ts';
import { pooledWait } from '#simulation/replay/pooled.ts';
import { replayWorkload } from '#simulation/replay/replay.ts';
import type { Workload } from '#simulation/replay/workload.ts';
import type { CpuUse } from './cpu.ts';
import type { Pace } from './pace.ts';
import type { Starts } from './starts.ts';
import type { Submitter } from './submitter.ts';

export interface Played {
  /** As far as it was played. */
  readonly workload: Workload;
  readonly pace: Pace;
  readonly starts: Starts;
  readonly submitter: Submitter;
  readonly used: CpuUse;
}

export async function report(session: Session, played: Played): Promise<void> {
  const { workload, pace, starts, submitter, used } = played;
  const live = resultOf(played);
  const virtual = replayWorkload(workload);
  const rows = live.rows.map((row, i) => ({ ...row, virtual: virtual.rows[i]?.value ?? '' }));
  const columns = [
    {
      title: 'IN TIME OF THE TRACE',
      shrinks: 'end' as const,
      cell: ({ what }: (typeof rows)[number]) => what,
    },
    { title: 'LIVE', cell: ({ value }: (typeof rows)[number]) => value },
    { title: 'VIRTUAL CLOCK', cell: ({ virtual: value }: (typeof rows)[number]) => value },
  ];
  await session.print();
  for (const line of new Table(columns, session.io.stdout, session.paint).lines(rows))
    await session.print(line);
  await session.print(
    `one queue before all ${workload.total} CPUs: mean wait ${pooledWait(workload).toFixed(1)} s`,
  );
  await session.print();
  // What is not the want of room is the machinery's, and at this speed each of its milliseconds counts as many.
  const real = (seconds: number): string => ms((seconds * 1000) / pace.speed);
  await session.print(
    `In real time the wait is ${real(live.meanWaitSeconds)} on average, p99 ${real(live.p99WaitSeconds)}; 1 ms counts as ${pace.speed / 1000} s of the trace.`,
  );
  await session.print(`${submitter.submitted} jobs were submitted, ${lateness(submitter)} late.`);
  await session.print(
    `The controller took ${used.controller.toFixed(2)} CPUs, agents and submitter ${used.here.toFixed(2)}.`,
  );
  if (starts.failed > 0) await session.print(`${starts.failed} jobs did not end well.`);
}

function resultOf({ workload, pace, starts }: Played): Result {
  const figures = new Figures(workload);
  for (const number of workload.jobs.keys()) {
    const wallMs = starts.wallMs[number] ?? -1;
    const at = ((wallMs - pace.beginWallMs) / 1000) * pace.speed;
    if (wallMs !== -1 && at <= workload.endSeconds)
      figures.started(number, starts.sites[number] ?? 0, at);
  }
  return figures.result();
}

function lateness({ lateMs, submitted }: Submitter): string {
  const late = lateMs.subarray(0, submitted).toSorted();
  const mean = late.reduce((sum, one) => sum + one, 0) / Math.max(1, late.length);
  const p99 = late[Math.floor(late.length * 0.99)] ?? 0;
  return `on average ${ms(mean)}, p99 ${ms(p99)}, at most ${ms(late.at(-1) ?? 0)}`;
}

function ms(value: number): string {
  return value < 1000 ? `${value.toFixed(1)} ms` : `${(value / 1000).toFixed(1)} s`;
}
