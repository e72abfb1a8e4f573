// What an agent is told until it answers: stops, also of runs that the log has given up.
import { describe, expect, test } from 'vitest';
import { SILENT } from '#ports/telemetry.ts';
import { controllerInMemory } from '#simulation/controller.ts';
import { Machine } from '#simulation/machine.ts';
import { Timeline } from '#simulation/timeline.ts';
import { Outbox } from './outbox.ts';

/** No job has this uid: to the log its run is not live. */
const FENCED = { uid: 7, index: 0, epoch: 1 };

function outboxOf(key = FENCED) {
  const timeline = new Timeline();
  const clock = new Machine(timeline);
  const { loop } = controllerInMemory(clock);
  let stops = 0;
  const outbox = new Outbox({
    dataCenter: 'north',
    loop,
    clock,
    telemetry: SILENT,
    send: (message) => {
      if (message.$case === 'stops') stops += message.value.runs.length;
    },
  });
  return {
    outbox,
    key,
    /** How often its stop was sent so far. */
    stops: () => stops,
    /** Time passes, and the sessions look for what is late, as they do every two seconds. */
    wait: (seconds: number) => {
      for (let second = 0; second < seconds; second += 2) {
        timeline.nowMs += 2_000;
        outbox.resend();
      }
    },
  };
}

describe('the stop of a run that the log has given up', () => {
  test('is sent again until its agent says that it has ended', () => {
    const { outbox, key, stops, wait } = outboxOf();
    outbox.stop([key]);
    wait(30);
    expect(stops()).toBe(4);
    outbox.answered([{ key, isFinal: false }]);
    wait(10);
    expect(stops()).toBe(5);
    outbox.answered([{ key, isFinal: true }]);
    wait(100);
    expect(stops()).toBe(5);
  });
  test('that the welcome names is sent again too', () => {
    const { outbox, key, stops, wait } = outboxOf();
    outbox.expectStop([key]);
    wait(10);
    expect(stops()).toBe(1);
  });
  test('is not sent with every report of the run, which each stop makes the agent send', () => {
    const { outbox, key, stops, wait } = outboxOf();
    for (let reports = 0; reports < 100; reports++) outbox.stop([key]);
    expect(stops()).toBe(1);
    wait(10);
    expect(stops()).toBe(2);
  });
  test('is not sent for ever, but again when the run is heard of again', () => {
    const { outbox, key, stops, wait } = outboxOf();
    outbox.stop([key]);
    wait(2 * 3600);
    expect(stops()).toBe(360);
    outbox.stop([key]);
    expect(stops()).toBe(361);
  });
});
