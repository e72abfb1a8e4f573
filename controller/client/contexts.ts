// Which controller, as whom: contexts.yaml. One file format for the configuration of a person and for what a demo leaves
// in its data directory, so that the command finds a running demo by itself.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { readEntries } from './documents.ts';
import { list, object, type Place, text } from './fields.ts';
import { FileError } from './file-error.ts';
import { IsobarError } from './isobar-error.ts';
import { didYouMean } from './near-miss.ts';

export interface Context {
  readonly name: string;
  /** host:port of the controllers. */
  readonly addresses: readonly string[];
  /** host:port of the enrolment listener. Empty: not known. */
  readonly enrolment: string;
  /** Id of the tenant that commands mean when they name none. Empty: none. */
  readonly tenant: string;
  /** Absolute path of the folder with certificate.pem, key.pem and authority.pem. Empty: no identity yet. */
  readonly identityDir: string;
  /** The file that it stands in. */
  readonly file: string;
}

export interface ContextFile {
  readonly file: string;
  readonly current: string;
  readonly contexts: readonly Context[];
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

const shape = object({
  current: text,
  contexts: list(
    object({
      name: text,
      addresses: list(text),
      enrolment: text,
      tenant: text,
      identityDir: text,
    }),
  ),
});

/** `ISOBAR_CONFIG`, else config.yaml in the XDG directory. */
export function configFile({ env, cwd }: Surroundings): string {
  if (env['ISOBAR_CONFIG']) return resolve(cwd, env['ISOBAR_CONFIG']);
  return join(configHome(env), 'config.yaml');
}

/** Where identities of contexts without a folder of their own go. */
export function configHome(env: Surroundings['env']): string {
  return join(env['XDG_CONFIG_HOME'] || join(env['HOME'] ?? homedir(), '.config'), 'isobar');
}

/** contexts.yaml of the nearest demo, from the working directory upwards. */
function demoFile(cwd: string): string | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const file = join(folder, '.isobar', 'demo', 'contexts.yaml');
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * The named context, else the configured current one, else the demo's. An explicit configuration goes before discovery:
 * nobody should reach a demo because they happen to stand in its folder.
 */
export function findContext(around: Surroundings, name?: string): Context {
  const files = contextFiles(around);
  if (name !== undefined) {
    const all = files.flatMap(({ contexts }) => contexts);
    const found = all.find((context) => context.name === name);
    if (found !== undefined) return found;
    // One that was taken over from a demo stands in both files.
    const names = [...new Set(all.map((context) => context.name))];
    const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
    throw noContext(`no context ${name}${didYouMean(name, names)} (${known})`);
  }
  for (const { current, contexts, file } of files) {
    if (current === '') continue;
    const found = contexts.find((context) => context.name === current);
    if (found !== undefined) return found;
    throw noContext(`${file}: the current context ${current} is not among its contexts`);
  }
  throw noContext('no context: neither configured nor a demo in this folder or above');
}

/** The configured file and the demo's, those that exist. */
export function contextFiles(around: Surroundings): ContextFile[] {
  const demo = demoFile(around.cwd);
  return [configFile(around), ...(demo === undefined ? [] : [demo])]
    .filter((file, index, all) => existsSync(file) && all.indexOf(file) === index)
    .map(readContexts);
}

/** Throws FileError with everything that is wrong in it. */
export function readContexts(file: string): ContextFile {
  const place: Place = { path: [], keys: 'snake', findings: [] };
  const [entry] = readEntries(readFileSync(file, 'utf8'), file);
  const parsed = entry && shape(entry.value, place);
  if (entry !== undefined && place.findings.length > 0) {
    throw new FileError(place.findings.map((finding) => entry.locate(finding)));
  }
  return {
    file,
    current: parsed?.current ?? '',
    contexts: (parsed?.contexts ?? []).map((context) => ({
      name: context.name ?? '',
      addresses: context.addresses ?? [],
      enrolment: context.enrolment ?? '',
      tenant: context.tenant ?? '',
      identityDir: context.identityDir ? resolve(dirname(file), context.identityDir) : '',
      file,
    })),
  };
}

/** Replaces the file in one step, so that a command running beside it reads the old or the new one. */
export function writeContexts({ file, current, contexts }: ContextFile): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const value = {
    current,
    contexts: contexts.map((context) => ({
      name: context.name,
      addresses: context.addresses,
      ...(context.enrolment && { enrolment: context.enrolment }),
      ...(context.tenant && { tenant: context.tenant }),
      ...(context.identityDir && { identity_dir: context.identityDir }),
    })),
  };
  const beside = `${file}.${process.pid}.new`;
  // Without anchors: people copy single contexts out of it.
  writeFileSync(beside, stringify(value, { aliasDuplicateObjects: false }), { mode: 0o600 });
  renameSync(beside, file);
}

function noContext(message: string): IsobarError {
  return new IsobarError(message, { code: 'FAILED_PRECONDITION', reason: 'NO_CONTEXT' });
}
