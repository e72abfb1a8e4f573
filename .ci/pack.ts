// Makes the folder that is published, dist/ unless another is named: JavaScript and declarations, the launcher and the proto
// files. Node refuses to run TypeScript below node_modules, so the sources stay here. `npm run pack`, then
// `npm publish ./dist`.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: string;
  /** In the checkout of the Node that npm runs on; of the package what its own programs need. */
  readonly engines: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, '..', 'dist'));
process.chdir(join(import.meta.dirname, '..'));

rmSync(folder, { recursive: true, force: true });
run('tsc', '--project', 'tsconfig.pack.json', '--outDir', folder);
mkdirSync(join(folder, 'bin'));
copyFileSync('bin/isobar.js', join(folder, 'bin/isobar.js'));
cpSync('proto', join(folder, 'proto'), { recursive: true });
for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md']) copyFileSync(file, join(folder, file));
const { name, version } = writeManifest();
// A package that does not start is found here and not by those who install it.
run('node', join(folder, 'bin/isobar.js'), 'version');
run('npm', 'pack', folder, '--pack-destination', folder, '--loglevel', 'error');
console.log(join(folder, `${name}-${version}.tgz`));

/**
 * The package's own package.json. Sources import `#room/file.ts` and TypeScript leaves that as it is; the map resolves it
 * to the emitted file, beside which the declarations lie.
 */
function writeManifest(): Manifest {
  // Our own file; tests of the package hold it to the rest.
  const source = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  const imports = Object.entries(source.imports)
    .filter(([, target]) => existsSync(join(folder, target.replace('*.ts', ''))))
    .map(([specifier, target]) => [specifier, toEmitted(target)]);
  const exported = Object.entries(source.exports).map(([path, target]) => [
    path,
    toEmitted(target),
  ]);
  const manifest: Manifest = {
    name: source.name,
    version: source.version,
    description: source.description,
    license: source.license,
    type: source.type,
    engines: { node: `>=${oldestNode(source)}` },
    bin: source.bin,
    exports: Object.fromEntries(exported),
    imports: Object.fromEntries(imports),
    dependencies: source.dependencies,
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** The one that the checkout brings along and everything is tested with. */
function oldestNode({ devDependencies }: Manifest): string {
  const [major = ''] = (devDependencies?.['node'] ?? '').split('.');
  return major;
}

function toEmitted(source: string): string {
  return source.replace(/\.ts$/, '.js');
}

function run(command: string, ...args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`\`${[command, ...args].join(' ')}\` failed: nothing was packed.`);
    process.exit(1);
  }
}
