// What must hold of the loop that runs, at every moment.
import type { Running } from './host.ts';
import { check } from './violation.ts';
import type { World } from './world.ts';

export class Live {
  readonly #world: World;
  /** When the log's time was looked at last. */
  #before:
    | { readonly running: Running; readonly logMs: number; readonly bootMs: number }
    | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  check(): void {
    this.checkAgreement();
    this.#checkTime();
  }

  /** Plan and decision follow each other in one turn, so nothing can have changed between them. */
  checkAgreement(): void {
    const dropped = this.#world.host.running?.loop.stats.dropped ?? 0;
    check(dropped === 0, 'agree', () => `decide dropped ${dropped} placements of the scheduler`);
  }

  /** The log's time goes on at half the speed of the machine's boot time at least, whatever its wall clock does. */
  #checkTime(): void {
    const { host, machine } = this.#world;
    const { running } = host;
    if (running === undefined) return;
    const now = { running, logMs: running.loop.nowMs(), bootMs: machine.bootMs() };
    const before = this.#before;
    this.#before = now;
    if (before?.running !== running) return;
    const [logMs, bootMs] = [now.logMs - before.logMs, now.bootMs - before.bootMs];
    check(
      // Wall clocks show whole milliseconds: where it falls behind one, up to one is lost.
      logMs + 1 >= Math.floor(bootMs / 2),
      'order',
      () => `the time of the log went on by ${logMs} ms in ${bootMs} ms`,
    );
  }
}
