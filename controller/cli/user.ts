// isobar user: invite, revoke and list users.
import type { Command } from 'commander';
import { wordsOf } from '#client/enums.ts';
import { nearMiss } from '#client/near-miss.ts';
import type { RoleName } from '#client/people.ts';
import { Role } from '#client/types.ts';
import { UsageError } from './exit.ts';
import { words } from './options.ts';
import { harmless } from './paint.ts';
import type { Session } from './session.ts';
import { Table } from './table.ts';
import { timestamp } from './units.ts';
import { type Act, examples } from './verb.ts';

interface InviteOptions {
  readonly role: readonly string[];
  readonly federation?: boolean;
}

export function configure(command: Command, act: Act): void {
  const invite = command
    .command('invite')
    .argument('<id>', 'id of the new user')
    .description('Adds a user and prints the token for their first certificate.')
    .requiredOption('--role <role,...>', wordsOf(Role).join(', '), words)
    .option('--federation', 'a user of the federation itself, of no tenant')
    .action(act<InviteOptions>(inviteUser));
  examples(
    invite,
    'isobar user invite anna --tenant health --role submitter > anna.token',
    'isobar user invite olga --federation --role operator > olga.token',
  );

  const revoke = command
    .command('revoke')
    .argument('<user>', 'ID, TENANT/ID or operators/ID')
    .description('Refuses all certificates of a user and closes their streams.')
    .action(
      act(async (session, [user = '']) => {
        const client = await session.client();
        const { name } = await client.users.revoke(user, { signal: session.signal });
        await session.print(`user ${harmless(name)} revoked`);
      }),
    );
  examples(revoke, 'isobar user revoke health/anna');

  const list = command
    .command('list')
    .description('Lists users, as get users does.')
    .option('-A, --all-tenants', 'of all tenants that you may see')
    .action(act<{ allTenants?: boolean }>(listUsers));
  examples(list, 'isobar user list', 'isobar user list -A');
  examples(
    command,
    'isobar user invite anna --tenant health --role submitter > anna.token',
    'isobar user list',
  );
}

async function inviteUser(
  session: Session,
  [id = '']: readonly string[],
  { role, federation }: InviteOptions,
): Promise<void> {
  const roles = role.map(roleOf);
  const tenant = federation === true ? '' : await session.tenant();
  if (tenant === '' && federation !== true) {
    throw new UsageError('of which tenant?', 'name it with -n, or write --federation');
  }
  const client = await session.client();
  const answer = await client.users.invite(id, roles, { tenant, signal: session.signal });
  await session.print(answer.token);
  const until =
    answer.expireTime === undefined ? 'for an hour' : `until ${timestamp(answer.expireTime)} UTC`;
  await session.note(`token of ${harmless(answer.user?.name ?? id)}, works once, ${until}`);
  const { addresses } = await session.context();
  // With a name of their own choice: without one, the context in use would be renewed as the new user.
  const login = `isobar login NAME --address ${addresses.join(',')} --token-file FILE`;
  await session.note(`next: hand it over in a file; they run ${login}`);
}

function roleOf(word: string): RoleName {
  const known = wordsOf(Role);
  if (known.includes(word)) return word.toUpperCase().replaceAll('-', '_') as RoleName; // one of its words
  const near = nearMiss(word, known);
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  throw new UsageError(`--role ${word}: expected one of ${known.join(', ')}${meant}`);
}

async function listUsers(
  session: Session,
  _: readonly string[],
  { allTenants }: { allTenants?: boolean },
): Promise<void> {
  const { users: view } = await import('./kinds/users.ts');
  const selection = allTenants === undefined ? {} : { allTenants };
  const table = new Table(
    view.columns(session.io.now(), selection),
    session.io.stdout,
    session.paint,
  );
  for await (const { items } of view.list(await session.client(), session, selection, false)) {
    if (items.length > 0) await session.print(table.lines(items).join('\n'));
  }
}
