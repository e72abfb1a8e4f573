import { mkdtempSync, rmSync, statSync, utimesSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunState } from '#domain/states.ts';
import { Agent, assignmentOf, key } from '../agent.contract.ts';
import { openLayout } from './layout.ts';
import { LocalPlace, until } from './machine.contract.ts';
import { KEPT_BYTES, lastLinesOf, removeOldOutput } from './output.ts';

const MIB = 1024 * 1024;
const DAY_S = 86_400;

describe('much output', () => {
  let place: LocalPlace;
  let agent: Agent;

  beforeEach(async () => {
    place = new LocalPlace();
    agent = await Agent.open(place);
  });
  afterEach(async () => {
    await place.dispose();
  });

  const log = (): string => join(place.stateDir, 'logs/1-0-1.0.log');
  const onDisk = (): number => (existsSync(log()) ? statSync(log()).blocks * 512 : 0);
  const size = (): number => (existsSync(log()) ? statSync(log()).size : 0);

  test('is kept to its last 10 MiB while the task goes on', async () => {
    const script = 'head -c 31457280 /dev/zero; sleep 1000 & wait';
    agent.executor.start(assignmentOf(key(1), [{ command: ['/bin/sh', '-c', script] }]));
    await until('it has written', () => size() === 30 * MIB);
    await until('it is trimmed', () => onDisk() <= KEPT_BYTES + MIB);
    expect(agent.last(key(1))?.phase).toBe(RunState.RUNNING);
    const text = await agent.log(key(1));
    expect(text.slice(0, 12)).toBe(`[${20 * MIB}]\0\0`);
    expect(text.length).toBe(`[${20 * MIB}]`.length + KEPT_BYTES);
  });

  test('is kept to its last 10 MiB when the task ends at once', async () => {
    const script = "head -c 20971520 /dev/zero | tr '\\0' a; echo; echo the end; exit 1";
    agent.executor.start(assignmentOf(key(1), [{ command: ['/bin/sh', '-c', script] }]));
    const end = await agent.ended(key(1));
    expect(end.lastLines.at(-1)).toBe('the end');
    expect(end.lastLines.every((line) => line.length <= 256)).toBe(true);
    await until('it is trimmed', () => onDisk() <= KEPT_BYTES + MIB);
    expect(await agent.log(key(1), { tailLines: 1 })).toBe('the end\n');
    // The long line before it is not all there any more, and that is said.
    expect(await agent.log(key(1), { tailLines: 2 })).toMatch(/^\[\d+\]a+\nthe end\n$/);
  });

  test('is followed over what is dropped', async () => {
    const script =
      'for i in 1 2 3 4 5 6; do head -c 4194304 /dev/zero; sleep 0.3; done; echo the end';
    agent.executor.start(assignmentOf(key(1), [{ command: ['/bin/sh', '-c', script] }]));
    await agent.reached(key(1), RunState.RUNNING);
    const text = await agent.log(key(1), { follow: true });
    expect(text.endsWith('the end\n')).toBe(true);
    const skipped = [...text.matchAll(/\[(\d+)\]/g)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    );
    const shown = text.replaceAll(/\[\d+\]/g, '').length;
    expect(skipped + shown).toBe(6 * 4 * MIB + 'the end\n'.length);
  });
});

describe('on disk', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isobar-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('output is removed seven days after the end of its run, and not while it lives', () => {
    const layout = openLayout(dir);
    for (const [run, days] of [
      ['old', 8],
      ['alive', 8],
      ['young', 6],
    ] as const) {
      writeFileSync(join(layout.logs, `${run}.0.log`), 'x');
      const thenS = Date.now() / 1000 - days * DAY_S;
      utimesSync(join(layout.logs, `${run}.0.log`), thenS, thenS);
    }
    removeOldOutput(layout, (run) => run === 'alive');
    const left = ['old', 'alive', 'young'].filter((run) =>
      existsSync(join(layout.logs, `${run}.0.log`)),
    );
    expect(left).toEqual(['alive', 'young']);
  });

  test.each([
    ['', []],
    ['one', ['one']],
    ['one\ntwo\n', ['one', 'two']],
    ['one\n\n', ['one', '']],
    [`${'x'.repeat(300)}\n`, ['x'.repeat(256)]],
    ['ä\n'.repeat(30), Array.from({ length: 20 }, () => 'ä')],
  ])('the last lines of %j', (text, lines) => {
    const path = join(dir, 'log');
    writeFileSync(path, text);
    expect(lastLinesOf(path)).toEqual(lines);
  });
});
