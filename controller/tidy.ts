// The conventions that no linter knows, as one pure function from a file to findings. The test beside it applies them to
// the whole checkout and plants a violation of each, to see that it bites.

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

/**
 * Room → what it may import from other rooms, as the beginnings of specifiers without `#`. `type ` allows `import type`
 * only. This is the direction of the whole design: a room knows nothing of those that are not in its row.
 */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  core: ['domain/', 'type gen/isobar/log/', 'metrics/catalog.ts'],
  scheduler: ['domain/', 'core/', 'type gen/isobar/log/', 'metrics/catalog.ts'],
  ports: ['domain/', 'type gen/', 'metrics/catalog.ts'],
  log: ['domain/', 'ports/', 'gen/', 'metrics/catalog.ts'],
  metrics: ['domain/', 'ports/', 'gen/'],
  agent: ['domain/', 'ports/', 'gen/', 'metrics/catalog.ts'],
  loop: ['domain/', 'core/', 'scheduler/', 'ports/', 'gen/', 'metrics/catalog.ts'],
  server: ['domain/', 'loop/', 'ports/', 'gen/', 'metrics/catalog.ts'],
  client: ['domain/', 'gen/', 'metrics/catalog.ts'],
  cli: ['client/', 'domain/', 'metrics/catalog.ts'],
  simulation: [
    'domain/',
    'core/',
    'scheduler/',
    'ports/',
    'loop/',
    'log/',
    'metrics/',
    'agent/',
    'gen/',
  ],
  main: [''],
  bench: [''],
  e2e: [''],
  infra: ['domain/labels.ts', 'domain/resources.ts', 'client/', 'metrics/catalog.ts'],
  dashboards: ['metrics/catalog.ts'],
};

/** Rooms in which everything is a function of its arguments, so that a replay gives what the first run gave. */
export const pureRooms: readonly string[] = ['domain', 'core', 'scheduler'];

/** The catalog is the one file that may be imported from everywhere, so it stands on nothing. */
const catalog = 'controller/metrics/catalog.ts';

/** Files that may be longer than the limit, each with the reason. */
const longFiles: ReadonlyMap<string, string> = new Map([]);
const longestFileLines = 400;

