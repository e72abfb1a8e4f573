// What is written into cgroups, in directories that look like them. That the kernel does what they say is tested in
// trees.test.ts, where it gives us the controllers.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeCgroup, openCgroups, ranOutOfMemory, weightOf } from './cgroup.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'isobar-cgroup-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A directory with the files that the kernel would put there. */
function cgroup(path: string, files: Readonly<Record<string, string>>): string {
  const directory = join(root, path);
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

/** The probe is let in, as far as the kernel goes; `controllers` are what the cgroup of all tasks gets. */
const enter =
  (controllers: string) =>
  (probe: string): boolean => {
    writeFileSync(join(dirname(probe), 'cgroup.controllers'), controllers);
    return true;
  };

describe('the cgroup of all tasks', () => {
  const KILL = { 'cgroup.kill': '' };

  test('is beside the agent in its unit, when the agent has a group of its own there', () => {
    const unit = cgroup('isobar.service', { 'cgroup.controllers': 'cpu io memory pids' });
    cgroup('isobar.service/isobar-1/probe', KILL);
    const own = cgroup('isobar.service/agent', {});
    const opened = openCgroups('1', enter('cpu memory'), own);
    expect(opened).toEqual({ path: join(unit, 'isobar-1'), controllers: ['memory', 'cpu'] });
    // Written one by one: what is not to be had does not keep the others away. The last one stands in the file.
    expect(readFileSync(join(unit, 'cgroup.subtree_control'), 'utf8')).toBe('+cpu');
  });

  test.each(['session-4.scope', 'system.slice/isobar.service', 'user@7.service/init.scope'])(
    'is within %s, where no manager has made room beside it',
    (path) => {
      const own = cgroup(path, { 'cgroup.controllers': '' });
      cgroup(`${path}/isobar-1/probe`, KILL);
      const opened = openCgroups('1', enter(''), own);
      expect(opened).toEqual({ path: join(own, 'isobar-1'), controllers: [] });
    },
  );

  test('does not exist where a tree cannot be killed as one, or nobody can be moved into it', () => {
    const own = cgroup('session-4.scope', {});
    expect(openCgroups('1', enter(''), own)).toBeUndefined();
    cgroup('session-4.scope/isobar-1/probe', KILL);
    expect(openCgroups('1', () => false, own)).toBeUndefined();
  });
});

describe('the cgroup of a task', () => {
  const asked = { memoryMib: 256, cpuMillis: 1500 };
  const told = (name: string): string => readFileSync(join(root, 'task', name), 'utf8');

  test('holds what the task asked for', () => {
    cgroup('task', { 'memory.swap.max': 'max' });
    makeCgroup(join(root, 'task'), ['memory', 'cpu'], asked);
    expect(told('memory.max')).toBe('268435456');
    expect(told('memory.swap.max')).toBe('0');
    expect(told('memory.oom.group')).toBe('1');
    expect(told('cpu.weight')).toBe('150');
  });

  test('bounds nothing of which nothing was said, and nothing that it has no controller for', () => {
    makeCgroup(join(root, 'task'), ['memory', 'cpu'], { memoryMib: 0, cpuMillis: 0 });
    makeCgroup(join(root, 'task'), [], asked);
    expect(() => told('memory.max')).toThrow('ENOENT');
    expect(() => told('cpu.weight')).toThrow('ENOENT');
  });

  test.each([
    [1, 1],
    [250, 25],
    [1000, 100],
    [64_000, 6400],
    [400_000, 10_000],
  ])('of %i thousandths of a CPU weighs %i', (millis, weight) => {
    expect(weightOf(millis)).toBe(weight);
  });

  test.each([
    ['low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 1\n', true],
    ['low 0\nhigh 0\nmax 9\noom 0\noom_kill 0\noom_group_kill 0\n', false],
    ['', false],
  ])('tells of memory from %j: %s', (events, isOut) => {
    expect(ranOutOfMemory(cgroup('task', { 'memory.events': events }))).toBe(isOut);
  });

  test('that is gone tells of nothing', () => {
    expect(ranOutOfMemory(join(root, 'nowhere'))).toBe(false);
  });
});
