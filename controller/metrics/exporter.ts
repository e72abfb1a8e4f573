// Makes a scrape. What grows with the federation is rendered straight from its figures into one text, in one go: prom-client
// keeps an object with hashed labels for each series and would hold the event loop for as long as they are many.
//
// A scrape does not wait at the gate, so its numbers may be ahead of the disk by the append under way. Whoever acts on an answer
// must be able to rely on it; a gauge is of a moment that has passed when it is read, and a counter begins anew after a restart
// anyhow. And when the disk hangs, which the gate would wait for, metrics are what tells.
import { performance } from 'node:perf_hooks';
import type { FigureSource } from '#ports/figures.ts';
import { CallMetrics } from './calls.ts';
import { METRICS, type MetricName } from './catalog.ts';
import { controllerEmitters } from './controller.ts';
import type { EmittedName, Emitters, Moment } from './emitters.ts';
import { federationEmitters } from './federation.ts';
import { ProcessMeter } from './process.ts';
import { Page, type HistogramName, type Sample } from './text.ts';

export interface ExporterOptions {
  readonly source: FigureSource;
  /** Streams that are open at the listeners. */
  readonly openStreams: () => number;
  readonly version: string;
}

const EMITTERS: Emitters = { ...federationEmitters, ...controllerEmitters };

export class Exporter {
  readonly #options: ExporterOptions;
  readonly #calls = new CallMetrics();
  readonly #process = new ProcessMeter();
  #renderSeconds = 0;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  /** Give this to the edge of every listener: a call has ended. */
  readonly observeCall = (method: string, code: string, seconds: number): void => {
    this.#calls.observe(method, code, seconds);
  };

  /** The text of a scrape, version 0.0.4. */
  async render(): Promise<string> {
    const beganMs = performance.now();
    const text = this.#renderEmitted();
    // It answers with promises, but nothing else runs before they are kept.
    const calls = await this.#calls.text();
    this.#renderSeconds = (performance.now() - beganMs) / 1000;
    return text + calls;
  }

  #renderEmitted(): string {
    const { source, openStreams, version } = this.#options;
    const moment: Moment = {
      figures: source.figures(),
      process: this.#process.read(),
      openStreams: openStreams(),
      version,
      renderSeconds: this.#renderSeconds,
    };
    const page = new Page();
    for (const name of Object.keys(EMITTERS) as EmittedName[]) emit(page, name, moment);
    return page.text;
  }

  close(): void {
    this.#process.close();
  }
}

function emit(page: Page, name: EmittedName, moment: Moment): void {
  if (isHistogram(name)) return page.histogram(name, EMITTERS[name](moment));
  // The emitter of a name takes the samples of that name, which a union of names cannot say.
  const emitter = EMITTERS[name] as (sample: Sample<never>, moment: Moment) => void;
  emitter(page.samples(name), moment);
}

function isHistogram<N extends MetricName>(name: N): name is N & HistogramName {
  return METRICS[name].type === 'histogram';
}
