// What the process is and takes: memory, time, and how late its event loop is.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { PERCENTILES } from './catalog.ts';

export interface ProcessFigures {
  readonly delaySeconds: Readonly<Record<(typeof PERCENTILES)[number], number>>;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly cpuSeconds: number;
  readonly startSeconds: number;
  readonly nodeVersion: string;
}

export class ProcessMeter {
  readonly #delays = new DelayMeter();
  readonly #startSeconds = (Date.now() - process.uptime() * 1000) / 1000;

  read(): ProcessFigures {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return {
      delaySeconds: this.#delays.read(performance.now()),
      residentBytes: rss,
      heapBytes: heapUsed,
      cpuSeconds: (user + system) / 1e6,
      startSeconds: this.#startSeconds,
      nodeVersion: process.versions.node,
    };
  }

  close(): void {
    this.#delays.close();
  }
}

/** How often it looks. What it measures is the time from look to look, so this much of each is no delay. */
const RESOLUTION_MS = 10;
const WINDOW_MS = 30_000;

/**
 * Percentiles over a whole life say nothing, and a histogram that each scrape empties shows two scrapers half of it each. So
 * there are two, begun half a minute apart; the older one is read, and emptied once the younger one is old enough to take over.
 */
class DelayMeter {
  #older = begin(0);
  #younger = begin(0);

  read(nowMs: number): ProcessFigures['delaySeconds'] {
    if (nowMs - this.#younger.sinceMs >= WINDOW_MS) {
      const emptied = this.#older;
      emptied.histogram.reset();
      this.#older = this.#younger;
      this.#younger = { histogram: emptied.histogram, sinceMs: nowMs };
    }
    const { histogram } = this.#older;
    const secondsAt = (percentile: (typeof PERCENTILES)[number]): number => {
      if (histogram.count === 0) return 0;
      return Math.max(0, histogram.percentile(Number(percentile)) / 1e9 - RESOLUTION_MS / 1e3);
    };
    return {
      '50': secondsAt('50'),
      '99': secondsAt('99'),
      '99.9': secondsAt('99.9'),
      '100': secondsAt('100'),
    };
  }

  close(): void {
    this.#older.histogram.disable();
    this.#younger.histogram.disable();
  }
}

function begin(sinceMs: number): {
  readonly histogram: ReturnType<typeof monitorEventLoopDelay>;
  readonly sinceMs: number;
} {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return { histogram, sinceMs };
}
