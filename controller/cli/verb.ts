// What a verb is to the command line: a line in the help, and code that is loaded when somebody uses it.
import type { Command } from 'commander';
import type { Session } from './session.ts';

export interface Verb {
  readonly name: string;
  readonly group: VerbGroup;
  /** One line, without a full stop. */
  readonly summary: string;
  load(): Promise<VerbModule>;
}

/** Headings of the help. */
type VerbGroup = 'Jobs' | 'Federation' | 'Access' | 'Processes' | 'This command';

export interface VerbModule {
  /** Adds arguments, options, an example and the action, or subcommands that have them. */
  configure(command: Command, act: Act): void;
}

/** Options that every verb has. */
export interface GlobalOptions {
  readonly context?: string;
  readonly tenant?: string;
  readonly timeout?: number;
}

/** What a verb does. Answers the exit code; nothing means 0. */
export type Handler<O> = (
  session: Session,
  args: readonly string[],
  options: O & GlobalOptions,
) => Promise<number | void>;

/** Makes a commander action of a handler: `command.action(act(async (session, args, options) => …))`. */
export type Act = <O = object>(handler: Handler<O>) => (...parsed: unknown[]) => Promise<void>;

/** `--help` of every verb ends with examples. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText(
    'after',
    `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`,
  );
}
