// Flags of the verbs that run processes: one for each setting of the schema, and `--config` for the file under them.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { z } from 'zod';
import { EXIT, Failure } from '#cli/exit.ts';
import type { Session } from '#cli/session.ts';
import { formatFindings, renderConfig, type Loaded, type Sources } from '../config-layers.ts';
import { leavesOf, toSnake } from '../config-leaves.ts';

export interface ConfigFlags extends Readonly<Record<string, unknown>> {
  readonly config?: string;
  readonly printConfig?: boolean;
}

/** What each setting is, for the help; the others are for the file and have their words in the schema. */
export type FlagHelp = Readonly<Record<string, string>>;

export function addFlags(command: Command, schema: z.ZodObject, help: FlagHelp): Command {
  command.option(
    '--config <file>',
    'YAML file with the settings below; the environment and flags go over it',
  );
  for (const { path } of leavesOf(schema)) {
    const setting = path.map(toSnake).join('.');
    const words = help[setting];
    const flag = setting.replaceAll(/[._]/g, '-');
    const isSwitch = words?.startsWith('?') ?? false;
    const option = command.createOption(
      isSwitch ? `--${flag}` : `--${flag} <value>`,
      words === undefined ? undefined : words.replace(/^\?/, ''),
    );
    command.addOption(words === undefined ? option.hideHelp() : option);
  }
  return command.option(
    '--print-config',
    'print what is configured, and where each value comes from',
  );
}

/** The configuration, or an error that names every wrong setting; undefined: it was printed, which was all. */
export async function configured<T extends object>(
  session: Session,
  schema: z.ZodObject,
  load: (sources: Sources) => Loaded<T>,
  flags: ConfigFlags,
): Promise<T | undefined> {
  const byFlag = new Map(
    leavesOf(schema).map(({ path }) => [camelOf(path), path.map(toSnake).join('.')]),
  );
  const given: Record<string, unknown> = {};
  for (const [flag, value] of Object.entries(flags)) {
    const setting = byFlag.get(flag);
    if (setting !== undefined) given[setting] = value;
  }
  const loaded = load({ file: readFile(session, flags.config), env: session.io.env, flags: given });
  if (loaded.kind === 'wrong') {
    throw new Failure(`the configuration is wrong\n${formatFindings(loaded.findings)}`, EXIT.USAGE);
  }
  if (flags.printConfig !== true) return loaded.value;
  await session.io.stdout.write(renderConfig(loaded.value, loaded.origins));
  return undefined;
}

/** As commander names a flag. */
function camelOf(path: readonly string[]): string {
  const words = path.map(toSnake).join('_').split('_');
  return words
    .map((word, i) => (i === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('');
}

function readFile(session: Session, name: string | undefined): Sources['file'] {
  if (name === undefined) return undefined;
  const file = resolve(session.io.cwd, name);
  try {
    return { name, text: readFileSync(file, 'utf8') };
  } catch (cause) {
    throw new Failure(
      `${name} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      EXIT.NO_FILE,
    );
  }
}
