// isobar config: contexts, that is which controller and as whom.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import {
  configFile,
  type Context,
  type ContextFile,
  contextFiles,
  findContext,
  readContexts,
  writeContexts,
} from '#client/contexts.ts';
import { existsSync } from 'node:fs';
import { EXIT, Failure, UsageError } from './exit.ts';
import { words } from './options.ts';
import type { Session } from './session.ts';
import { Table } from './table.ts';
import { type Act, examples } from './verb.ts';

interface SetOptions {
  readonly address?: readonly string[];
  readonly enrolment?: string;
  readonly tenant?: string;
  readonly identityDir?: string;
}

export function configure(command: Command, act: Act): void {
  const get = command
    .command('get-contexts')
    .description(
      'Lists the contexts: those configured, and those of a demo in this folder or above.',
    )
    .action(act(getContexts));
  examples(get, 'isobar config get-contexts');

  const current = command
    .command('current-context')
    .description('Prints the name of the context in use.')
    .action(
      act(async (session) => {
        await session.print((await session.context()).name);
      }),
    );
  examples(current, 'isobar config current-context');

  const use = command
    .command('use-context')
    .argument('<name>')
    .description('Makes a context the one in use.')
    .action(act(useContext));
  examples(use, 'isobar config use-context national');

  const set = command
    .command('set-context')
    .argument('<name>')
    .description(
      'Adds a context or changes it; the tenant is that of -n. The first one is in use at once.',
    )
    .option('--address <host:port,...>', 'controllers', words)
    .option('--enrolment <host:port>', 'listener for enrolment')
    .option('--identity-dir <folder>', 'with certificate.pem, key.pem and authority.pem')
    .action(act<SetOptions>(setContext));
  examples(
    set,
    'isobar config set-context national --address ctl-1.example.org:7420,ctl-2.example.org:7420 -n health',
    'isobar config set-context national -n energy',
  );

  const remove = command
    .command('delete-context')
    .argument('<name>')
    .description('Removes a context. Its identity stays where it is.')
    .action(act(deleteContext));
  examples(remove, 'isobar config delete-context national');
  examples(command, 'isobar config get-contexts', 'isobar config use-context national');
}

async function getContexts(session: Session): Promise<void> {
  const files = contextFiles(session.io);
  const contexts = files.flatMap((file) => file.contexts);
  if (contexts.length === 0) {
    await session.note(
      'no contexts; start one with `isobar demo`, or name a controller with `isobar login`',
    );
    return;
  }
  const inUse = currentOf(session);
  const table = new Table<Context>(
    [
      { title: 'IN USE', cell: (one) => (one === inUse || sameContext(one, inUse) ? '*' : ' ') },
      { title: 'NAME', cell: ({ name }) => name },
      { title: 'CONTROLLER', cell: ({ addresses }) => addresses.join(',') },
      { title: 'TENANT', cell: ({ tenant }) => tenant },
      { title: 'FILE', cell: ({ file }) => file },
    ],
    session.io.stdout,
    session.paint,
  );
  await session.print(table.lines(contexts).join('\n'));
}

function currentOf(session: Session): Context | undefined {
  try {
    return findContext(session.io, session.options.context);
  } catch {
    return undefined; // none is in use: the list is what helps then
  }
}

function sameContext(one: Context, other: Context | undefined): boolean {
  return one.name === other?.name && one.file === other.file;
}

async function useContext(session: Session, [name = '']: readonly string[]): Promise<void> {
  const context = findContext(session.io, name);
  const config = own(session);
  const known = config.contexts.some((one) => one.name === name);
  writeContexts({
    ...config,
    current: name,
    contexts: known ? config.contexts : [...config.contexts, context],
  });
  await session.print(`context ${name} is in use`);
}

async function setContext(
  session: Session,
  [name = '']: readonly string[],
  options: SetOptions,
): Promise<void> {
  const config = own(session);
  const before = config.contexts.find((one) => one.name === name);
  const addresses = options.address ?? before?.addresses ?? [];
  if (addresses.length === 0)
    throw new UsageError('--address is missing: HOST:PORT of the controller');
  const context: Context = {
    name,
    addresses,
    enrolment: options.enrolment ?? before?.enrolment ?? '',
    tenant: options.tenant ?? before?.tenant ?? '',
    identityDir:
      options.identityDir === undefined
        ? (before?.identityDir ?? '')
        : resolve(session.io.cwd, options.identityDir),
    file: config.file,
  };
  saveContext(config, context);
  await session.print(`context ${name} ${before === undefined ? 'added' : 'changed'}`);
  if (context.identityDir === '')
    await session.note('next: isobar login gets a certificate for it');
}

async function deleteContext(session: Session, [name = '']: readonly string[]): Promise<void> {
  const config = own(session);
  const contexts = config.contexts.filter((one) => one.name !== name);
  if (contexts.length === config.contexts.length) {
    throw new Failure(`${config.file} has no context ${name}`, EXIT.NOT_FOUND);
  }
  writeContexts({ ...config, current: config.current === name ? '' : config.current, contexts });
  await session.print(`context ${name} deleted`);
}

/** The user's own file, which may not exist yet. */
export function own({ io }: Session): ContextFile {
  const file = configFile(io);
  return existsSync(file) ? readContexts(file) : { file, current: '', contexts: [] };
}

/** Adds or replaces; the first context is in use at once. */
export function saveContext(config: ContextFile, context: Context, use = false): void {
  const others = config.contexts.filter((one) => one.name !== context.name);
  const current = use || config.current === '' ? context.name : config.current;
  writeContexts({ ...config, current, contexts: [...others, context] });
}
