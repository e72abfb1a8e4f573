// What stands in the way of a controller: it says so in words that help, ends, and has harmed nothing.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXIT } from '#cli/exit.ts';
import { isobar, type CommandResult } from './testbed/command.ts';
import { choosePort, type TestFederation } from './testbed/federation.ts';
import { brief } from './testbed/tasks.ts';
import { useFederations } from './testbed/use-federations.ts';

const start = useFederations();
let federation: TestFederation;
let server: Server | undefined;

beforeEach(async () => {
  federation = await start({ agents: 0 });
}, 60_000);

afterEach(() => {
  server?.close();
  server = undefined;
});

const DOORS = ['api', 'enrolment', 'metrics'] as const;

/** A controller beside that of the federation. */
async function startBeside(
  dataDir: string,
  taken: Partial<Record<(typeof DOORS)[number], number>> = {},
): Promise<CommandResult> {
  const args = ['controller', '--data-dir', dataDir];
  for (const door of DOORS)
    args.push(`--listen-${door}`, `127.0.0.1:${taken[door] ?? (await choosePort())}`);
  return isobar(args, { withinMs: 30_000 });
}

/** What a person reads: one line that says it, and no stack. */
function expectTold({ code, stderr }: CommandResult, exit: number, words: string): void {
  const told = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  expect({ code, told }).toEqual({ code: exit, told: [expect.stringContaining(words)] });
}

test('a port that is taken is told for each door, and the directory is free again', async () => {
  const port = await choosePort();
  server = createServer();
  await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve));
  const dataDir = join(federation.folder, 'beside');
  for (const door of DOORS) {
    const words = `on 127.0.0.1:${port}: another program has the port. See which one with`;
    expectTold(await startBeside(dataDir, { [door]: port }), EXIT.UNAVAILABLE, words);
  }
  await federation.controller.end();
  await expect(federation.startController(dataDir)).resolves.toBeUndefined();
}, 90_000);

test('a directory that cannot be used is told, and why', async () => {
  const { folder, controllerDir } = federation;
  const words = `controller/log is in use by process ${federation.controller.pid} on `;
  expectTold(await startBeside(controllerDir), EXIT.NO_FILE, words);

  const file = join(folder, 'file');
  writeFileSync(file, '');
  expectTold(await startBeside(file), EXIT.NO_FILE, 'cannot be written: give it to the user');

  const foreign = join(folder, 'foreign');
  mkdirSync(join(foreign, 'log'), { recursive: true });
  const database = new DatabaseSync(join(foreign, 'log/isobar.db'));
  database.exec('CREATE TABLE recipes (name TEXT)');
  database.close();
  expectTold(await startBeside(foreign), EXIT.BAD_FILE, 'is not a log of Isobar: move it away');
  // Nobody was harmed by any of this.
  await expect(federation.operator.federation.get()).resolves.toMatchObject({ dataCenters: 0 });
}, 90_000);

test('a damaged log is not served: the start names the record, and what to do', async () => {
  const { user, report, controllerDir } = federation;
  for (let i = 0; i < 5; i++) await user.jobs.submit(brief(report));
  const { revision } = await user.federation.get();
  await federation.controller.end();
  const whole = join(federation.folder, 'whole');
  cpSync(controllerDir, whole, { recursive: true });

  const damaged = revision - 2;
  const database = new DatabaseSync(join(controllerDir, 'log/isobar.db'));
  const row = database.prepare('SELECT body FROM records WHERE revision = ?').get(damaged);
  const body = Uint8Array.from(row?.['body'] as Uint8Array);
  body[body.length >> 1]! ^= 0x10;
  database.prepare('UPDATE records SET body = ? WHERE revision = ?').run(body, damaged);
  database.close();
  const words = `record ${damaged} is damaged: nothing after record ${damaged - 1} can be trusted; restore a backup`;
  expectTold(await startBeside(controllerDir), EXIT.BAD_FILE, words);

  await federation.startController(whole);
  expect(await user.jobs.list().all()).toHaveLength(5);
}, 90_000);
