// The isobar command: finds the verb, loads it, runs it, and turns whatever happens into an exit code.
import { Command, CommanderError } from 'commander';
import { DURATION_RULE, parseDuration } from '#client/quantities.ts';
import type { Check } from './check.ts';
import { EXIT, EXIT_MEANING, exitOf, JOB_EXIT_RULE, UsageError } from './exit.ts';
import { type Io, OutputClosed, processIo, warmStart } from './io.ts';
import { makePaint } from './paint.ts';
import { type Connector, makeSession, type Session, timedOut } from './session.ts';
import { type Act, type GlobalOptions, type Handler, type Verb } from './verb.ts';
import { VERBS } from './verbs.ts';

export interface CliOptions {
  /** Verbs that run processes. One with the name of a verb here replaces it. */
  readonly extraVerbs?: readonly Verb[];
  /** Checks that `doctor` makes after its own. */
  readonly extraChecks?: readonly Check[];
  /** Default: those of the process. */
  readonly io?: Io;
  /** Default: the client's own. */
  readonly connector?: Connector;
}

/** Runs one command line, without the name of the program, and answers the exit code. */
export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<number> {
  if (options.io === undefined) warmStart(process.env);
  const io = options.io ?? processIo();
  const run = new Run(io, options);
  try {
    await run.parse(argv);
    return run.exit;
  } catch (error) {
    return run.fail(error);
  } finally {
    await run.session?.close();
  }
}

function allVerbs(extra: readonly Verb[]): Verb[] {
  const replaced = new Set(extra.map(({ name }) => name));
  return [...VERBS.filter(({ name }) => !replaced.has(name)), ...extra];
}

const connectContext: Connector = async ({ addresses, identityDir }, tenant) => {
  const { connect } = await import('#client/isobar.ts');
  return connect({ addresses, identityDir, tenant });
};

class Run {
  exit: number = EXIT.OK;
  session: Session | undefined;
  readonly #io: Io;
  readonly #options: CliOptions;
  readonly #verbs: readonly Verb[];

  constructor(io: Io, options: CliOptions) {
    this.#io = io;
    this.#options = options;
    this.#verbs = allVerbs(options.extraVerbs ?? []);
  }

  async parse(argv: readonly string[]): Promise<void> {
    const wanted = wantedVerb(argv, this.#verbs);
    const program = await this.#tree((verb) => verb.name === wanted || wanted === 'completion');
    await program.parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' });
  }

  /** The command tree, with the wanted verbs in full and the others as lines of the help. */
  async #tree(isWanted: (verb: Verb) => boolean): Promise<Command> {
    const act = this.#act;
    const program = rootCommand(this.#io);
    for (const verb of this.#verbs) {
      const command = program.command(verb.name).helpGroup(`${verb.group}:`);
      command.description(sentence(verb.summary)).summary(verb.summary).helpCommand(false);
      if (isWanted(verb)) (await verb.load()).configure(command, act);
    }
    return program;
  }

  readonly #act: Act =
    <O>(handler: Handler<O>) =>
    async (...parsed: unknown[]): Promise<void> => {
      const command = parsed.at(-1) as Command; // commander's last argument
      const options = command.optsWithGlobals<O & GlobalOptions>();
      const { connector = connectContext, extraChecks } = this.#options;
      const session = makeSession(this.#io, options, connector, extraChecks);
      this.session = session;
      this.exit = (await handler(session, command.args, options)) ?? EXIT.OK;
    };

  async fail(error: unknown): Promise<number> {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    if (this.#io.interrupted.aborted) return exitOfSignal(this.#io.interrupted.reason);
    if (error instanceof OutputClosed) return EXIT.OUTPUT_CLOSED;
    const { timeout } = this.session?.options ?? {};
    const late = timeout !== undefined && this.session?.signal.aborted === true;
    const shown = late ? timedOut(timeout) : error;
    try {
      await this.#explain(shown);
    } catch {
      // Nobody reads it: the exit code remains.
    }
    return exitOf(shown);
  }

  async #explain(error: unknown): Promise<void> {
    const { errorText } = await import('#client/errors-text.ts');
    const { harmless } = await import('./paint.ts');
    const { message, details, next } = errorText(error);
    const hint = error instanceof Error && 'next' in error ? String(error.next) : next;
    const paint = makePaint(this.#io.stderr, this.#io.env);
    const lines = [
      `${paint('error:', 'bad')} ${harmless(message)}`,
      ...details.map((detail) => `  ${harmless(detail)}`),
      ...(hint === '' ? [] : [`${paint('next:', 'strong')} ${hint}`]),
    ];
    if (isDefect(error)) {
      const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
      lines.push(...frames, 'This is a defect: please report it with the lines above.');
    }
    await this.#io.stderr.write(`${lines.join('\n')}\n`);
  }
}

function exitOfSignal(signal: unknown): number {
  if (signal === 'SIGHUP') return EXIT.HUNG_UP;
  return signal === 'SIGTERM' ? EXIT.TERMINATED : EXIT.INTERRUPTED;
}

function rootCommand(io: Io): Command {
  const program = new Command('isobar');
  const write =
    (output: Io['stdout']) =>
    (text: string): void => {
      output.write(text).catch(() => undefined); // help into a closed pipe
    };
  program
    .usage('VERB [KIND] [NAME...] [options]')
    .description(
      'Joins the data centers of a nation into one network, and runs jobs where there is room.',
    )
    .option('--context <name>', 'which controller, as whom; see isobar config get-contexts')
    .option('-n, --tenant <id>', 'tenant; default that of the context')
    .option('--timeout <duration>', 'give up after this long, such as 90s or 10m', timeoutMs)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: write(io.stdout),
      writeErr: write(io.stderr),
      getOutHelpWidth: () => Math.min(io.stdout.columns, 100),
      getErrHelpWidth: () => Math.min(io.stderr.columns, 100),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('next: --help tells what there is')
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', HELP_END);
  return program.commandsGroup('This command:').helpCommand('help [verb]', 'tell about a verb');
}

const HELP_END = `
\`isobar VERB --help\` tells the options of a verb and gives examples.

Exit codes:
${Object.entries(EXIT_MEANING)
  .map(([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`)
  .join('\n')}
${JOB_EXIT_RULE}`;

/** An error that nobody expected: where it came from is what helps. */
function isDefect(error: unknown): error is Error {
  return exitOf(error) === EXIT.INTERNAL && error instanceof Error && error.name !== 'IsobarError';
}

function timeoutMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0)
    throw new UsageError(`--timeout ${text}: expected ${DURATION_RULE}`);
  return ms;
}

/** Options of the root that take a value: the word after them is no verb. */
const WITH_VALUE: readonly string[] = ['--context', '-n', '--tenant', '--timeout'];

function wantedVerb(argv: readonly string[], verbs: readonly Verb[]): string | undefined {
  const words = argv.filter(
    (word, index) => !word.startsWith('-') && !WITH_VALUE.includes(argv[index - 1] ?? ''),
  );
  const [first, second] = words;
  const word = first === 'help' ? second : first;
  return verbs.some(({ name }) => name === word) ? word : undefined;
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}
