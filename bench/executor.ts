// What the executors cost: `node bench/executor.ts`. A line is `name value unit target met|missed`; lines with # are the
// conditions.
import { availableParallelism, loadavg, release } from 'node:os';
import { LocalPlace, availableIsolations } from '#agent/executors/local/machine.contract.ts';
import { assignmentOf } from '#agent/executors/agent.contract.ts';
import { SimulatedExecutor } from '#agent/executors/simulated.ts';
import { isRunFinal, type RunState } from '#domain/states.ts';
import type { Assignment } from '#gen/isobar/v1/agent.ts';
import type { Clock } from '#ports/clock.ts';
import type { Executor } from '#ports/executor.ts';
import type { Random } from '#ports/random.ts';

const LOCAL_RUNS = 1000;
const LOCAL_TARGET = 100;
/** As many as a busy data center has under way, so that the queue of the simulator is of a real size. */
const LIVE_RUNS = 10_000;
const SIMULATED_RUNS = 1_000_000;
const SIMULATED_TARGET = 500_000;

/** From the first order to the last end that was reported and forgotten, all under way at once. */
async function local(isolation: ReturnType<typeof availableIsolations>[number]): Promise<void> {
  const place = new LocalPlace({ isolation });
  const executor = place.executor();
  const ended = new Promise<number>((resolve) => {
    void measure(executor, LOCAL_RUNS, resolve);
  });
  const perSecond = await ended;
  await executor.close({ stopRuns: true });
  await place.dispose();
  print(`local_starts_${isolation}`, perSecond, 'runs/s', LOCAL_TARGET);
}

async function measure(
  executor: Executor,
  runs: number,
  done: (perSecond: number) => void,
): Promise<void> {
  let left = runs;
  let beganMs = 0;
  await executor.open({
    runChanged: (report) => {
      if (!isRunFinal(report.phase as RunState)) return; // executors report phases that both tables know
      if (report.exitCode !== 0) throw new Error(`run ${report.jobUid} failed`);
      executor.forget(report);
      left -= 1;
      if (left === 0) done((runs / (performance.now() - beganMs)) * 1000);
    },
    nodesChanged: () => {},
  });
  beganMs = performance.now();
  for (let uid = 1; uid <= runs; uid += 1) {
    executor.start(assignmentOf({ jobUid: uid, index: 0, epoch: 1 }, [{ command: ['/bin/true'] }]));
  }
}

/** Starts, ends and forgets runs of random length with 10,000 under way. The clock is as cheap as a clock can be. */
async function simulated(): Promise<void> {
  const clock = new BenchClock();
  const random = randomOf(1);
  const runTime = (): { ms: number; exitCode: number } => ({
    ms: Math.ceil(random.next() * 2 * LIVE_RUNS),
    exitCode: 0,
  });
  const executor = new SimulatedExecutor({ clock, random, nodes: [], runTime });
  let ended = 0;
  await executor.open({
    runChanged: (report) => {
      if (!isRunFinal(report.phase as RunState)) return; // executors report phases that both tables know
      ended += 1;
      executor.forget(report);
    },
    nodesChanged: () => {},
  });
  const template = assignmentOf({ jobUid: 1, index: 0, epoch: 1 }, [{ command: ['true'] }]);
  const beganMs = performance.now();
  for (let jobUid = 1; jobUid <= SIMULATED_RUNS; jobUid += 1) {
    const assignment: Assignment = { ...template, run: { jobUid, index: 0, epoch: 1 } };
    executor.start(assignment);
    clock.pass(1);
  }
  clock.pass(Infinity);
  if (ended !== SIMULATED_RUNS) throw new Error(`${ended} of ${SIMULATED_RUNS} ended`);
  const perSecond = (SIMULATED_RUNS / (performance.now() - beganMs)) * 1000;
  print('simulated_runs', perSecond, 'runs/s', SIMULATED_TARGET);
}

function print(name: string, value: number, unit: string, target: number): void {
  const verdict = value >= target ? 'met' : 'missed';
  console.log(`${name} ${Math.round(value)} ${unit} ${target} ${verdict}`);
}

/** One timer is all that the simulated executor has set at a time, so one is all that this has room for. */
class BenchClock implements Clock {
  #nowMs = 0;
  #dueMs = Infinity;
  #call: () => void = () => {};

  wallMs(): number {
    return this.#nowMs;
  }

  bootMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, call: () => void): () => void {
    this.#dueMs = this.#nowMs + delayMs;
    this.#call = call;
    return () => {
      this.#dueMs = Infinity;
    };
  }

  soon(call: () => void): void {
    call();
  }

  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.#dueMs <= untilMs && this.#dueMs < Infinity) {
      this.#nowMs = this.#dueMs;
      this.#dueMs = Infinity;
      this.#call();
    }
    if (untilMs < Infinity) this.#nowMs = untilMs;
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

console.log(
  `# Linux ${release()}, ${availableParallelism()} CPUs, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(2)}`,
);
await simulated();
for (const isolation of availableIsolations()) await local(isolation);
