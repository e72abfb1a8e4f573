// kill -9 at a moment that nobody chose: what was acknowledged is there, in whole groups, with its chains intact.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Appender, faultsIn } from './appender.contract.ts';

const directory = mkdtempSync(join(tmpdir(), 'isobar-kill-'));
let appender: Appender | undefined;
afterEach(() => {
  appender?.kill();
  rmSync(directory, { recursive: true, force: true });
});

test('killed five times, nothing lost', { timeout: 60_000 }, async () => {
  let acknowledged = 0;
  for (let cycle = 1; cycle <= 5; cycle++) {
    appender = new Appender(directory, { seed: cycle });
    await appender.answered(20 + Math.floor(Math.random() * 200));
    appender.kill();
    const end = await appender.ended();
    expect(end.failure).toBeUndefined();
    expect(end.acknowledged).toBeGreaterThan(acknowledged);
    acknowledged = end.acknowledged;
    expect(await faultsIn(directory, acknowledged)).toEqual([]);
  }
});
