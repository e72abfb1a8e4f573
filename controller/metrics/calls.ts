// Calls at the edge, in a registry of prom-client: their labels are known only when a call ends, and they are few enough (methods
// of the policy by codes) that its hashing of labels costs nothing that matters.
import { Counter, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricName } from './catalog.ts';

const CALLS = 'isobar_grpc_calls_total';
const SECONDS = 'isobar_grpc_call_seconds';

/** What lies in the registry. */
export type RegistryName = Extract<MetricName, typeof CALLS | typeof SECONDS>;

export class CallMetrics {
  readonly #registry = new Registry();
  readonly #calls = new Counter({ ...describe(CALLS), registers: [this.#registry] });
  readonly #seconds = new Histogram({
    ...describe(SECONDS),
    buckets: [...METRICS[SECONDS].buckets],
    registers: [this.#registry],
  });

  /** A call has ended; `method` as `/isobar.v1.JobService/SubmitJobs`, `code` as `OK` or `NOT_FOUND`. */
  observe(method: string, code: string, seconds: number): void {
    const name = method.startsWith('/') ? method.slice(1) : method;
    this.#calls.inc({ method: name, code });
    this.#seconds.observe({ method: name }, seconds);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function describe<N extends RegistryName>(
  name: N,
): {
  readonly name: N;
  readonly help: string;
  readonly labelNames: (typeof METRICS)[N]['labels'][number]['name'][];
} {
  const { help, labels } = METRICS[name];
  return { name, help, labelNames: labels.map((label) => label.name) };
}
