// An hour of a real grid, its busiest, through 170 agents.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isobar } from '../testbed/command.ts';
import { killProcessesOf, processesOf } from '../testbed/processes-of.ts';

const LCG = join(import.meta.dirname, '../../../../shared/traces/LCG.swf.gz');
const isThere = existsSync(LCG);
if (!isThere) console.log(`the live replay of a real trace is skipped: ${LCG} is not there`);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-live-'));
});

afterEach(async () => {
  await killProcessesOf(folder);
  rmSync(folder, { recursive: true, force: true });
});

// A real trace is not part of the checkout.
test.skipIf(!isThere)('an hour of a real grid is played, and nothing is left of it', async () => {
  const args = ['replay', LCG, '--live', '--speed', '60', '--for', '1h'];
  const { code, stdout, stderr } = await isobar(args, {
    env: { TMPDIR: folder },
    withinMs: 400_000,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('an agent for each of 170 sites');
  const [, ran, came, onVirtual] = /^jobs that ran +(\d+) of (\d+) +(\d+) of/m.exec(stdout) ?? [];
  expect(Number(came)).toBeGreaterThan(500);
  expect(onVirtual).toBe(came);
  // Those that came last may still be on their way.
  expect(Number(ran)).toBeGreaterThan(Number(came) - 50);
  expect(stdout).not.toContain('did not end well');
  expect(processesOf(folder)).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});
