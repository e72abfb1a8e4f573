// Runs: placed by the scheduler, reported by agents, lost with leases. The epoch fences: nothing that an older run says counts.
import { jobName, runName } from '#domain/names.ts';
import { reason } from '#domain/reasons.ts';
import { refuse } from '#domain/refusal.ts';
import { DataCenterState, isRunFinal, JobState, mayRunMove, RunState } from '#domain/states.ts';
import type { RunPart } from '#gen/isobar/log/v1/entity.ts';
import type { Event, RunChanged, RunReserved } from '#gen/isobar/log/v1/event.ts';
import { NONE } from './columns.ts';
import {
  accept,
  toReasonEntity,
  type ExpireLease,
  type ForgetRun,
  type JoinAnswer,
  type JoinDataCenter,
  type Outcome,
  type ReportAnswer,
  type ReportRuns,
  type RunKey,
  type RunReport,
} from './command.ts';
import { dataCenterStateEvent, noSuchDataCenter } from './data-centers.ts';
import { countJob } from './jobs.ts';
import type { Ended } from './job-events.ts';
import { inventoryEvents } from './nodes.ts';
import { classOf, requeue } from './queue.ts';
import { freeAllocations, occupy, release } from './room.ts';
import { endRunEvents, runChangedEvent, UnreachablePolicy, type RunMove } from './run-events.ts';
import { allocationsOf, isAhead, type DataCenter, type State } from './state.ts';

/** An agent begins a session: what it has and what the log says are made one. */
export function decideJoin(
  state: State,
  command: JoinDataCenter,
  nowMs: number,
): Outcome<JoinAnswer> {
  const dataCenter = state.dataCenters.get(command.id);
  if (dataCenter === undefined) return noSuchDataCenter(command.id);
  const events = joinEvents(dataCenter, command);
  events.push(...inventoryEvents(state, dataCenter, command.nodes));
  const ended: Ended = new Set();
  const reported = reportEvents(state, dataCenter, command.runs, nowMs, events, ended);
  const named = new Map(command.runs.map((run) => [keyText(run), run]));
  const adopt: RunKey[] = [];
  const stop: RunKey[] = [...reported.stop];
  const send: RunKey[] = [];
  for (const run of dataCenter.runs) {
    const key = keyOfRun(state, run);
    const report = named.get(keyText(key));
    if (report !== undefined) {
      if (isRunFinal(report.phase)) continue;
      if (state.jobs.stateOf(state.runs.job[run]!) === JobState.STOPPING) stop.push(key);
      else adopt.push(key);
    } else if (state.runs.stateOf(run) === RunState.RESERVED) {
      // It never got there, or was lost with an agent that had not begun it: there is nothing that could run twice.
      if (state.jobs.stateOf(state.runs.job[run]!) === JobState.STOPPING) {
        events.push(
          ...endRunEvents(state, run, { to: RunState.STOPPED, timeMs: nowMs }, nowMs, ended),
        );
      } else send.push(key);
    } else {
      const why = toReasonEntity(reason('LOST', { dataCenter: command.id }));
      events.push(
        ...endRunEvents(
          state,
          run,
          { to: RunState.STOPPED, timeMs: nowMs, reason: why },
          nowMs,
          ended,
        ),
      );
    }
  }
  return accept(events, { adopt, stop, forget: reported.forget, send });
}

/** Only the first agent makes a data center active: what people closed stays closed, whoever comes back. */
function joinEvents(dataCenter: DataCenter, command: JoinDataCenter): Event[] {
  const { id, executor, placement, offers } = command;
  const joined = { executor, placement, executorOffers: [...offers] };
  if (dataCenter.state === DataCenterState.REGISTERED) {
    return [
      dataCenterStateEvent(id, DataCenterState.JOINING, joined),
      dataCenterStateEvent(id, DataCenterState.ACTIVE),
    ];
  }
  const isSame =
    dataCenter.executor === executor &&
    dataCenter.placement === placement &&
    dataCenter.executorOffers.join(' ') === offers.join(' ');
  return isSame ? [] : [dataCenterStateEvent(id, dataCenter.state, joined)];
}

export function decideReportRuns(
  state: State,
  command: ReportRuns,
  nowMs: number,
): Outcome<ReportAnswer> {
  const dataCenter = state.dataCenters.get(command.dataCenter);
  if (dataCenter === undefined) return noSuchDataCenter(command.dataCenter);
  const events: Event[] = [];
  const answer = reportEvents(state, dataCenter, command.runs, nowMs, events, new Set());
  return accept(events, answer);
}

