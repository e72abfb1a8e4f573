// isobar version: of the command, and of the controller when one is asked.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { type Act, examples } from './verb.ts';

export function configure(command: Command, act: Act): void {
  command.option('--controller', 'ask the controller for its version too').action(
    act<{ controller?: boolean }>(async (session, _, { controller }) => {
      await session.print(ownVersion());
      if (controller !== true) return;
      const federation = await (await session.client()).federation.get({ signal: session.signal });
      await session.print(`controller ${federation.version}, federation ${federation.id}`);
    }),
  );
  examples(command, 'isobar version', 'isobar version --controller');
}

/** In the checkout and in the installed package, package.json is two folders up. */
export function ownVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version; // our own file
}
