// States compared as text: what was recovered with what was folded live, and at the end what the controller holds with both.
import { observe } from '#core/observe.ts';
import { releaseDelayed } from '#core/queue.ts';
import type { State } from '#core/state.ts';
import { digest } from '#core/testing-digest.ts';
import type { ObservedLog } from './observed-log.ts';
import { check } from './violation.ts';
import type { World } from './world.ts';

/** A state that a restart made. */
export function checkRecovered(world: World, state: State, log: ObservedLog): void {
  const { counts, model, callers } = world;
  const { head } = log;
  if (head.lastRevision === 0) counts.add('recovery of an empty log');
  if (head.checkpointRevision > 0) counts.add('recovery from a checkpoint');
  if (log.rowsAhead > 0) counts.add('recovery with rows ahead of the checkpoint');
  world.note(`recovered revision ${state.revision} from ${head.checkpointRevision}`);
  for (const [uid, { name }] of callers.acknowledged) {
    const isThere = state.jobs.rowOf(uid) !== undefined || model.forgotten.has(uid);
    check(isThere, '1-acknowledged', () => `${name} was acknowledged and is gone after a restart`);
  }
  compare(model.shadow, state, 'recovered');
}

/** At the end, when all is quiet. */
export function checkSame(world: World): void {
  const { running } = world.host;
  if (running === undefined) return;
  const { state } = running.loop;
  check(
    state.revision === world.model.revision,
    'rebuilt',
    () => `${state.revision} is folded, ${world.model.revision} durable`,
  );
  for (const dataCenter of state.dataCenters.values()) {
    dataCenter.session = undefined;
    const none = { cpuMillis: 0, memoryMib: 0, storageMib: 0 };
    for (const node of dataCenter.nodes.keys()) {
      observe(state, { kind: 'foreignUse', dataCenter: dataCenter.entity.id, node, ...none });
    }
  }
  compare(world.model.shadow, state, 'live');
}

/** Room grows and falls with the fold only, so a job whose waiting time is over is let in first, in both. */
function compare(shadow: State, state: State, what: string): void {
  for (const each of [shadow, state]) releaseDelayed(each, Math.max(shadow.timeMs, state.timeMs));
  const [expected, actual] = [linesOf(shadow), linesOf(state)];
  if (expected === actual) return;
  const [a, b] = [expected.split('\n'), actual.split('\n')];
  const inA = new Set(a);
  const inB = new Set(b);
  const missing = a.filter((line) => !inB.has(line)).slice(0, 4);
  const extra = b.filter((line) => !inA.has(line)).slice(0, 4);
  check(
    false,
    'rebuilt',
    () => `expected\n  ${missing.join('\n  ')}\n${what}\n  ${extra.join('\n  ')}`,
  );
}

/** Without positions, which are nothing but places in memory. */
function linesOf(state: State): string {
  return digest(state).replaceAll(/"index":\d+,/g, '');
}

const AUDITED = ['timeMs', 'actor', 'method', 'requestId', 'tenant', 'eventCount'] as const;

/** Each record has one entry, in the same order, that says the same, and the chain holds. */
export function checkAudit({ disk, model }: World): void {
  const entries = disk.listAudit({
    tenants: undefined,
    peopleOnly: false,
    beforeRevision: 0,
    limit: Infinity,
  });
  const isComplete = entries.length === model.revision;
  check(
    isComplete,
    '7-audit',
    () => `${model.revision} records have ${entries.length} audit entries`,
  );
  for (const [i, entry] of entries.toReversed().entries()) {
    const expected = model.audited[i]!; // as many as there are entries
    const isRight =
      entry.revision === i + 1 && AUDITED.every((field) => entry[field] === expected[field]);
    check(
      isRight,
      '7-audit',
      () => `entry ${i + 1} says ${JSON.stringify(entry)} of ${JSON.stringify(expected)}`,
    );
  }
  check(
    disk.verifyAudit().firstBadRevision === undefined,
    '7-audit',
    () => 'the chain of the audit is broken',
  );
}

/** What was written to the archive is still in it, and nothing else. */
export function checkArchive({ disk, model }: World): void {
  const jobs = disk.listJobs({
    tenants: undefined,
    jobSet: '',
    user: '',
    labels: [],
    beforeUid: 0,
    limit: Infinity,
    withSpec: true,
  });
  for (const { uid, tenant, job, spec, ended } of jobs) {
    const expected = model.archive.ended.get(uid);
    const isRight =
      ended?.state === expected?.state &&
      (expected === undefined || expected.name === `${tenant}/${job}`);
    check(
      isRight,
      'archive',
      () => `job ${uid} ended as ${expected?.state}, the archive says ${ended?.state}`,
    );
    const stored = model.specs.get(uid);
    check(
      stored !== undefined && Buffer.from(stored).equals(spec),
      'archive',
      () => `job ${uid} has another specification in the archive`,
    );
  }
  check(
    jobs.length === model.specs.size,
    'archive',
    () => `${model.specs.size} jobs were submitted, ${jobs.length} are in the archive`,
  );
}
