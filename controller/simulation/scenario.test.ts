import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tell } from './scenario.ts';

const folder = join(import.meta.dirname, 'scenarios');

test.each(readdirSync(folder).filter((name) => name.endsWith('.txt')))('%s', async (name) => {
  const file = join(folder, name);
  const text = readFileSync(file, 'utf8');
  const told = await tell(text);
  // Read the difference before you accept it.
  const accepts = process.env['UPDATE_SCENARIOS'] === '1';
  if (accepts) writeFileSync(file, told);
  expect(told).toBe(accepts ? told : text);
});
