// The rules of task groups: what to run, with what, in which surroundings.
import { credentialIn, credentialInVariable } from './credentials.ts';
import type {
  DeviceRequest,
  EnvVar,
  FileContent,
  ResourceRequest,
  SecretRef,
  TaskGroup,
} from './job-spec.ts';
import { ID_RULE, isId } from './names.ts';
import type { Wrong } from './refusal.ts';
import { WHOLE_DEVICE } from './resources.ts';

const MAX_GROUPS = 16;
const MAX_REPLICAS = 10_000;
const MAX_ARGUMENTS = 4096;
/** Linux takes no longer argument than this, and no longer variable. */
const MAX_ARGUMENT_LENGTH = 131_000;
const MAX_VARIABLES = 256;
const MAX_FILES = 64;
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_PATH_LENGTH = 1024;
const MAX_MODE = 0o777;
const MAX_EXTRAS = 8;
const MAX_DEVICE_REQUESTS = 16;
const MAX_DEVICES = 64;
/** Columns of nodes are 32 bits wide: what is larger fits nowhere. */
const MAX_AMOUNT = 2 ** 31 - 1;

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$/;
const EXTRA = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;
const MODEL = /^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}$/;
/** One file name, and none that begins with a dot: the agent reads it below its secrets' directory. */
const SECRET_PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$/;

export function checkGroups(groups: readonly TaskGroup[], wrong: Wrong): void {
  if (groups.length === 0)
    wrong('groups', 'is empty; give at least one task group with its command');
  if (groups.length > MAX_GROUPS)
    wrong('groups', `has ${groups.length} groups, at most ${MAX_GROUPS} are allowed`);
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i];
    if (group !== undefined) checkGroup(group, i, groups, wrong);
  }
}

function checkGroup(
  group: TaskGroup,
  at: number,
  groups: readonly TaskGroup[],
  wrong: Wrong,
): void {
  const here: Wrong = (field, description) => wrong(`groups[${at}].${field}`, description);
  if (group.name === '') {
    if (groups.length > 1) here('name', 'is empty; groups of a job with several need names');
  } else if (!isId(group.name)) here('name', `must be ${ID_RULE}`);
  else if (at > 0 && groups.findIndex(({ name }) => name === group.name) < at) {
    here('name', `${group.name} is the name of an earlier group; names are unique in the job`);
  }
  checkCommand(group, here);
  if (group.image !== '' && !IMAGE.test(group.image)) {
    here('image', 'is no name of an image, such as registry.example/solver:1.4');
  }
  if (group.replicas > MAX_REPLICAS)
    here('replicas', `is ${group.replicas}, must be from 1 to ${MAX_REPLICAS}`);
  if (group.resources !== undefined) checkResources(group.resources, here);
  if (group.env.length > 0) checkEnv(group.env, here);
  if (group.files.length > 0) checkFiles(group.files, here);
}

function checkCommand({ command, args }: TaskGroup, wrong: Wrong): void {
  if (command.length === 0 || command[0] === '') {
    wrong('command', 'is empty; give the program and its first arguments');
  }
  const count = command.length + args.length;
  if (count > MAX_ARGUMENTS)
    wrong('args', `are ${count} with the command, at most ${MAX_ARGUMENTS} are allowed`);
  checkArguments(command, 'command', wrong);
  checkArguments(args, 'args', wrong);
}

function checkArguments(list: readonly string[], field: string, wrong: Wrong): void {
  for (let i = 0; i < list.length; i++) {
    const text = list[i] ?? '';
    if (!isArgument(text)) wrong(`${field}[${i}]`, ARGUMENT_RULE);
    const found = credentialIn(text);
    if (found !== undefined) {
      wrong(
        `${field}[${i}]`,
        `holds ${found}, which everybody on the machine could read; give it as an env variable from a secret`,
      );
    }
  }
}

const ARGUMENT_RULE = `must have at most ${MAX_ARGUMENT_LENGTH} characters and no NUL; put larger inputs into files`;

function isArgument(text: string): boolean {
  return text.length <= MAX_ARGUMENT_LENGTH && !text.includes('\0');
}

function checkResources(asked: ResourceRequest, wrong: Wrong): void {
  for (const [name, amount] of [
    ['cpu_millis', asked.cpuMillis],
    ['memory_mib', asked.memoryMib],
    ['storage_mib', asked.storageMib],
  ] as const) {
    if (amount > MAX_AMOUNT)
      wrong(`resources.${name}`, `is ${amount}, more than any node has (${MAX_AMOUNT})`);
  }
  let extras = 0;
  for (const name in asked.extra) {
    extras++;
    const amount = asked.extra[name] ?? 0;
    const field = `resources.extra[${JSON.stringify(name)}]`;
    if (!EXTRA.test(name))
      wrong(
        field,
        'has a name of other than letters, digits, dots, hyphens, underscores and slashes',
      );
    else if (amount < 1 || amount > MAX_AMOUNT)
      wrong(field, `is ${amount}, must be from 1 to ${MAX_AMOUNT}`);
  }
  if (extras > MAX_EXTRAS)
    wrong('resources.extra', `has ${extras} entries, at most ${MAX_EXTRAS} are allowed`);
  if (asked.devices.length > MAX_DEVICE_REQUESTS) {
    wrong(
      'resources.devices',
      `has ${asked.devices.length} entries, at most ${MAX_DEVICE_REQUESTS} are allowed`,
    );
  }
  for (let i = 0; i < asked.devices.length; i++)
    checkDevice(asked.devices[i]!, `resources.devices[${i}]`, wrong); // below its length
}

