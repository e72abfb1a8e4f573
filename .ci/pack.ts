// Makes dist/, the folder that is published: JavaScript and declarations, the launcher and the proto files. Node refuses
// to run TypeScript below node_modules, so the sources stay here. `npm run pack`, then `npm publish ./dist`.
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
import { join } from 'node:path';

process.chdir(join(import.meta.dirname, '..'));

rmSync('dist', { recursive: true, force: true });
run('tsc', '--project', 'tsconfig.pack.json');
mkdirSync('dist/bin');
copyFileSync('bin/isobar.js', 'dist/bin/isobar.js');
if (existsSync('proto')) cpSync('proto', 'dist/proto', { recursive: true });
for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md']) copyFileSync(file, `dist/${file}`);
const { version } = writeManifest();
// A package that does not start is found here and not by those who install it.
run('node', 'dist/bin/isobar.js', 'version');
run('npm', 'pack', './dist', '--pack-destination', 'dist');
console.log(`dist/isobar-${version}.tgz`);

/**
 * The package's own package.json. Sources import `#room/file.ts` and TypeScript leaves that as it is; the map resolves it
 * to the emitted file, beside which the declarations lie.
 */
function writeManifest(): { version: string } {
  const source = JSON.parse(readFileSync('package.json', 'utf8'));
  const imports = Object.entries<string>(source.imports)
    .filter(([, target]) => existsSync(join('dist', target.replace('*.ts', ''))))
    .map(([specifier, target]) => [specifier, target.replace('*.ts', '*.js')]);
  const manifest = {
    name: source.name,
    version: source.version,
    description: source.description,
    license: source.license,
    type: source.type,
    engines: source.engines,
    bin: source.bin,
    imports: Object.fromEntries(imports),
    dependencies: source.dependencies,
  };
  writeFileSync('dist/package.json', `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

function run(command: string, ...args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`\`${[command, ...args].join(' ')}\` failed: nothing was packed.`);
    process.exit(1);
  }
}
