import { expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import type { Clock } from '#ports/clock.ts';
import type { Random } from '#ports/random.ts';
import { Agent, assignmentOf, key, variable } from './agent.contract.ts';
import { type Behaviour, executorContract } from './contract.ts';
import { amounts } from './reports.ts';
import { simulatedNodes } from './simulated-nodes.ts';
import { SimulatedExecutor, type SimulatedOptions } from './simulated.ts';

executorContract('the simulated executor', async () => placeOf({}));

test('what a specification leaves open is chosen by chance, the same from the same seed', async () => {
  const ends = [];
  for (const seed of [1, 1, 2]) {
    const place = placeOf({ random: randomOf(seed) });
    const agent = await Agent.open(place);
    agent.executor.start(assignmentOf(key(1), [{ command: ['true'] }]));
    ends.push((await agent.ended(key(1))).runMillis);
  }
  expect(ends[0]).toBe(ends[1]);
  expect(ends[0]).not.toBe(ends[2]);
});

test('the expected run time is taken at its word', async () => {
  const agent = await Agent.open(placeOf({}));
  agent.executor.start(assignmentOf(key(1), [{}], { expectedRunTime: { seconds: 90, nanos: 0 } }));
  expect((await agent.ended(key(1))).runMillis).toBe(90_000);
});

test('run times can be given, and then no specification is decoded', async () => {
  const agent = await Agent.open(placeOf({ runTime: () => ({ ms: 5, exitCode: 9 }) }));
  agent.executor.start({ ...assignmentOf(key(1), [{}]), spec: Buffer.from('not a message') });
  expect(await agent.ended(key(1))).toMatchObject({ phase: RunState.FAILED, exitCode: 9 });
});

test('staging takes its time when it is told to', async () => {
  const place = placeOf({ stageMs: 40, runTime: () => ({ ms: 5, exitCode: 0 }) });
  const agent = await Agent.open(place);
  agent.executor.start(assignmentOf(key(1), [{}]));
  await agent.ended(key(1));
  expect(agent.phases(key(1))).toEqual([RunState.STAGING, RunState.RUNNING, RunState.SUCCEEDED]);
  expect(place.clock.bootMs()).toBe(1045);
});

test('an agent that crashed is not told any more, the next one is', async () => {
  const place = placeOf({});
  const crashed = await Agent.open(place);
  crashed.executor.start(assignmentOf(key(1), [place.task({ ms: 100 })]));
  const next = await Agent.open(place);
  expect(next.opened.runs).toMatchObject([{ jobUid: 1, phase: RunState.RUNNING }]);
  await next.ended(key(1));
  expect(crashed.ends(key(1))).toBe(0);
});

test('a reboot loses what ran and keeps what had ended', async () => {
  const place = placeOf({});
  const agent = await Agent.open(place);
  agent.executor.start(assignmentOf(key(1), [place.task({ ms: 1 })]));
  agent.executor.start(assignmentOf(key(2), [place.task({ ms: Infinity })]));
  await agent.ended(key(1));
  place.simulated.reboot();
  expect((await Agent.open(place)).opened.runs).toMatchObject([
    { jobUid: 1, phase: RunState.SUCCEEDED },
    { jobUid: 2, phase: RunState.STOPPED, reason: { code: 'LOST' } },
  ]);
});

test('one that has stopped its runs keeps nobody waiting for its fence', async () => {
  const place = placeOf({});
  const agent = await Agent.open(place);
  agent.executor.setFence(600_000);
  agent.executor.start(assignmentOf(key(1), [place.task({ ms: Infinity })]));
  await agent.executor.close({ stopRuns: true });
  expect(place.clock.step()).toBe(false);
});

test('nodes come and go', async () => {
  const place = placeOf({});
  const { simulated } = place;
  const [first] = simulatedNodes(1, randomOf(1));
  if (first === undefined) throw new Error('one was asked for');
  simulated.changeNodes([{ ...first, removed: true }]);
  simulated.changeNodes([{ ...first, node: 'new', allocatable: amounts(1, 2, 3) }]);
  expect((await Agent.open(place)).opened.nodes.map((node) => node.node)).toEqual(['new']);
});

function placeOf(options: Partial<SimulatedOptions>) {
  const clock = new StepClock();
  const simulated = new SimulatedExecutor({
    clock,
    random: randomOf(1),
    nodes: simulatedNodes(1, randomOf(1)),
    ...options,
  });
  return {
    clock,
    simulated,
    executor: () => simulated,
    task: ({ ms, exitCode = 0, lines = 0, ignoresStop = false }: Behaviour) => ({
      env: [
        variable(
          'SIMULATE',
          `ms=${ms === Infinity ? 'never' : ms},exit=${exitCode},lines=${lines},stop=${ignoresStop ? 'never' : 0}`,
        ),
      ],
    }),
    async until(what: string, holds: () => boolean): Promise<void> {
      while (!holds())
        if (!clock.step()) throw new Error(`nothing is left to happen, and not ${what}`);
    },
    async dispose(): Promise<void> {},
  };
}

/** Time that goes from one thing that is due to the next. */
class StepClock implements Clock {
  #nowMs = 1000;
  readonly #due: { atMs: number; call: () => void }[] = [];

  wallMs(): number {
    return this.#nowMs;
  }

  bootMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, call: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, call };
    this.#due.push(entry);
    return () => {
      const place = this.#due.indexOf(entry);
      if (place !== -1) this.#due.splice(place, 1);
    };
  }

  soon(call: () => void): void {
    this.after(0, call);
  }

  /** False when nothing is due any more. */
  step(): boolean {
    const next = this.#due.toSorted((a, b) => a.atMs - b.atMs)[0];
    if (next === undefined) return false;
    this.#due.splice(this.#due.indexOf(next), 1);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.call();
    return true;
  }
}

function randomOf(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return { next, bytes: (count) => Uint8Array.from({ length: count }, () => next() * 256) };
}
