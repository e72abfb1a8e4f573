// A disk that is full: the controller says so and ends, and what it acknowledged is there when there is room again.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXIT } from '#cli/exit.ts';
import { JobState } from '#domain/states.ts';
import { isobar } from './testbed/command.ts';
import { Customer } from './testbed/customer.ts';
import { brief, linesOf } from './testbed/tasks.ts';
import { until } from './testbed/until.ts';
import { useFederations } from './testbed/use-federations.ts';

const SIZE_MIB = 32;
/** Room that is left for the log once the disk is filled: some hundred jobs. */
const LEFT_BYTES = 300_000;
const CYCLES = 3;
const FULL =
  'failed (database or disk is full, SQLite 13): make room on the disk, then start again\n';

const succeeds = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
const mounts = (place: string): boolean =>
  succeeds('mount', '-t', 'tmpfs', '-o', `size=${SIZE_MIB}m`, 'tmpfs', place);
const unmounts = (place: string): boolean => succeeds('umount', '-l', place);

function canMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'isobar-probe-'));
  const could = mounts(place);
  if (could) unmounts(place);
  else console.warn('skipped: a full disk needs the right to mount a small tmpfs');
  rmdirSync(place);
  return could;
}

describe.skipIf(!canMount())('a full disk', () => {
  const start = useFederations();
  let place: string;

  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'isobar-disk-'));
    if (!mounts(place)) throw new Error(`${place} could not be mounted`);
  });
  // Behind the end of the federation, which was set up before.
  afterEach(() => {
    unmounts(place);
    rmSync(place, { recursive: true, force: true });
  });

  /** Until so much is left. */
  function fill(name: string, leftBytes: number): void {
    const { bavail, bsize } = statfsSync(place);
    try {
      writeFileSync(join(place, name), Buffer.alloc(Math.max(0, bavail * bsize - leftBytes)));
    } catch (error) {
      // Somebody else has filled it in between.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    }
  }

  test('ends the controller with words that say it, and loses nothing that was acknowledged', async () => {
    const controllerDir = join(place, 'controller');
    mkdirSync(controllerDir);
    const federation = await start({ controllerDir });
    const { user, report } = federation;
    const customer = new Customer(user, { ...brief(report), set: 'steady' });
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      fill('ballast', LEFT_BYTES);
      const enough = new AbortController();
      const load = customer.submitUntil(enough.signal);
      expect(await federation.controller.ended).toBe(`ended with code ${EXIT.NO_FILE}`);
      expect(federation.logs()).toContain(`error: writing the log ${FULL}`);
      fill('last', 0);
      const refused = await isobar(federation.controllerArgs());
      expect(refused).toMatchObject({ code: EXIT.NO_FILE, stderr: expect.stringContaining(FULL) });
      for (const name of ['ballast', 'last']) rmSync(join(place, name));
      await federation.startController();
      enough.abort();
      await load;
    }
    await federation.joined();
    await until('all jobs have ended', async () => {
      const jobs = await user.jobs.list({ set: 'steady' }).all();
      return jobs.every(({ state }) => state === JobState.SUCCEEDED);
    });
    const jobs = await user.jobs.list({ set: 'steady' }).all();
    const known = [...customer.acknowledged.values()].toSorted((a, b) => a - b);
    expect(jobs.map(({ uid }) => uid).toSorted((a, b) => a - b)).toEqual(known);
    const ends = linesOf(report).filter(({ word }) => word === 'end');
    expect(ends.map(({ uid }) => uid).toSorted((a, b) => a - b)).toEqual(known);
    expect(await federation.operator.audit.verify()).toMatchObject({ intact: true });
  }, 240_000);
});
