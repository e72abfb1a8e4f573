import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bytesInDirectory } from './size.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'isobar-size-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('adds up the files of a directory and leaves out what is below it', () => {
  expect(bytesInDirectory(directory)).toBe(0);
  writeFileSync(join(directory, 'log.db'), 'x'.repeat(1000));
  writeFileSync(join(directory, 'log.db-wal'), 'x'.repeat(24));
  mkdirSync(join(directory, 'below'));
  writeFileSync(join(directory, 'below', 'other'), 'x');
  expect(bytesInDirectory(directory)).toBe(1024);
});

test('says nothing of a directory that is not there', () => {
  expect(bytesInDirectory(join(directory, 'nothing'))).toBeUndefined();
});
