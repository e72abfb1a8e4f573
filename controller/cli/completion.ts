// isobar completion: scripts for the shells, generated from the command tree.
import type { Command } from 'commander';
import { nearMiss } from '#client/near-miss.ts';
import { UsageError } from './exit.ts';
import { KINDS } from './kind.ts';
import { type Act, examples } from './verb.ts';

const SHELLS = { bash, zsh, fish } as const;

export function configure(command: Command, act: Act): void {
  command.argument('<shell>', Object.keys(SHELLS).join(', ')).action(
    act(async (session, [shell = '']) => {
      const script = Object.entries(SHELLS).find(([name]) => name === shell)?.[1];
      if (script === undefined) {
        const near = nearMiss(shell, Object.keys(SHELLS));
        const meant = near === undefined ? '' : `; did you mean ${near}?`;
        throw new UsageError(`unknown shell ${shell}: expected bash, zsh or fish${meant}`);
      }
      const root = command.parent ?? command;
      await session.io.stdout.write(script(placesOf(root, [], root)));
    }),
  );
  examples(
    command,
    'source <(isobar completion bash)',
    'isobar completion zsh > "${fpath[1]}/_isobar"',
    'isobar completion fish > ~/.config/fish/completions/isobar.fish',
  );
}

/** What may stand after some words. */
interface Place {
  /** `user invite`; empty at the beginning. */
  readonly path: readonly string[];
  readonly words: readonly (readonly [word: string, description: string])[];
  readonly options: readonly (readonly [option: string, description: string])[];
}

/** Verbs whose first argument is a kind. */
const WITH_KIND: readonly string[] = ['get', 'describe', 'delete'];

function placesOf(command: Command, path: readonly string[], root: Command): Place[] {
  const help = command.createHelp();
  const visible = help.visibleCommands(command).filter((one) => one.name() !== 'help');
  const kinds = WITH_KIND.includes(path.join(' ')) ? KINDS : [];
  const options = [...help.visibleOptions(command), ...(command === root ? [] : root.options)];
  return [
    {
      path,
      words: [
        ...visible.map((one) => [one.name(), one.summary() || one.description()] as const),
        ...kinds.map(({ plural, short }) => [plural, `also ${short[0]}`] as const),
      ],
      options: options.map((one) => [one.long ?? one.short ?? '', one.description] as const),
    },
    ...visible.flatMap((one) => placesOf(one, [...path, one.name()], root)),
  ];
}

const inner = (places: readonly Place[]): string[] =>
  places.filter(({ path }) => path.length > 0).map(({ path }) => path.join(' '));

function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, words, options }) => {
    const all = [...words, ...options].map(([word]) => word).join(' ');
    return `    "${path.join(' ')}") words="${all}" ;;`;
  });
  return `# bash completion of isobar
_isobar() {
  local current="\${COMP_WORDS[COMP_CWORD]}" place="" next word words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    next="\${place:+$place }$word"
    case "$next" in
      ${inner(places)
        .map((path) => `"${path}"`)
        .join('|')}) place="$next" ;;
    esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _isobar isobar
`;
}

function zsh(places: readonly Place[]): string {
  const item = ([word, description]: readonly [string, string]): string =>
    `'${quote(word.replaceAll(':', '\\:'))}:${quote(description)}'`;
  const cases = places.map(
    ({ path, words, options }) =>
      `    "${path.join(' ')}") items=(${[...words, ...options].map(item).join(' ')}) ;;`,
  );
  return `#compdef isobar
_isobar() {
  local place="" next word
  local -a items
  for word in "\${(@)words[2,CURRENT-1]}"; do
    next="\${place:+$place }$word"
    case "$next" in
      ${inner(places)
        .map((path) => `"${path}"`)
        .join('|')}) place="$next" ;;
    esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  _describe isobar items || _files
}
if [ "$funcstack[1]" = "_isobar" ]; then _isobar "$@"; else compdef _isobar isobar; fi
`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, options }) => {
    const when = `-n '__isobar_at "${path.join(' ')}"'`;
    return [
      ...words.map(
        ([word, text]) => `complete -c isobar -f ${when} -a '${word}' -d '${quote(text)}'`,
      ),
      ...options
        .filter(([option]) => option.startsWith('--'))
        .map(
          ([option, text]) =>
            `complete -c isobar ${when} -l '${option.slice(2)}' -d '${quote(text)}'`,
        ),
    ];
  });
  return `# fish completion of isobar
function __isobar_at
    set -l place ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim "$place $word")
        if contains -- $next ${inner(places)
          .map((path) => `'${path}'`)
          .join(' ')}
            set place $next
        end
    end
    test "$place" = "$argv[1]"
end
${lines.join('\n')}
`;
}

/** For single quotes of all three shells. */
function quote(text: string): string {
  return text.replaceAll("'", '’');
}
