// isobar login: a token becomes a certificate, and a context that uses it.
import { join } from 'node:path';
import type { Command } from 'commander';
import { parseName } from '#domain/names.ts';
import { configHome, type Context, contextFiles } from '#client/contexts.ts';
import { parseToken, readToken, type Token } from '#client/token.ts';
import { own, saveContext } from './config.ts';
import { UsageError } from './exit.ts';
import { readNamedFile } from './files.ts';
import { words } from './options.ts';
import { readInput, type Session } from './session.ts';
import { duration } from './units.ts';
import { type Act, examples } from './verb.ts';

interface LoginOptions {
  readonly tokenFile?: string;
  readonly address?: readonly string[];
  readonly enrolment?: string;
  readonly identityDir?: string;
}

export function configure(command: Command, act: Act): void {
  command
    .argument('[context]', 'name of the context to make or renew; default the one in use')
    .option('--token-file <file>', 'file with the token; left out: ISOBAR_TOKEN, or standard input')
    .option('--address <host:port,...>', 'controllers; default those of the context', words)
    .option(
      '--enrolment <host:port>',
      'listener for enrolment; default that of the context, else the next port',
    )
    .option('--identity-dir <folder>', 'where the certificate goes; default beside the contexts')
    .action(act<LoginOptions>(login));
  command.addHelpText(
    'after',
    '\nThe token is never an argument: those are seen by everybody on the machine and kept by shells.',
  );
  examples(
    command,
    'isobar login national --address ctl.example.org:7420 --token-file anna.token',
    'ISOBAR_TOKEN=$(cat anna.token) isobar login national',
  );
}

async function login(
  session: Session,
  [name]: readonly string[],
  options: LoginOptions,
): Promise<void> {
  const target = targetOf(session, name ?? session.options.context, options);
  const token = await tokenOf(session, options);
  const { enrol } = await import('#client/enrol.ts');
  const { facts } = await enrol({
    addresses: [target.enrolment],
    token,
    folder: target.identityDir,
    signal: session.signal,
  });
  const [tenant = ''] = parseName('*/user/*', facts.identity.split('/tenant/')[1] ?? '') ?? [];
  const context = { ...target, tenant: session.options.tenant ?? (target.tenant || tenant) };
  saveContext(own(session), context, true);
  const life = duration(facts.expireMs - session.io.now());
  await session.print(`logged in as ${facts.identity}`);
  await session.print(
    `context ${context.name} is in use; the certificate ends in ${life} and is renewed by itself`,
  );
}

/** The context as it is, with what the options change. */
function targetOf(session: Session, name: string | undefined, options: LoginOptions): Context {
  const files = contextFiles(session.io);
  const inUse = files.find(({ current }) => current !== '')?.current;
  const wanted = name ?? inUse;
  if (wanted === undefined)
    throw new UsageError('which context?', 'give it a name: isobar login NAME');
  const known = files.flatMap(({ contexts }) => contexts).find((one) => one.name === wanted);
  const addresses = options.address ?? known?.addresses ?? [];
  const enrolment = options.enrolment ?? (known?.enrolment || beside(addresses[0]));
  if (addresses.length === 0)
    throw new UsageError('--address is missing: HOST:PORT of the controller');
  const { file } = own(session);
  const folder = options.identityDir ?? known?.identityDir ?? '';
  const identityDir =
    folder === '' ? join(configHome(session.io.env), 'identities', wanted) : folder;
  return { name: wanted, addresses, enrolment, tenant: known?.tenant ?? '', identityDir, file };
}

/** A controller listens for enrolment on the next port unless told otherwise. */
function beside(address = ''): string {
  const colon = address.lastIndexOf(':');
  return `${address.slice(0, colon)}:${Number(address.slice(colon + 1)) + 1}`;
}

async function tokenOf(session: Session, { tokenFile }: LoginOptions): Promise<Token> {
  const { io } = session;
  if (tokenFile !== undefined) return parseToken(readNamedFile(io.cwd, tokenFile));
  if (io.env['ISOBAR_TOKEN'] || io.stdinIsTerminal) return readToken(undefined, io.env);
  return parseToken(await readInput(session, '-'));
}
