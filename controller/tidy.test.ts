import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkFile, mayImport, pureRooms } from './tidy.ts';

const root = join(import.meta.dirname, '..');

describe('the checkout', () => {
  test('keeps every convention', () => {
    // What git would commit: tracked files and new ones, without what it ignores.
    const listed = execFileSync(
      'git',
      ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
      {
        cwd: root,
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      },
    );
    const paths = listed.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
    expect(paths).toContain('controller/tidy.ts');
    const findings = paths.flatMap((path) =>
      checkFile(readFileSync(join(root, path), 'utf8'), path),
    );
    const lines = findings.map(
      ({ path, line, rule, message }) => `${path}:${line} ${rule}: ${message}`,
    );
    expect(lines).toEqual([]);
  });

  test('has the same direction of imports in the linter as in the table', () => {
    const { overrides } = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8'));
    const rooms = overrides.filter(
      (override: { rules: object }) => 'no-restricted-imports' in override.rules,
    );
    expect(rooms).toEqual(linterOverrides());
  });

  test('has a lock that `npm ci` takes on any machine and that names no host', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<
        string,
        { version?: string; resolved?: string; optionalDependencies?: object }
      >;
    };
    const wrong = Object.entries(packages).flatMap(([path, entry]) => [
      ...(entry.resolved === undefined ? [] : [`${path} is resolved to an address`]),
      ...Object.keys(entry.optionalDependencies ?? {})
        .filter(
          (name) =>
            !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
        )
        .map((name) => `${name} is missing: run npm run lock`),
    ]);
    expect(wrong).toEqual([]);
  });

  test('has only these packages with an install script', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean; optional?: boolean }>;
    };
    const scripted = Object.entries(packages).filter(
      ([, entry]) => entry.hasInstallScript === true && !entry.optional,
    );
    // `node` puts its binary in place. The others only look at their surroundings, and package.json forbids them to run.
    expect(scripted.map(([path]) => path)).toEqual([
      'node_modules/@bufbuild/buf',
      'node_modules/node',
      'node_modules/protobufjs',
    ]);
  });
});

describe('the direction of imports', () => {
  const allowed: readonly [path: string, statement: string][] = [
    ['controller/core/jobs.ts', "import { x } from '#domain/job.ts';"],
    ['controller/core/jobs.ts', "import type { X } from '#gen/isobar/log/v1/event.ts';"],
    ['controller/core/jobs.ts', "export type { X } from './state.ts';"],
    ['controller/core/jobs.test.ts', "import { world } from '#simulation/world.ts';"],
    ['controller/log/sqlite.test.ts', "import { contract } from './contract.ts';"],
    [
      'controller/agent/executors/local.test.ts',
      "import { contract } from '#ports/executor.contract.ts';",
    ],
    ['controller/simulation/world.ts', "import { loop } from '#loop/loop.ts';"],
    ['controller/main/isobar.ts', "import { serve } from '#server/serve.ts';"],
    ['infra/components/site.ts', "import { labels } from '#domain/labels.ts';"],
    ['dashboards/coverage.ts', "import { catalog } from '#metrics/catalog.ts';"],
    ['bench/main.ts', "import { plan } from '#scheduler/plan.ts';"],
    ['controller/core/jobs.ts', "// import { x } from '#loop/loop.ts';"],
    ['controller/core/jobs.ts', `const quoted = "import { x } from '#loop/loop.ts'";`],
  ];
  test.each(allowed)('%s may say %s', (path, statement) => {
    expect(rules(statement, path)).toEqual([]);
  });

  const refused: readonly [path: string, statement: string, rule: string][] = [
    ['controller/domain/job.ts', "import { x } from '#core/jobs.ts';", 'direction'],
    ['controller/domain/job.ts', "import type { X } from '#gen/isobar/v1/job.ts';", 'direction'],
    ['controller/core/jobs.ts', "import { x } from '#gen/isobar/log/v1/event.ts';", 'direction'],
    ['controller/core/jobs.ts', "import type { X } from '#gen/isobar/v1/job.ts';", 'direction'],
    [
      'controller/core/jobs.ts',
      "import { type X } from '#gen/isobar/log/v1/event.ts';",
      'direction',
    ],
    ['controller/core/jobs.ts', "import {\n  x,\n  y,\n} from '#loop/loop.ts';", 'direction'],
    ['controller/core/jobs.ts', "import { world } from '#simulation/world.ts';", 'direction'],
    ['controller/core/jobs.ts', "import '#loop/loop.ts';", 'direction'],
    ['controller/core/jobs.ts', "export * from '#loop/loop.ts';", 'direction'],
    ['controller/server/jobs.ts', "import { decide } from '#core/decide.ts';", 'direction'],
    ['controller/loop/loop.ts', "const x = await import('#log/sqlite.ts');", 'direction'],
    ['controller/server/jobs.test.ts', "import { decide } from '#core/decide.ts';", 'direction'],
    ['controller/cli/get.ts', "import { x } from '#gen/isobar/v1/job.ts';", 'direction'],
    ['controller/simulation/world.ts', "import { serve } from '#server/serve.ts';", 'direction'],
    ['controller/agent/uplink.ts', "import { x } from '#metrics/exporter.ts';", 'direction'],
    ['controller/metrics/catalog.ts', "import { x } from '#domain/units.ts';", 'direction'],
    ['infra/components/site.ts', "import { x } from '#domain/job.ts';", 'direction'],
    ['dashboards/coverage.ts', "import { x } from '#domain/labels.ts';", 'direction'],
    ['controller/loop/loop.ts', "import { x } from '../core/decide.ts';", 'relative'],
    [
      'infra/components/site.ts',
      "import { x } from '../../controller/domain/labels.ts';",
      'relative',
    ],
    ['controller/core/jobs.ts', "import { x } from './state';", 'extension'],
    ['controller/core/jobs.ts', "import { x } from '#domain/job.js';", 'extension'],
  ];
  test.each(refused)('%s may not say %s', (path, statement, rule) => {
    expect(rules(statement, path)).toEqual([rule]);
  });
});