function checkDevice(device: DeviceRequest, field: string, wrong: Wrong): void {
  if (device.model !== '' && !MODEL.test(device.model))
    wrong(`${field}.model`, 'is no name of a model, such as A100');
  if (device.count < 1 || device.count > MAX_DEVICES) {
    wrong(`${field}.count`, `is ${device.count}, must be from 1 to ${MAX_DEVICES}`);
  }
  const share = device.shareThousandths;
  if (share > WHOLE_DEVICE)
    wrong(`${field}.share_thousandths`, `is ${share}, must be from 1 to ${WHOLE_DEVICE}`);
  else if (share > 0 && share < WHOLE_DEVICE && device.count > 1) {
    wrong(
      `${field}.count`,
      'must be 1 when a share of a device is asked for; ask for whole devices, or for one share',
    );
  }
  if (device.memoryMib > MAX_AMOUNT)
    wrong(`${field}.memory_mib`, `is more than any device has (${MAX_AMOUNT})`);
}

function checkEnv(env: readonly EnvVar[], wrong: Wrong): void {
  if (env.length > MAX_VARIABLES)
    wrong('env', `has ${env.length} variables, at most ${MAX_VARIABLES} are allowed`);
  const names = new Set<string>();
  for (let i = 0; i < env.length; i++) {
    const { name, source } = env[i]!; // below its length
    if (!VARIABLE.test(name)) {
      wrong(
        `env[${i}].name`,
        'must be 1 to 128 letters, digits and underscores that do not begin with a digit',
      );
    } else if (name.startsWith('ISOBAR_'))
      wrong(`env[${i}].name`, 'begins with ISOBAR_, which the agent sets; take another');
    if (names.has(name)) wrong(`env[${i}].name`, `${name} is set by an earlier entry`);
    names.add(name);
    if (source === undefined) wrong(`env[${i}]`, 'has no source; give a value or a secret');
    else if (source.$case === 'secret') checkSecret(source.value, `env[${i}].secret`, wrong);
    else {
      if (!isArgument(source.value)) wrong(`env[${i}].value`, ARGUMENT_RULE);
      const found = credentialInVariable(name, source.value);
      if (found !== undefined) wrong(`env[${i}].value`, `of ${name} ${credentialAdvice(found)}`);
    }
  }
}

function checkFiles(files: readonly FileContent[], wrong: Wrong): void {
  if (files.length > MAX_FILES)
    wrong('files', `has ${files.length} files, at most ${MAX_FILES} are allowed`);
  const paths = new Set<string>();
  let bytes = 0;
  for (let i = 0; i < files.length; i++) {
    const { path, mode, source } = files[i]!; // below its length
    if (!isRelativePath(path))
      wrong(`files[${i}].path`, "must be a relative path below the task's directory, without ..");
    if (paths.has(path)) wrong(`files[${i}].path`, `${path} is an earlier file's`);
    paths.add(path);
    if (mode > MAX_MODE) wrong(`files[${i}].mode`, 'must be permission bits, at most 0777');
    if (source === undefined) wrong(`files[${i}]`, 'has no source; give its content or a secret');
    else if (source.$case === 'secret') checkSecret(source.value, `files[${i}].secret`, wrong);
    else {
      bytes += source.value.length;
      const found =
        source.value.length > MAX_FILE_BYTES ? undefined : credentialIn(textOf(source.value));
      if (found !== undefined) wrong(`files[${i}].content`, credentialAdvice(found));
    }
  }
  if (bytes > MAX_FILE_BYTES) {
    wrong(
      'files',
      `have ${bytes} bytes together, at most ${MAX_FILE_BYTES} are allowed; let the task fetch larger inputs`,
    );
  }
}

function checkSecret({ secret, key }: SecretRef, field: string, wrong: Wrong): void {
  const rule = 'must be letters, digits, dots, hyphens and underscores, not beginning with a dot';
  if (!SECRET_PART.test(secret)) wrong(`${field}.secret`, rule);
  if (!SECRET_PART.test(key)) wrong(`${field}.key`, rule);
}

function credentialAdvice(found: string): string {
  return `looks like ${found}; put it into a secret of the data center and name that here, since a specification can be read by many`;
}

function isRelativePath(path: string): boolean {
  if (
    path.length === 0 ||
    path.length > MAX_PATH_LENGTH ||
    path.includes('\0') ||
    path.includes('\\')
  )
    return false;
  return path
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && part.length <= 255);
}

/** Byte for byte: credentials are ASCII, whatever else the file is. */
function textOf(content: Uint8Array): string {
  return new TextDecoder('latin1').decode(content);
}
