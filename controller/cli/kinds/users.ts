// Users as tables and in full.
import { parseName } from '#domain/names.ts';
import { wordOf } from '#client/enums.ts';
import { Role, User } from '#client/types.ts';
import type { KindView } from '../kind.ts';
import { facts } from '../sections.ts';
import type { Column } from '../table.ts';
import { timestamp } from '../units.ts';
import { ageText, stateCell } from '../words.ts';

export const users: KindView<User> = {
  selects: ['allTenants'],
  codec: User,
  name: ({ name }) => name,
  columns,
  async *list(client, session, { allTenants }) {
    const tenant = allTenants === true ? '-' : (await session.tenant()) || '-';
    yield* client.users.list({ tenant, signal: session.signal }).pages();
  },
  get: (client, { signal }, name) => client.users.get(name, { signal }),
  describe: async (_client, { io }, user) => [
    facts([
      ['Name', shortName(user)],
      ['Roles', rolesOf(user)],
      ['State', user.revoked ? 'revoked' : 'active', user.revoked ? 'bad' : 'good'],
      [
        'Invited',
        user.createTime &&
          `${timestamp(user.createTime)} (${ageText(user.createTime, io.now())} ago)`,
      ],
    ]),
  ],
};

function columns(now: number): Column<User>[] {
  return [
    { title: 'NAME', cell: shortName },
    { title: 'ROLES', cell: rolesOf },
    { title: 'STATE', cell: ({ revoked }) => stateCell(revoked ? 'revoked' : 'active') },
    {
      title: 'AGE',
      right: true,
      restless: true,
      cell: ({ createTime }) => ageText(createTime, now),
    },
  ];
}

/** `health/anna`; users of the federation itself are `operators/olga`. */
function shortName({ name }: User): string {
  return parseName('tenants/*/users/*', name)?.join('/') ?? name;
}

function rolesOf({ roles }: User): string {
  return roles.map((role) => wordOf(Role, role)).join(',');
}
