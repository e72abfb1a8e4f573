// isobar whoami: the caller as the controller sees it.
import type { Command } from 'commander';
import { wordOf } from '#client/enums.ts';
import { Role } from '#client/types.ts';
import { facts, sectionLines } from './sections.ts';
import { duration, timestamp } from './units.ts';
import { type Act, examples } from './verb.ts';

export function configure(command: Command, act: Act): void {
  command.action(
    act(async (session) => {
      const context = await session.context();
      const client = await session.client();
      const me = await client.users.whoAmI({ signal: session.signal });
      const ends = me.certificateExpireTime;
      const left = ends === undefined ? 0 : ends.getTime() - session.io.now();
      const lines = sectionLines(
        [
          facts([
            ['Identity', me.identity],
            ['Roles', me.roles.map((role) => wordOf(Role, role)).join(', ') || 'none'],
            ['Certificate', ends && `until ${timestamp(ends)} UTC (${duration(left)} left)`],
            ['Context', context.name],
            ['Controller', context.addresses.join(', ')],
            ['Tenant', (await session.tenant()) || 'none'],
          ]),
        ],
        session.io.stdout,
        session.paint,
      );
      await session.print(lines.join('\n'));
    }),
  );
  examples(command, 'isobar whoami', 'isobar whoami --context national');
}
