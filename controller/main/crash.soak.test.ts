// As crash.test.ts, for long.
import { expect, test } from 'vitest';
import { surviveKills } from './testbed/kill-cycles.ts';
import { useFederations } from './testbed/use-federations.ts';

const start = useFederations();

test('a controller that is killed thirty times loses nothing and repeats nothing', async () => {
  expect(await surviveKills(await start(), 30)).toBeGreaterThan(30);
}, 600_000);
