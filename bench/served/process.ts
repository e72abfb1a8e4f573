// The controller of a benchmark, as it is served, in a process of its own: what only this process can measure, it answers when it
// is asked. Nothing of it is replaced; it is asked beside its work, over the channel to the process that forked it.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Hub } from '#loop/hub.ts';
import { controllerSchema } from '#main/config.ts';
import { startController } from '#main/controller.ts';
import { SILENT } from '#ports/telemetry.ts';
import { nowMs, type Memory } from './measures.ts';

/** A sample says how late a timer of 1 ms came; that millisecond is none of the delay. */
const RESOLUTION_MS = 1;

interface Delay {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const durableMs: number[] = [];
rememberWhenDurable();

const [dataDir = ''] = process.argv.slice(2);
const controller = await startController(
  {
    ...controllerSchema.parse({
      dataDir,
      listen: { api: '127.0.0.1:0', enrolment: '127.0.0.1:0', metrics: '127.0.0.1:0' },
    }),
    onFatal(error) {
      throw error;
    },
  },
  { ...SILENT, error: (message, fields) => console.error(message, fields) },
);
let delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

const QUESTIONS = {
  memory: settledMemory,
  startDelay(): undefined {
    delay.disable();
    delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delay.enable();
  },
  delay(): Delay {
    const at = (percent: number): number => toDelayMs(delay.percentile(percent));
    return { p50: at(50), p99: at(99), p999: at(99.9), max: toDelayMs(delay.max) };
  },
  /** Since its start, of all threads. */
  cpuMs(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  /** When each revision became durable, as `nowMs` tells it. */
  durable: () => Float64Array.from(durableMs),
  async stop(): Promise<undefined> {
    await controller.stop();
  },
} satisfies Readonly<Record<string, () => unknown>>;

export type Question = keyof typeof QUESTIONS;
export type AnswerTo<Q extends Question> = Awaited<ReturnType<(typeof QUESTIONS)[Q]>>;

process.on('message', ({ id, question }: { id: number; question: Question }) => {
  void answer(id, question);
});
process.send?.({ id: 0, answer: controller.listens });

async function answer(id: number, question: Question): Promise<void> {
  process.send?.({ id, answer: await QUESTIONS[question]() });
  if (question === 'stop') process.exit();
}

/** A record is published to the watches in the moment in which its append has returned. */
function rememberWhenDurable(): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with the hub as `this`, below
  const { publish } = Hub.prototype;
  Hub.prototype.publish = function (record, body) {
    durableMs[record.revision] = nowMs();
    publish.call(this, record, body);
  };
}

function toDelayMs(nanos: number): number {
  return Math.max(0, nanos / 1e6 - RESOLUTION_MS);
}

/** What stays when garbage is gone: freed pages go back to the system only some time after a collection. */
async function settledMemory(): Promise<Memory> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { rss, heapUsed, arrayBuffers };
}
