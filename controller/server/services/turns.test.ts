// Turns: in the order of their coming, a few at a time, and fewer when they take long.
import { expect, test } from 'vitest';
import type { Clock } from '#ports/clock.ts';
import { Turns } from './turns.ts';

/** Time stands still, and what is due comes round by round. */
class Rounds implements Clock {
  ms = 0;
  #due: (() => void)[] = [];

  wallMs = () => this.ms;
  bootMs = () => this.ms;
  after = () => () => {};
  soon(call: () => void): void {
    this.#due.push(call);
  }

  get isOver(): boolean {
    return this.#due.length === 0;
  }

  round(): void {
    const due = this.#due;
    this.#due = [];
    for (const call of due) call();
  }
}

function crowd(count: number, costMs: number) {
  const clock = new Rounds();
  const turns = new Turns(clock);
  const gone: number[] = [];
  const stops = Array.from({ length: count }, (_, i) =>
    turns.wait(() => {
      clock.ms += costMs;
      gone.push(i);
    }),
  );
  return { clock, turns, gone, stops };
}

/** How many went on in each round, until nobody waited. */
function slicesOf({ clock, gone }: ReturnType<typeof crowd>): number[] {
  const slices: number[] = [];
  for (let before = 0; !clock.isOver; before = gone.length) {
    clock.round();
    slices.push(gone.length - before);
  }
  return slices;
}

test('all go on, each once and in their order', () => {
  const many = crowd(1000, 0);
  slicesOf(many);
  expect(many.gone).toEqual(Array.from({ length: 1000 }, (_, i) => i));
});

test('nobody goes on within the call', () => {
  expect(crowd(1, 0).gone).toEqual([]);
});

test('those who take long go on one at a time in the end', () => {
  const slices = slicesOf(crowd(100, 1));
  expect(slices.slice(0, 3)).toEqual([16, 8, 4]);
  expect(Math.max(...slices.slice(3))).toBeLessThanOrEqual(4);
});

test('those who take no time go on in larger and larger slices', () => {
  expect(slicesOf(crowd(500, 0))).toEqual([16, 32, 64, 128, 256, 4]);
});

test('a turn that was taken back does not come', () => {
  const three = crowd(3, 0);
  three.stops[1]?.();
  slicesOf(three);
  expect(three.gone).toEqual([0, 2]);
});

test('who waits again in their turn has another one, after those who wait already', () => {
  const clock = new Rounds();
  const turns = new Turns(clock);
  const gone: string[] = [];
  turns.wait(() => {
    gone.push('a');
    turns.wait(() => gone.push('a again'));
  });
  turns.wait(() => gone.push('b'));
  while (!clock.isOver) clock.round();
  expect(gone).toEqual(['a', 'b', 'a again']);
});