describe('the pure rooms', () => {
  const impure: readonly string[] = [
    "import { readFileSync } from 'node:fs';",
    "import { z } from 'zod';",
    "import type { Call } from '@grpc/grpc-js';",
    'export async function f() {}',
    'const x = await g();',
    'let p: Promise<void>;',
    'const now = Date.now();',
    'const now = new Date();',
    'const now = new Date;',
    'const now = performance.now();',
    'const id = `job-${Math.random()}`;',
    'const id = crypto.randomUUID();',
    'setTimeout(f, 10);',
    'queueMicrotask(f);',
    'console.log(1);',
    'const e = process.env;',
    'names.sort((a, b) => a.localeCompare(b));',
  ];
  test.each(impure)('none may say %s', (text) => {
    for (const room of pureRooms) expect(rules(text, `controller/${room}/x.ts`)).toContain('pure');
    expect(rules(text, 'controller/loop/x.ts')).toEqual([]);
    expect(rules(text, 'controller/core/x.test.ts')).toEqual([]);
  });

  const pure: readonly string[] = [
    '// It does not await a Promise, and never asks Date.now().',
    '/** @see setTimeout() */',
    "const words = 'await Date.now()';",
    'const time = new Date(createTimeMs);',
    'const pattern = /async|await/;',
    'job.process.start();',
    'const half = a / 2; const b = awaiting / 3;',
  ];
  test.each(pure)('all may say %s', (text) => {
    for (const room of pureRooms) expect(rules(text, `controller/${room}/x.ts`)).toEqual([]);
  });
});

