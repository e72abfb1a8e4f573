// A controller that is killed with -9 while jobs are submitted, run and watched. Longer in crash.soak.test.ts.
import { expect, test } from 'vitest';
import { surviveKills } from './testbed/kill-cycles.ts';
import { useFederations } from './testbed/use-federations.ts';

const start = useFederations();

test('a controller that is killed five times loses nothing and repeats nothing', async () => {
  expect(await surviveKills(await start(), 5)).toBeGreaterThan(5);
}, 120_000);
