// Bugs in what is written, remembered and told: the log, its tables, restarts, watches and the gate.
import { JobTable } from '#core/job-table.ts';
import type { State } from '#core/state.ts';
import { JobState } from '#domain/states.ts';
import type { Event } from '#gen/isobar/log/v1/event.ts';
import { MemoryDisk } from '#log/memory-disk.ts';
import { Archivist } from '#loop/archive.ts';
import { Gate } from '#loop/gate.ts';
import { Group } from '#loop/group.ts';
import { Hub } from '#loop/hub.ts';
import { Loop } from '#loop/loop.ts';
import { rowsSince } from '#loop/rows.ts';
import { Outbox } from '#loop/outbox.ts';
import { ObservedLog } from './observed-log.ts';
import { planted, replace, type Bug, type Planted } from './plants.ts';

const HOUR_MS = 3_600_000;

export const LOG_BUGS: readonly Bug[] = [
  {
    bug: 'an answer leaves before the append',
    caughtBy: 'gate',
    plant: () => [replace(Gate.prototype, 'when', () => (_, release) => release())],
  },
  {
    bug: 'an append that failed is taken for one that did not',
    caughtBy: 'gate',
    plant: () => [
      replace(
        ObservedLog.prototype,
        'append',
        (append) =>
          function failing(this: ObservedLog, group, done) {
            append.call(this, group, () => done(undefined));
          },
      ),
    ],
  },
  {
    bug: 'a run keeps its room when it ends',
    caughtBy: 'rebuilt',
    plant: () => ({ releases: (run) => run % 5 !== 4 }),
  },
  {
    bug: 'idempotency keys are forgotten by a restart',
    caughtBy: '2-idempotency',
    plant: () => ({
      recovered: (state) => {
        (state as State).jobs.rowOfKey = () => undefined;
      },
    }),
  },
  {
    bug: 'an id with another payload is taken for the same job',
    caughtBy: '2-idempotency',
    plant: () => [replace(JobTable.prototype, 'hasDigest', () => () => true)],
  },
  {
    bug: 'a watch loses a record where memory ends and the log begins',
    caughtBy: '5-watch',
    plant: () => [
      replace(
        Hub.prototype,
        'read',
        (read) =>
          function skipping(this: Hub, after, done) {
            let isInside = true;
            read.call(this, after, (found, error) => {
              const skips = !isInside && found.kind === 'records' && found.records.length > 1;
              done(skips ? { ...found, records: found.records.slice(1) } : found, error);
            });
            isInside = false;
          },
      ),
    ],
  },
  {
    bug: 'a record gets no audit entry',
    caughtBy: '7-audit',
    plant: () => [
      replace(
        MemoryDisk.prototype,
        'enterAudit',
        (enter) =>
          function forgetful(this: MemoryDisk, header) {
            if (header.method !== 'leases/expire') enter.call(this, header);
          },
      ),
    ],
  },
  {
    bug: 'a record gets two audit entries',
    caughtBy: '7-audit',
    plant: () => [
      replace(
        MemoryDisk.prototype,
        'enterAudit',
        (enter) =>
          function doubled(this: MemoryDisk, header) {
            enter.call(this, header);
            if (header.method === 'leases/expire') enter.call(this, header);
          },
      ),
    ],
  },
  {
    bug: 'the audit says that the controller did what people did',
    caughtBy: '7-audit',
    plant: () => [
      replace(
        Group.prototype,
        'take',
        (take) =>
          function anonymous(this: Group, checkpoint) {
            const group = take.call(this, checkpoint);
            const records = group.records.map(({ body, audit }) => ({
              body,
              audit: { ...audit, actor: 'controller' },
            }));
            return { ...group, records };
          },
      ),
    ],
  },
  {
    bug: 'a job that is cancelled is not archived',
    caughtBy: 'archive',
    plant: () => [
      replace(
        Archivist.prototype,
        'ended',
        (ended) =>
          function forgetful(this: Archivist, events) {
            return ended.call(this, events).filter(({ state }) => state !== JobState.CANCELLED);
          },
      ),
    ],
  },
  {
    bug: 'a job is archived without its last run',
    caughtBy: 'archive',
    plant: () => [replace(Archivist.prototype, 'before', () => () => {})],
  },
  {
    bug: 'an append leaves the rows of ended jobs out',
    caughtBy: 'archive',
    plant: () => [
      replace(
        MemoryDisk.prototype,
        'write',
        (write) =>
          function partial(this: MemoryDisk, group) {
            write.call(this, { ...group, ended: group.ended.slice(1) });
          },
      ),
    ],
  },
  {
    bug: 'runs that fail are not booked',
    caughtBy: 'ledger',
    plant: () => ({
      decide: withoutEvents(
        ({ kind }) => kind?.$case === 'usageBooked' && kind.value.wasted && kind.value.startMs > 0,
      ),
    }),
  },
  {
    bug: 'a run that goes on into the next hour is booked in its first one only',
    caughtBy: 'ledger',
    plant: () => ({
      booked: (event) => {
        const hourEndMs = (Math.floor(event.reserveMs / HOUR_MS) + 1) * HOUR_MS;
        return { ...event, endMs: Math.min(event.endMs, hourEndMs) };
      },
    }),
  },
  {
    bug: 'the time of the log is that of the wall clock',
    caughtBy: 'order',
    plant: () => [
      replace(
        Loop.prototype,
        'nowMs',
        (nowMs) =>
          function jumping(this: Loop) {
            return planted.host?.running?.process.wallMs() ?? nowMs.call(this);
          },
      ),
    ],
  },
  {
    bug: 'the time of the log stands still while the wall clock is behind it',
    caughtBy: 'order',
    plant: () => [
      replace(
        Loop.prototype,
        'nowMs',
        (nowMs) =>
          function still(this: Loop) {
            const wallMs = planted.host?.running?.process.wallMs();
            return wallMs === undefined ? nowMs.call(this) : Math.max(wallMs, this.state.timeMs);
          },
      ),
    ],
  },
  {
    bug: 'the last job of a batch is answered and not written',
    caughtBy: '1-acknowledged',
    plant: () => ({
      decide: (outcome, command) => {
        const made = outcome as { events?: readonly Event[] };
        const last = made.events?.at(-1)?.kind?.$case;
        const isLost = command.kind === 'submitJobs' && last === 'jobSubmitted';
        return isLost ? { ...made, events: made.events?.slice(0, -1) } : outcome;
      },
    }),
  },
  {
    bug: 'a restart forgets a job',
    caughtBy: '1-acknowledged',
    plant: () => ({
      recovered: (of) => {
        const { jobs } = of as State;
        const rowOf = jobs.rowOf.bind(jobs);
        jobs.rowOf = (uid) => (uid % 5 === 0 ? undefined : rowOf(uid));
      },
    }),
  },
  {
    bug: 'a job comes without its specification',
    caughtBy: '1-acknowledged',
    plant: () => [
      replace(
        Archivist.prototype,
        'submitted',
        (submitted) =>
          function partial(this: Archivist, ...args) {
            return submitted.apply(this, args).slice(1);
          },
      ),
    ],
  },
  {
    bug: 'room that is given back is looked for where it is not',
    caughtBy: 'fatal',
    plant: () => ({
      releases: (run) => {
        if (run % 5 !== 4) return true;
        throw new Error('there is no such room');
      },
    }),
  },
  {
    bug: 'chance comes from elsewhere than the seed',
    caughtBy: 'repeatable',
    plant: () => [
      replace(
        Outbox.prototype,
        'start',
        (start) =>
          function moody(this: Outbox, keys) {
            start.call(this, Math.random() < 0.5 ? keys : keys.slice(1));
          },
      ),
    ],
  },
  {
    bug: 'a checkpoint holds what is not in the log yet',
    caughtBy: 'rebuilt',
    plant: () => [
      replace(
        MemoryDisk.prototype,
        'write',
        (write) =>
          function ahead(this: MemoryDisk, group) {
            const state = planted.host?.running?.loop.state;
            const { checkpoint = { deleted: [], completeFrom: undefined } } = group;
            if (state === undefined) return write.call(this, group);
            write.call(this, {
              ...group,
              checkpoint: { ...checkpoint, rows: [...rowsSince(state, 0)] },
            });
          },
      ),
    ],
  },
  {
    bug: 'a restart forgets a tenant',
    caughtBy: 'rebuilt',
    plant: () => ({ recovered: (state) => void (state as State).tenants.delete('health') }),
  },
];

/** Some events are not made. */
function withoutEvents(isLost: (event: Event) => boolean): NonNullable<Planted['decide']> {
  return (outcome) => {
    const made = outcome as { events?: readonly Event[] };
    return made.events === undefined
      ? outcome
      : { ...made, events: made.events.filter((event) => !isLost(event)) };
  };
}
