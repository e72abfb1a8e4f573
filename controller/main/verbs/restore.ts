// isobar restore
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '#cli/exit.ts';
import { type Act, examples } from '#cli/verb.ts';
import { toFailure } from './failure.ts';

interface RestoreFlags {
  readonly dataDir: string;
}

export function configure(command: Command, act: Act): void {
  command
    .argument('<file>', 'a backup')
    .option(
      '--data-dir <dir>',
      'data directory of a controller, without a log in it',
      '.isobar/controller',
    )
    .action(
      act<RestoreFlags>(async (session, [file = ''], flags) => {
        const { restoreFederation } = await import('../restore.ts');
        const dataDir = resolve(session.io.cwd, flags.dataDir);
        const log = join(dataDir, 'log');
        if (existsSync(log)) {
          throw new Failure(
            `${log} exists; a backup is restored only where there is no log. Move it away, or name another --data-dir`,
          );
        }
        const { revision, incarnation } = await restoreFederation(
          resolve(session.io.cwd, file),
          dataDir,
        ).catch((error: unknown) => {
          throw toFailure(error);
        });
        await session.print(
          `restored up to revision ${revision}; the federation goes on as incarnation ${incarnation}`,
        );
        await session.print(
          'Agents stop what this log does not know when they join: what was accepted after the backup is lost.',
        );
        if (existsSync(join(dataDir, 'authority'))) return;
        await session.note(
          `${join(dataDir, 'authority')} is missing: put the folder of the old controller there before the start, or every certificate has to be made anew`,
        );
      }),
    );
  examples(command, 'isobar restore monday.backup --data-dir /var/lib/isobar');
}
