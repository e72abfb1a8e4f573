// Who waits is woken by what concerns them, is told from where on, and has missed nothing when they were not.
import { expect, test } from 'vitest';
import { Hub, type Published } from '#loop/hub.ts';
import { controllerInMemory } from '#simulation/controller.ts';
import { realClock } from '../testbed.ts';
import { Piece } from './event-cache.ts';
import { Turns } from './turns.ts';
import { type Interest, WatchBoard } from './watch-board.ts';

type Words = { readonly tenant?: string; readonly jobSet?: string; readonly job?: string };

const ALL: Interest = { kind: 'jobs', jobSet: '', job: '' };

/** A board over a hub of its own; `happen` publishes one record of these events. */
function board(keptEvents = 1000) {
  const { log } = controllerInMemory(realClock);
  const hub = new Hub(log, 0, { keptEvents });
  const pieces = new Map<number, readonly Piece[]>();
  const due: (() => void)[] = [];
  const turns = new Turns({ ...realClock, soon: (call) => void due.push(call) });
  const watches = new WatchBoard(hub, turns, ({ revision }) => pieces.get(revision) ?? []);
  return {
    hub,
    wait(interest: Interest) {
      const woken: number[] = [];
      const waiting = watches.wait(interest, hub.durable, (position) => woken.push(position));
      return { woken, ...waiting };
    },
    happen(...events: readonly Words[]): void {
      const revision = hub.durable + 1;
      const shown = events.map(({ tenant = 't', jobSet = '', job = 'j' }) => {
        return new Piece({ tenant, jobSet, job, event: EVENT });
      });
      pieces.set(revision, shown);
      const record: Published = { revision, timeMs: 0, actor: '', events: [{ kind: undefined }] };
      hub.publish(record, new Uint8Array());
      hub.wake();
    },
    settle(): void {
      for (let call = due.shift(); call !== undefined; call = due.shift()) call();
    },
  };
}

const EVENT = {
  revision: 1,
  time: undefined,
  kind: '',
  resource: '',
  tenant: '',
  jobSet: '',
  state: '',
  dataCenter: '',
  epoch: 0,
  reason: undefined,
  exitCode: 0,
  actor: '',
};

test.each<readonly [string, Interest, Words, boolean]>([
  ['everything, by any job', ALL, { job: 'a' }, true],
  ['everything, by no data center', ALL, { tenant: '', job: '' }, false],
  ['the federation, by a data center', { kind: 'federation' }, { tenant: '', job: '' }, true],
  ['the federation, by no job', { kind: 'federation' }, { job: 'a' }, false],
  ['a set, by a job of it', { kind: 'jobs', jobSet: 's', job: '' }, { jobSet: 's' }, true],
  ['a set, by no job of another', { kind: 'jobs', jobSet: 's', job: '' }, { jobSet: 'r' }, false],
  [
    'a set, by no job that is called so',
    { kind: 'jobs', jobSet: 's', job: '' },
    { job: 's' },
    false,
  ],
  ['a job, by itself', { kind: 'jobs', jobSet: '', job: 'a' }, { jobSet: 's', job: 'a' }, true],
  ['a job, by no other', { kind: 'jobs', jobSet: '', job: 'a' }, { jobSet: 'a', job: 'b' }, false],
])('who watches %s', (_, interest, event, isWoken) => {
  const it = board();
  const { woken } = it.wait(interest);
  it.happen(event);
  it.settle();
  expect(woken).toEqual(isWoken ? [0] : []);
});

test('the revision that they are told is the last one before what concerns them', () => {
  const it = board();
  const { woken } = it.wait({ kind: 'jobs', jobSet: 's', job: '' });
  it.happen({ jobSet: 'r' });
  it.happen({ jobSet: 'r' }, { jobSet: 's' });
  it.happen({ jobSet: 's' });
  it.settle();
  expect(woken).toEqual([1]);
});

test('who was not woken has missed nothing up to the newest revision', () => {
  const it = board();
  const waiting = it.wait({ kind: 'jobs', jobSet: 's', job: '' });
  it.happen({ jobSet: 'r' });
  it.happen({ jobSet: 'r' });
  expect(waiting.position()).toBe(2);
});

test('who is woken and not yet gone on stands before what concerns them', () => {
  const it = board();
  const waiting = it.wait({ kind: 'jobs', jobSet: 's', job: '' });
  it.happen({ jobSet: 'r' });
  it.happen({ jobSet: 's' });
  it.happen({ jobSet: 'r' });
  expect(waiting.position()).toBe(1);
});

test('who stopped waiting is not woken, not even in their turn', () => {
  const it = board();
  const [early, late] = [it.wait(ALL), it.wait(ALL)];
  early.stop();
  it.happen({});
  late.stop();
  it.settle();
  expect([early.woken, late.woken]).toEqual([[], []]);
});

test('what happened while nobody waited wakes nobody', () => {
  const it = board();
  it.wait(ALL).stop();
  it.happen({});
  const waiting = it.wait(ALL);
  it.settle();
  expect([waiting.woken, waiting.position()]).toEqual([[], 1]);
});

test('who waits while another one was woken is woken by what comes next', () => {
  const it = board();
  it.wait(ALL);
  it.happen({});
  const second = it.wait(ALL);
  it.settle();
  expect(second.woken).toEqual([]);
  it.happen({});
  it.settle();
  expect(second.woken).toEqual([1]);
});

test('records that cannot be read any more wake everybody', () => {
  const it = board();
  const { woken } = it.wait({ kind: 'jobs', jobSet: 's', job: '' });
  it.hub.read = (_, done) => done({ kind: 'tooOld', oldest: 5 });
  it.happen({ jobSet: 'r' });
  it.settle();
  expect(woken).toEqual([0]);
});
