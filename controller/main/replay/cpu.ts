// What a replay takes of the machine's CPUs while its window is played.
import type { LiveFederation } from './federation.ts';

/** CPUs on average. */
export interface CpuUse {
  readonly controller: number;
  /** Agents, submitter and watch. */
  readonly here: number;
}

export class CpuMeter {
  readonly #federation: LiveFederation;
  readonly #controllerSeconds: number;
  readonly #here = process.cpuUsage();
  readonly #beginMs = performance.now();

  private constructor(federation: LiveFederation, controllerSeconds: number) {
    this.#federation = federation;
    this.#controllerSeconds = controllerSeconds;
  }

  static async start(federation: LiveFederation): Promise<CpuMeter> {
    return new CpuMeter(federation, await federation.controllerCpuSeconds());
  }

  /** Since the start. */
  async read(): Promise<CpuUse> {
    const seconds = (performance.now() - this.#beginMs) / 1000;
    const { user, system } = process.cpuUsage(this.#here);
    const controllerSeconds = await this.#federation.controllerCpuSeconds();
    return {
      controller: (controllerSeconds - this.#controllerSeconds) / seconds,
      here: (user + system) / 1e6 / seconds,
    };
  }
}
