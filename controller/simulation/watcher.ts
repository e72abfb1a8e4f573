// A watcher: it follows all records, at its own pace, resumes where it was after every restart, and compares with the log.
import type { Event } from '#gen/isobar/log/v1/event.ts';
import type { Running } from './host.ts';
import { check } from './violation.ts';
import type { World } from './world.ts';

export class Watcher {
  readonly #world: World;
  readonly #slownessMs: number;
  #position = 0;
  #running: Running | undefined;
  #isReading = false;

  constructor(world: World, slownessMs: number) {
    this.#world = world;
    this.#slownessMs = slownessMs;
  }

  get position(): number {
    return this.#position;
  }

  /** A controller is up: goes on where it was. */
  resume(running: Running): void {
    if (this.#position > 0) this.#world.counts.add('watch resumed after a restart');
    this.#running = running;
    this.#isReading = false;
    this.#read(running);
  }

  #read(running: Running): void {
    if (this.#running !== running || this.#isReading || !running.process.isAlive) return;
    this.#isReading = true;
    const { counts } = this.#world;
    const from = this.#position;
    let isInside = true;
    running.loop.hub.read(from, (read, error) => {
      if (this.#running !== running) return;
      this.#isReading = false;
      check(error === undefined, '5-watch', () => `a watch failed: ${error?.message ?? ''}`);
      if (read.kind === 'tooOld') {
        check(
          read.oldest > from + 1,
          '5-watch',
          () => `a watch after ${from} was told that ${read.oldest} is the oldest`,
        );
        counts.add('watch told that it is too old');
        this.#position = read.oldest - 1;
        return this.#soon(running);
      }
      if (read.records.length > 0)
        counts.add(isInside ? 'watch read from memory' : 'watch read from the log');
      for (const record of read.records) this.#take(record);
      if (read.records.length > 0) return this.#soon(running);
      check(
        this.#position >= running.loop.hub.durable,
        '5-watch',
        () => `a watch at ${from} got nothing though ${running.loop.hub.durable} is durable`,
      );
      running.loop.hub.onMore(() => this.#soon(running));
    });
    isInside = false;
  }

  #take(record: { readonly revision: number; readonly events: readonly Event[] }): void {
    const { model, eventCounts } = this.#world;
    check(
      record.revision === this.#position + 1,
      '5-watch',
      () => `record ${record.revision} came after ${this.#position}`,
    );
    check(
      record.revision <= model.revision,
      'gate',
      () => `record ${record.revision} was shown before it was durable`,
    );
    const expected = eventCounts[record.revision - 1];
    check(
      record.events.length === expected,
      '5-watch',
      () =>
        `record ${record.revision} was shown with ${record.events.length} events of ${expected ?? 0}`,
    );
    this.#position = record.revision;
  }

  #soon(running: Running): void {
    this.#world.timeline.after(this.#slownessMs, () =>
      running.process.deliver(() => this.#read(running)),
    );
  }
}