/** Reports of runs that are not the newest of their job, or not of this data center, are answered and change nothing. */
function reportEvents(
  state: State,
  dataCenter: DataCenter,
  reports: readonly RunReport[],
  nowMs: number,
  events: Event[],
  ended: Ended,
): { readonly stop: RunKey[]; readonly forget: RunKey[] } {
  const stop: RunKey[] = [];
  const forget: RunKey[] = [];
  for (const report of lastOfEach(reports)) {
    const key = { uid: report.uid, index: report.index, epoch: report.epoch };
    const run = liveRun(state, key);
    const isFinal = isRunFinal(report.phase);
    if (isFinal) forget.push(key);
    if (run === undefined || !dataCenter.runs.has(run)) {
      if (!isFinal) stop.push(key);
      continue;
    }
    if (!mayRunMove(state.runs.stateOf(run), report.phase)) continue;
    const move = toMove(report, state.runs.reserveMs[run]!, state.runs.startMs[run]!, nowMs);
    if (isFinal) events.push(...endRunEvents(state, run, move, nowMs, ended));
    else events.push(runChangedEvent(state, run, move));
  }
  return { stop, forget };
}

/** A task cannot begin before its room was reserved, nor end before it began, whatever the clocks say. */
function toMove(
  report: RunReport,
  reserveMs: number,
  knownStartMs: number,
  nowMs: number,
): RunMove {
  const timeMs = Math.min(nowMs, Math.max(report.timeMs, reserveMs, knownStartMs));
  const startMs = report.runMs > 0 ? Math.max(reserveMs, timeMs - report.runMs) : 0;
  const { phase: to, exitCode, reason: why, lastLines } = report;
  return { to, timeMs, startMs, exitCode, reason: why, lastLines };
}

/** Of several phases of one run in a message only the last one matters: an end tells how long its tasks ran. */
function lastOfEach(reports: readonly RunReport[]): Iterable<RunReport> {
  if (reports.length < 2) return reports;
  const last = new Map<string, RunReport>();
  for (const report of reports) last.set(keyText(report), report);
  return last.values();
}

/** A data center was not heard from for longer than its lease. Each job says what it wants then. */
export function decideExpireLease(
  state: State,
  command: ExpireLease,
  nowMs: number,
): Outcome<{ readonly replacedRuns: number }> {
  const dataCenter = state.dataCenters.get(command.dataCenter);
  if (dataCenter === undefined) return noSuchDataCenter(command.dataCenter);
  if (dataCenter.session !== undefined) {
    // It came back between the look at its lease and this decision: what it adopted must not be started again elsewhere.
    return refuse(
      'FAILED_PRECONDITION',
      'DATA_CENTER_REACHABLE',
      `data center ${command.dataCenter} is connected again`,
    );
  }
  const why = toReasonEntity(reason('LEASE_EXPIRED', { dataCenter: command.dataCenter }));
  const events: Event[] = [];
  const ended: Ended = new Set();
  let replacedRuns = 0;
  // Youngest first: those that come back to a queue then each go to its head.
  const runs = [...dataCenter.runs].toSorted((a, b) => uidOfRun(state, b) - uidOfRun(state, a));
  for (const run of runs) {
    const jobClass = classOf(state, state.runs.job[run]!);
    if (jobClass.entity.unreachable === UnreachablePolicy.WAIT) {
      if (state.runs.stateOf(run) === RunState.UNKNOWN) continue;
      events.push(
        runChangedEvent(state, run, { to: RunState.UNKNOWN, timeMs: nowMs, reason: why }),
      );
    } else {
      events.push(
        ...endRunEvents(
          state,
          run,
          { to: RunState.FENCED, timeMs: nowMs, reason: why },
          nowMs,
          ended,
        ),
      );
      replacedRuns++;
    }
  }
  return accept(events, { replacedRuns });
}

/**
 * An operator vouches that a run is gone. Nobody can vouch for one that is still on its way: its agent would start it after all,
 * beside the new one, until its lease is over.
 */
export function decideForgetRun(
  state: State,
  command: ForgetRun,
  actor: string,
  nowMs: number,
): Outcome<undefined> {
  const { tenant, job, index, epoch } = command;
  const row = state.jobs.rowOfId(tenant, job);
  if (row === undefined)
    return refuse('NOT_FOUND', 'JOB_NOT_FOUND', `there is no ${jobName(tenant, job)}`);
  const run = liveRun(state, { uid: state.jobs.uid[row]!, index, epoch });
  if (run === undefined) {
    return refuse(
      'NOT_FOUND',
      'RUN_NOT_FOUND',
      `${runName(tenant, job, index, epoch)} is not live`,
    );
  }
  const dataCenter = state.dataCenterList[state.runs.dataCenter[run]!];
  if (dataCenter?.session !== undefined) {
    const message = `its data center ${dataCenter.entity.id} is connected and would know; requeue or cancel the job instead`;
    return refuse('FAILED_PRECONDITION', 'DATA_CENTER_REACHABLE', message);
  }
  if (state.runs.stateOf(run) === RunState.RESERVED && dataCenter?.isLeaseOver !== true) {
    const where = dataCenter?.entity.id ?? '';
    const message = `it may still be on its way to data center ${where}, which would start it; try again when nothing was heard of it for longer than its lease`;
    return refuse('FAILED_PRECONDITION', 'RUN_UNDER_WAY', message);
  }
  const why = toReasonEntity(reason('FORGOTTEN', { subject: actor }));
  const end = { to: RunState.FENCED, timeMs: nowMs, reason: why };
  return accept(endRunEvents(state, run, end, nowMs, new Set()), undefined);
}

