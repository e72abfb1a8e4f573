// One emitter for each metric of the catalog: a metric without one does not compile, and neither does one that is not in the
// catalog or gives it other labels.
import type { Figures, Observed } from '#ports/figures.ts';
import type { MetricName } from './catalog.ts';
import type { RegistryName } from './calls.ts';
import type { ProcessFigures } from './process.ts';
import type { HistogramName, Sample, SampleName } from './text.ts';

/** What a scrape is made from. */
export interface Moment {
  readonly figures: Figures;
  readonly process: ProcessFigures;
  readonly openStreams: number;
  readonly version: string;
  /** Of the scrape before this one; 0 for the first. */
  readonly renderSeconds: number;
}

/** Metrics that are not kept in the registry of prom-client. */
export type EmittedName = Exclude<MetricName, RegistryName>;

export type Emitters = { readonly [N in EmittedName]: EmitterOf<N> };

type EmitterOf<N extends EmittedName> = N extends HistogramName
  ? (moment: Moment) => Observed
  : N extends SampleName
    ? (sample: Sample<N>, moment: Moment) => void
    : never;