describe('words and syntax', () => {
  // Two pieces where the whole would be a finding in this file.
  const whole = (...pieces: string[]): string => pieces.join('');
  const refused: readonly [text: string, path: string, rule: string][] = [
    ['export enum Phase { A }', 'controller/loop/x.ts', 'erasable'],
    ['const enum Phase { A }', 'controller/loop/x.ts', 'erasable'],
    ['declare namespace Units {\n}', 'controller/loop/x.ts', 'erasable'],
    [whole('// TO', 'DO: finish'), 'controller/loop/x.ts', 'unfinished'],
    [whole('# FIX', 'ME'), 'infra/README.md', 'unfinished'],
    [whole('cd /wo', 'rk/main'), 'README.md', 'machine-path'],
    [whole('see /home', '/me/notes'), 'README.md', 'machine-path'],
    [whole('https://registry.npm', 'js.org/x'), 'stacks/demo/x.yaml', 'registry-host'],
    [whole('GOPROXY=https://proxy.gol', 'ang.org'), 'e2e/build.sh', 'registry-host'],
    ["test.only('x', () => {});", 'controller/loop/x.test.ts', 'focused'],
    ["describe.only.each([1])('x', () => {});", 'controller/loop/x.test.ts', 'focused'],
    ["test.skip('x', () => {});", 'controller/loop/x.test.ts', 'skipped'],
    ["test.todo('x');", 'controller/loop/x.test.ts', 'skipped'],
  ];
  test.each(refused)('%j in %s is refused', (text, path, rule) => {
    expect(rules(text, path)).toEqual([rule]);
  });

  const allowed: readonly [text: string, path: string][] = [
    ['const enumerated = 1;', 'controller/loop/x.ts'],
    ["// There is no such clock on macOS.\ntest.skip('x', () => {});", 'controller/loop/x.test.ts'],
    ["test.skipIf(process.platform === 'win32')('x', () => {});", 'controller/loop/x.test.ts'],
    ['export namespace Phase {}', 'controller/gen/isobar/v1/x.ts'],
    ['see https://example.org/work/plan', 'README.md'],
  ];
  test.each(allowed)('%j in %s is fine', (text, path) => {
    expect(rules(text, path)).toEqual([]);
  });

  test('a file of more than 400 lines is too long, unless it is a test or generated', () => {
    const lines = (count: number): string => 'x;\n'.repeat(count);
    expect(rules(lines(401), 'controller/loop/x.ts')).toEqual(['long-file']);
    expect(rules(lines(400), 'controller/loop/x.ts')).toEqual([]);
    expect(rules(lines(401), 'controller/loop/x.test.ts')).toEqual([]);
    expect(rules(lines(401), 'controller/gen/isobar/v1/x.ts')).toEqual([]);
  });

  test('a finding names the line', () => {
    expect(
      checkFile(
        "import { x } from '#domain/x.ts';\n\nconst e = process.env;\n",
        'controller/core/x.ts',
      ),
    ).toEqual([expect.objectContaining({ line: 3, rule: 'pure' })]);
  });
});

function rules(text: string, path: string): string[] {
  return checkFile(text, path).map(({ rule }) => rule);
}

/** The linter's coarser copy of the table: whole rooms, so that an editor shows a wrong import while it is written. */
function linterOverrides(): unknown[] {
  const rooms = [...Object.keys(mayImport), 'gen'];
  const topLevel = ['bench', 'e2e', 'infra', 'dashboards'];
  const restricted = Object.entries(mayImport).flatMap(([room, rows]) => {
    const reaches = (other: string, prefix: string): boolean =>
      rows.some((row) => row.startsWith(`${prefix}${other}/`) || row === prefix);
    const closed = rooms.filter(
      (other) => other !== room && !reaches(other, '') && !reaches(other, 'type '),
    );
    const forTypes = rooms.filter(
      (other) => other !== room && !reaches(other, '') && reaches(other, 'type '),
    );
    const patterns = [
      ...(closed.length === 0
        ? []
        : [{ regex: `^#(${closed.join('|')})/`, message: `${room} does not know this room.` }]),
      ...forTypes.map((other) => ({
        regex: `^#${other}/`,
        allowTypeImports: true,
        message: `${room} takes only types from ${other}.`,
      })),
      ...(pureRooms.includes(room)
        ? [{ regex: '^[^#.]', message: `${room} imports no package.` }]
        : []),
    ];
    const folder = topLevel.includes(room) ? room : `controller/${room}`;
    return patterns.length === 0
      ? []
      : [{ files: [`${folder}/**`], rules: { 'no-restricted-imports': ['error', { patterns }] } }];
  });
  // Tests may also import the simulation and contracts; the table's own check knows which.
  return [...restricted, { files: ['**/*.test.ts'], rules: { 'no-restricted-imports': 'off' } }];
}