/** The live run of a job, if it is exactly this one. */
export function liveRun(state: State, key: RunKey): number | undefined {
  const row = state.jobs.rowOf(key.uid);
  if (row === undefined || state.jobs.epoch[row] !== key.epoch) return undefined;
  const run = state.jobs.run[row]!;
  return run === NONE || state.runs.index[run] !== key.index ? undefined : run;
}

function keyOfRun(state: State, run: number): RunKey {
  const job = state.runs.job[run]!;
  return {
    uid: state.jobs.uid[job]!,
    index: state.runs.index[run]!,
    epoch: state.jobs.epoch[job]!,
  };
}

function uidOfRun(state: State, run: number): number {
  return state.jobs.uid[state.runs.job[run]!]!;
}

/** The run as one word, for maps. */
export function keyText(key: RunKey): string {
  return `${key.uid}-${key.index}-${key.epoch}`;
}

export function foldRunReserved(state: State, event: RunReserved): void {
  const { jobs, derived } = state;
  const row = jobs.rowOf(event.uid);
  if (row === undefined || isAhead(state, 'job', event.uid, state.revision)) return;
  if (derived.live) countJob(state, row, -1);
  jobs.state[row] = JobState.RUNNING;
  jobs.epoch[row] = event.epoch;
  jobs.notBeforeMs[row] = 0;
  jobs.reasons.delete(row);
  jobs.revision[row] = state.revision;
  const run = addRun(state, row, event.index, event.parts, RunState.RESERVED, state.timeMs);
  state.runs.decision[run] = event.decision;
  if (!derived.live) return;
  countJob(state, row, 1);
  requeue(state, row);
  startHolding(state, run);
}

export function addRun(
  state: State,
  job: number,
  index: number,
  parts: readonly RunPart[],
  runState: RunState,
  reserveMs: number,
): number {
  const run = state.runs.add(job, index, runState, reserveMs);
  state.jobs.run[job] = run;
  if (state.parts === undefined) allocate(state, run, parts);
  else state.parts.set(run, parts);
  return run;
}

/** Notes what a run holds, and where. */
export function allocate(state: State, run: number, parts: readonly RunPart[]): void {
  const first = state.dataCenters.get(parts[0]?.dataCenter ?? '');
  state.runs.dataCenter[run] = first?.index ?? 0;
  for (const part of parts) {
    const dataCenter = state.dataCenters.get(part.dataCenter);
    for (const held of part.allocations) {
      const node = dataCenter?.nodes.get(held.node);
      // A node lives as long as a run holds room on it.
      if (node === undefined)
        throw new Error(`run row ${run} is on node ${held.node}, which is not there`);
      const devices = held.devices.map((device, i) => ({
        device,
        thousandths: held.thousandths[i] ?? 0,
      }));
      state.runs.allocation[run] = state.allocations.add(
        node,
        held.group,
        held.tasks,
        devices,
        state.runs.allocation[run]!,
      );
    }
  }
}

/** A run takes its room and is found by its data centers. */
export function startHolding(state: State, run: number): void {
  occupy(state, run);
  for (const dataCenter of dataCentersOf(state, run)) dataCenter.runs.add(run);
}

export function foldRunChanged(state: State, event: RunChanged): void {
  const row = state.jobs.rowOf(event.uid);
  if (row === undefined || isAhead(state, 'job', event.uid, state.revision)) return;
  const run = state.jobs.run[row]!;
  if (run === NONE || state.jobs.epoch[row] !== event.epoch) return;
  // Only states of the table are ever written.
  const to = event.state as RunState;
  state.jobs.revision[row] = state.revision;
  if (!isRunFinal(to)) {
    state.runs.state[run] = to;
    if (to === RunState.RUNNING && state.runs.startMs[run] === 0) {
      state.runs.startMs[run] = event.startMs > 0 ? event.startMs : event.timeMs;
    }
    return;
  }
  if (state.derived.live) {
    release(state, run);
    for (const dataCenter of dataCentersOf(state, run)) dataCenter.runs.delete(run);
  }
  freeAllocations(state, run);
  state.runs.remove(run);
  state.jobs.run[row] = NONE;
}

function dataCentersOf(state: State, run: number): Set<DataCenter> {
  const found = new Set<DataCenter>();
  const first = state.dataCenterList[state.runs.dataCenter[run]!];
  if (first !== undefined) found.add(first);
  for (const allocation of allocationsOf(state, run)) {
    const dataCenter =
      state.dataCenterList[state.nodes.dataCenter[state.allocations.node[allocation]!]!];
    if (dataCenter !== undefined) found.add(dataCenter);
  }
  return found;
}
