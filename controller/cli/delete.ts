// isobar delete: tenants, data centers and links.
import type { Command } from 'commander';
import { type ManifestOptions, manifestOption, readManifests } from './apply.ts';
import { UsageError } from './exit.ts';
import { kindOf } from './kind.ts';
import type { ManifestKind } from './manifest.ts';
import { APIS } from './resource-api.ts';
import type { Session } from './session.ts';
import { type Act, examples } from './verb.ts';

interface DeleteOptions extends ManifestOptions {
  readonly dryRun?: boolean;
}

const DELETABLE = ['tenants', 'data-centers', 'links'];

export function configure(command: Command, act: Act): void {
  manifestOption(command.argument('[kind]', 'tenant, data-center or link').argument('[name...]'))
    .option('--dry-run', 'check only, change nothing')
    .action(act<DeleteOptions>(remove));
  examples(
    command,
    'isobar delete link north-south',
    'isobar delete dc north-1',
    'isobar delete -f federation.yaml --dry-run',
  );
}

async function remove(
  session: Session,
  [kindWord, ...names]: readonly string[],
  options: DeleteOptions,
): Promise<void> {
  const targets = await targetsOf(session, kindWord, names, options);
  const client = await session.client();
  const how = { validateOnly: options.dryRun, signal: session.signal };
  for (const { kind, id } of targets) {
    await APIS[kind].delete(client, id, how);
    await session.print(
      `${kind} ${id} ${options.dryRun === true ? 'would be deleted' : 'deleted'}`,
    );
  }
}

async function targetsOf(
  session: Session,
  kindWord: string | undefined,
  names: readonly string[],
  options: DeleteOptions,
): Promise<{ kind: ManifestKind; id: string }[]> {
  if (kindWord === undefined) {
    // Links before the data centers that they join, data centers before their owners.
    return (await readManifests(session, options)).toReversed();
  }
  if (options.file !== undefined) throw new UsageError('a kind with names or -f, not both');
  const kind = kindOf(kindWord, DELETABLE).singular as ManifestKind; // the three deletable ones
  if (names.length === 0) throw new UsageError(`which ${kind}?`, 'name at least one');
  return names.map((id) => ({ kind, id }));
}
