// What is wrong in the files of a data center's owner is told before the agent's token is used, which works once: nobody
// answers where it would be used here.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isobar } from './testbed/command.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-owner-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const NOWHERE = '127.0.0.1:1';

test.each([
  ['no site file', {}, 64, [/^error: no site file: say with --site FILE /]],
  ['a wrong site file', { site: 'demo: 1' }, 65, [/site\.yaml:1: demo: /]],
  [
    'a wrong file of nodes',
    { site: 'demo: true', nodes: '- gpus: 1\n  devices: [{ model: A100 }]' },
    65,
    [/nodes\.yaml:1: 0\.gpus: is not known here/, /nodes\.yaml:2: 0\.devices\.0\.memoryMib: /],
  ],
])('with %s', async (_, files, code, said) => {
  const flags = Object.entries(files).flatMap(([name, text]) => {
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, text);
    return [`--${name}`, file];
  });
  const doors = ['--controllers', NOWHERE, '--enrolment', NOWHERE, '--data-dir', folder];
  const result = await isobar(['agent', ...doors, ...flags]);
  expect(result.code).toBe(code);
  for (const words of said) expect(result.stderr).toMatch(words);
  expect(result.stderr).not.toContain('defect');
});
