// Brings package-lock.json up to date with package.json: `npm run lock`, then `npm ci`.
//
// npm leaves out of the lock an optional package that the registry at hand does not serve, such as the binary of a tool
// for another operating system, and then `npm ci` refuses the lock everywhere. Such packages are added here with what
// their parent says of them. They carry no integrity hash, since nobody saw their content.
//
// npm would also compare what packages say of their Node with the Node that it runs on itself. They are run by the packaged
// one, so `engines` is left out and `npm ci` has nothing to warn of.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Entry = {
  version: string;
  dev?: boolean;
  engines?: Record<string, string>;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
};

const operatingSystems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'sunos',
  'win32',
];
const processors = [
  'arm',
  'arm64',
  'ia32',
  'ppc64',
  'riscv64',
  's390x',
  'x64',
  'loong64',
  'mips64el',
];
const spellings: Record<string, string> = {
  aarch64: 'arm64',
  armv7: 'arm',
  'wasm32-wasi': 'wasm32',
};

process.chdir(join(import.meta.dirname, '..'));

// From nothing: beside an installed tree npm writes only what is installed here.
rmSync('node_modules', { recursive: true, force: true });
const { status } = spawnSync('npm', ['install', '--package-lock-only'], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, Entry>;
};
const added = complete(lock.packages);
for (const [path, entry] of Object.entries(lock.packages)) if (path !== '') delete entry.engines;
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en')),
);
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
console.log(`Added ${added.length} packages for other machines.`);

function complete(packages: Record<string, Entry>): string[] {
  const missing = Object.entries(packages).flatMap(([path, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(
        ([name]) =>
          !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
      )
      .map(([name, version]) => ({ name, version, dev: parent.dev })),
  );
  for (const { name, version, dev } of missing) {
    const words = name.split(/[/-]/).map((word) => spellings[word] ?? word);
    packages[`node_modules/${name}`] = {
      version,
      ...(dev === undefined ? {} : { dev }),
      optional: true,
      ...only(
        'os',
        words.filter((word) => operatingSystems.includes(word)),
      ),
      ...only(
        'cpu',
        words.filter((word) => processors.includes(word)),
      ),
      ...only(
        'libc',
        words.filter((word) => word === 'musl'),
      ),
    };
  }
  return missing.map(({ name }) => name);
}

function only(field: 'os' | 'cpu' | 'libc', values: string[]): Partial<Entry> {
  return values.length === 0 ? {} : { [field]: values };
}