/** What a pure room must not touch. Names after a dot are somebody's property and not the global. */
const impure: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w$])(async|await)\b|(?<![.\w$])Promise\b/g, 'waits'],
  [
    /(?<![.\w$])(Date\s*\.\s*now|performance\s*\.|Temporal\s*\.\s*Now)|\bDate\s*\(\s*\)|\bnew\s+Date\b(?!\s*\()/g,
    'reads a clock',
  ],
  [/(?<![.\w$])(Math\s*\.\s*random|crypto\s*\.)/g, 'takes a chance'],
  [
    /(?<![.\w$])(set|clear)(Timeout|Interval|Immediate)\b|(?<![.\w$])queueMicrotask\b/g,
    'sets a timer',
  ],
  [
    /(?<![.\w$])(process|console)\s*\.|(?<![.\w$])(fetch\s*\(|globalThis\b)/g,
    'touches the outside',
  ],
  [
    /\.\s*(localeCompare|toLocale\w*)\s*\(|(?<![.\w$])Intl\s*\./g,
    "depends on the machine's language",
  ],
];

const forbiddenWords: readonly (readonly [RegExp, string, string])[] = [
  [/\b(TOD[O]|FIXM[E])\b/g, 'unfinished', 'finish it, or write it down where work is planned'],
  [
    /(?<![\w.])[/](work|root|Users)[/]|(?<![\w.])[/]home[/]\w/g,
    'machine-path',
    'a path of one machine means nothing on another',
  ],
  [
    /registry[.]npmjs[.]|registry[.]yarnpkg[.]|proxy[.]golang[.]|sum[.]golang[.]|\bpypi[.]org|pythonhosted[.]|crates[.]io|repo1?[.]maven|deb[.]debian[.]/g,
    'registry-host',
    'name the package and let the client choose its registry',
  ],
];

const isTest = (path: string): boolean => path.endsWith('.test.ts');
const isCode = (path: string): boolean => /\.[cm]?[jt]s$/.test(path);
const isGenerated = (path: string): boolean => path.startsWith('controller/gen/');

export function checkFile(text: string, path: string): Finding[] {
  if (isGenerated(path)) return [];
  const findings: Finding[] = [];
  const report = (index: number, rule: string, message: string): void => {
    findings.push({ path, line: text.slice(0, index).split('\n').length, rule, message });
  };

  for (const [pattern, rule, message] of forbiddenWords) {
    for (const match of text.matchAll(pattern))
      report(match.index, rule, `${match[0].trim()}: ${message}`);
  }
  if (!isCode(path)) return findings;

  const { code, withStrings } = mask(text);
  const room = roomOf(path);
  checkImports(code, withStrings, path, room, report);
  checkSyntax(code, text, path, report);
  if (pureRooms.includes(room) && !isTest(path)) {
    for (const [pattern, what] of impure) {
      for (const match of code.matchAll(pattern)) {
        report(
          match.index,
          'pure',
          `${match[0].trim()} ${what}; ${room} gets such things as arguments`,
        );
      }
    }
  }
  const lines = text.trimEnd().split('\n').length;
  if (lines > longestFileLines && !isTest(path) && !longFiles.has(path)) {
    report(0, 'long-file', `${lines} lines: split it by subject, or say in longFiles why not`);
  }
  return findings;
}

type Report = (index: number, rule: string, message: string) => void;

function checkImports(
  code: string,
  withStrings: string,
  path: string,
  room: string,
  report: Report,
): void {
  for (const { specifier, typeOnly, index } of importsOf(code, withStrings)) {
    const local = specifier.startsWith('.') || specifier.startsWith('#');
    if (local && !/\.(ts|json)$/.test(specifier)) {
      report(index, 'extension', `${specifier}: write the extension .ts, Node runs the sources`);
    }
    if (specifier.startsWith('.') && roomOf(resolve(path, specifier)) !== room) {
      report(index, 'relative', `${specifier} leaves ${room}: write #room/file.ts`);
    }
    if (specifier.startsWith('#') && !allows(path, room, specifier.slice(1), typeOnly)) {
      const only = allows(path, room, specifier.slice(1), true) ? 'only with `import type`' : 'not';
      report(index, 'direction', `${room} may ${only} import ${specifier}`);
    }
    if (pureRooms.includes(room) && !isTest(path) && !local) {
      report(index, 'pure', `${room} imports no package: ${specifier}`);
    }
    if (path === catalog)
      report(index, 'direction', `the metric catalog imports nothing: ${specifier}`);
  }
}

function allows(path: string, room: string, target: string, typeOnly: boolean): boolean {
  const inTest =
    isTest(path) && (target.startsWith('simulation/') || /[/.]contract\.ts$/.test(target));
  return (
    inTest ||
    target.startsWith(`${room}/`) ||
    (mayImport[room] ?? []).some((row) =>
      row.startsWith('type ')
        ? typeOnly && target.startsWith(row.slice('type '.length))
        : target.startsWith(row),
    )
  );
}

function checkSyntax(code: string, text: string, path: string, report: Report): void {
  for (const match of code.matchAll(
    /^[ \t]*(?:export\s+|declare\s+|const\s+)*(enum\s+\w+|(?:namespace|module)\s+\w[\w.]*\s*\{)/gm,
  )) {
    report(
      match.index,
      'erasable',
      `${match[1]}: Node erases types and cannot run this; use a union or a const object`,
    );
  }
  if (!isTest(path)) return;
  for (const match of code.matchAll(
    /\b(?:test|it|describe|suite|bench)(?:\.\w+)*\.(only|skip|todo)\b/g,
  )) {
    if (match[1] === 'only') report(match.index, 'focused', 'the other tests would not run');
    else if (!hasComment(text, match.index)) {
      report(match.index, 'skipped', 'say why in a comment on this line or the one above');
    }
  }
}

function hasComment(text: string, index: number): boolean {
  const line = text.slice(0, index).split('\n').length - 1;
  const lines = text.split('\n');
  return [lines[line - 1]?.trimStart().startsWith('//'), lines[line]?.includes('// ')].includes(
    true,
  );
}

/** `controller/core/jobs.ts` is in `core`, `infra/provider/main.ts` in `infra`; files of the top level are in none. */
function roomOf(path: string): string {
  const [first = '', second = '', third] = path.split('/');
  if (first !== 'controller') return second === '' ? '' : first;
  return third === undefined ? 'controller' : second;
}

function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly index: number;
}

/** A statement counts where it is code, not where a string quotes one. */
function importsOf(code: string, withStrings: string): Import[] {
  const statement =
    /\b(?:import|export)\b\s*(type\b(?!\s*(?:,|from\b\s*['"]))\s*)?(?:[\w$*\s{},]*?\bfrom\b)?\s*(['"])([^'"\n]+)\2/g;
  const call = /\b(?:import|require|vi\.mock)\s*\(\s*(['"`])([^'"`\n]+)\1/g;
  return [
    ...[...withStrings.matchAll(statement)].map((match) => ({
      specifier: match[3] ?? '',
      typeOnly: match[1] !== undefined,
      index: match.index,
    })),
    ...[...withStrings.matchAll(call)].map((match) => ({
      specifier: match[2] ?? '',
      typeOnly: false,
      index: match.index,
    })),
  ].filter(({ index }) => code[index] !== ' ');
}

/**
 * The text with its comments blanked, once with the strings and once without; every other character keeps its place, and
 * so does what stands in `${}` of a template. A slash begins a regular expression where a value may begin: good enough
 * for formatted sources, and without a parser.
 */
function mask(text: string): { code: string; withStrings: string } {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=(?:^|[=([{,;:!&|?>+]|\breturn)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/gm;
  const blank = (match: string): string =>
    match.startsWith('`')
      ? match.replaceAll(/(\$\{[^}]*\})|[^\n]/g, (_, value: string | undefined) => value ?? ' ')
      : match.replaceAll(/[^\n]/g, ' ');
  return {
    code: text.replaceAll(token, blank),
    withStrings: text.replaceAll(token, (match) => (/^['"`]/.test(match) ? match : blank(match))),
  };
}
