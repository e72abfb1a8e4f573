// From an assignment to what the supervisor is told to start, or to the reason why it is not started. Everything that a
// job can say is checked here, before anything happens.
import { readFileSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { parseName } from '#domain/names.ts';
import type { Allocation, DeviceAllocation } from '#gen/isobar/v1/run.ts';
import type { Assignment } from '#gen/isobar/v1/agent.ts';
import {
  type EnvVar,
  type FileContent,
  JobSpec,
  type SecretRef,
  type TaskGroup,
} from '#gen/isobar/v1/job.ts';
import type { RunKey } from '#ports/executor.ts';
import { type SiteRules, matchesAny } from '../site.ts';
import { DEFAULT_GRACE_MS, millisOf } from '../spec.ts';
import { type LocalDevice, variablesOf } from './devices.ts';
import type { Plan, PlannedGroup, User, Why } from './protocol.ts';
import { codeOf } from './proc.ts';
import { findProgram } from './programs.ts';

export interface PlanOptions {
  readonly site: SiteRules;
  /** Directory with `NAME/KEY`. Absent: there are no secrets. */
  readonly secretsDir?: string | undefined;
  /** The one tenant that may run as the agent's own user; asked only where that matters. */
  readonly firstTenant: (tenant: string) => string;
  /** Those of a node, in the order in which they were reported. */
  readonly devicesOf: (node: string) => readonly LocalDevice[];
}

export type Planned = { readonly plan: Plan } | { readonly refused: Why };

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** A name or a key of a secret: one file name, and none that begins with a dot. */
const SECRET_PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
const DEFAULT_FILE_MODE = 0o644;
const PERMISSIONS = 0o777;

export function planOf(assignment: Assignment, run: RunKey, options: PlanOptions): Planned {
  try {
    return { plan: makePlan(assignment, run, options) };
  } catch (error) {
    if (error instanceof Refused) return { refused: error.why };
    throw error;
  }
}

/** Carries a refusal out of the depths of a plan; `planOf` turns it into a value. */
class Refused extends Error {
  readonly why: Why;

  constructor(code: 'START_FAILED' | 'NOT_ALLOWED_BY_SITE', subject: string) {
    super(subject);
    this.why = { code, subject, needed: 0 };
  }
}

const forbidden = (subject: string): Refused => new Refused('NOT_ALLOWED_BY_SITE', subject);
const broken = (subject: string): Refused => new Refused('START_FAILED', subject);

function makePlan(assignment: Assignment, run: RunKey, options: PlanOptions): Plan {
  const { site } = options;
  const spec = decode(assignment.spec);
  const tenant = parseName('tenants/*/jobs/*', assignment.job)?.[0];
  if (tenant === undefined) throw broken(`${assignment.job} is no name of a job`);
  const user = userOf(tenant, options);
  const nodes = placesByRank(spec.groups, assignment.allocations);
  if (nodes.length === 0) throw broken('it was given no room');
  const shared = {
    ISOBAR_JOB: assignment.job,
    ISOBAR_UID: String(run.jobUid),
    ISOBAR_INDEX: String(run.index),
    ISOBAR_EPOCH: String(run.epoch),
    ISOBAR_SIZE: String(nodes.length),
    ISOBAR_PEERS: nodes.map(({ node }) => node).join(','),
  };
  return {
    run: { jobUid: run.jobUid, index: run.index, epoch: run.epoch },
    job: assignment.job,
    leased: !assignment.withoutLease,
    signal: STOP_SIGNALS.find((name) => name === spec.stopSignal) ?? 'SIGTERM',
    graceMs: millisOf(spec.stopGrace) ?? DEFAULT_GRACE_MS,
    maxRunMs: maxRunMsOf(spec, site),
    ...(user && { user }),
    groups: spec.groups.map((group) => plannedGroup(group, shared, tenant, options)),
    ranks: nodes.map(({ group }) => group),
    devices: devicesByRank(nodes, options),
  };
}

function decode(bytes: Uint8Array): JobSpec {
  let spec;
  try {
    spec = JobSpec.decode(bytes);
  } catch {
    throw broken('its specification cannot be read');
  }
  if (spec.groups.length === 0) throw broken('its specification has no task groups');
  return spec;
}

function userOf(tenant: string, { site, firstTenant }: PlanOptions): User | undefined {
  if (site.allowTenants !== undefined && !matchesAny(site.allowTenants, tenant)) {
    throw forbidden(`tenant ${tenant}`);
  }
  const user = site.tenants[tenant];
  if (user !== undefined || site.demo) return user;
  if (Object.keys(site.tenants).length > 0) {
    throw forbidden(`tenant ${tenant}, which has no user here`);
  }
  const first = firstTenant(tenant);
  if (first !== tenant) {
    throw forbidden(
      `tenant ${tenant}, because tenants have no users of their own and ${first} is here`,
    );
  }
  return undefined;
}

interface Place {
  readonly node: string;
  readonly group: number;
  readonly devices: readonly DeviceAllocation[];
}

/** Ranks count all tasks of the job, group by group. */
function placesByRank(groups: readonly TaskGroup[], allocations: readonly Allocation[]): Place[] {
  return groups.flatMap((_, group) =>
    allocations
      .filter((allocation) => allocation.group === group)
      .flatMap(({ node, tasks, devices }) => {
        // A task with devices is an allocation of its own; should there be several in one, each has as many as the others.
        const each = devices.length / tasks;
        return Array.from({ length: tasks }, (__, task) => {
          return { node, group, devices: devices.slice(task * each, (task + 1) * each) };
        });
      }),
  );
}

function devicesByRank(places: readonly Place[], { devicesOf }: PlanOptions): Plan['devices'] {
  const found: Record<string, Readonly<Record<string, string>>> = {};
  for (const [rank, { node, devices }] of places.entries()) {
    if (devices.length === 0) continue;
    const told = variablesOf(devices, devicesOf(node));
    if (told === undefined) throw broken(`a device that node ${node} does not have`);
    found[rank] = told;
  }
  return found;
}

function maxRunMsOf(spec: JobSpec, site: SiteRules): number {
  const asked = millisOf(spec.maxRunTime) ?? 0;
  const limit = site.maxRunMs;
  if (limit === undefined) return asked;
  if (asked > limit)
    throw forbidden(`a run time of ${asked / 1000} s, more than ${limit / 1000} s`);
  return asked === 0 ? limit : asked;
}

function plannedGroup(
  group: TaskGroup,
  shared: Readonly<Record<string, string>>,
  tenant: string,
  options: PlanOptions,
): PlannedGroup {
  const { site } = options;
  if (group.image !== '') {
    if (matchesAny(site.denyImages, group.image)) throw forbidden(`image ${group.image}`);
    throw broken(`image ${group.image}: programs are run here, no images`);
  }
  const secret = (ref: SecretRef): Buffer => readSecret(ref, tenant, options);
  const env = variables(group.env, site, secret);
  const { memoryMib = 0, cpuMillis = 0 } = group.resources ?? {};
  return {
    memoryMib,
    cpuMillis,
    argv: [programOf(group, site), ...group.command.slice(1), ...group.args],
    env: { ...env, ...shared, ISOBAR_GROUP: group.name === '' ? 'main' : group.name },
    files: group.files.map((file) => plannedFile(file, secret)),
  };
}

/**
 * Where not everything is allowed, the program that was judged is the one that runs: its path is found here, in the site's
 * PATH and not in the job's.
 */
function programOf(group: TaskGroup, site: SiteRules): string {
  const [asked = ''] = group.command;
  if (asked === '' || asked.includes('\0')) throw broken(`group ${group.name} has no program`);
  const allowed = site.allowCommands ?? (site.demo ? undefined : []);
  if (allowed === undefined) return asked;
  const isName = !asked.includes('/');
  const path = isName ? findProgram(asked) : normalize(asked);
  const isAllowed =
    path !== undefined &&
    (isName ? [asked, path] : [path]).some((each) => matchesAny(allowed, each));
  if (!isAllowed) throw forbidden(`program ${asked}`);
  return path;
}

function variables(
  env: readonly EnvVar[],
  site: SiteRules,
  secret: (ref: SecretRef) => Buffer,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, source } of env) {
    if (!NAME.test(name) || name.startsWith('ISOBAR_')) throw broken(`variable ${name}`);
    if (matchesAny(site.denyEnv, name)) continue;
    // Editors end a file with a newline, which no password ends with.
    const value =
      source?.$case === 'secret'
        ? secret(source.value).toString('utf8').replace(/\n$/, '')
        : (source?.value ?? '');
    if (value.includes('\0')) throw broken(`variable ${name}, which holds a zero byte`);
    found[name] = value;
  }
  return found;
}

function plannedFile(
  file: FileContent,
  secret: (ref: SecretRef) => Buffer,
): PlannedGroup['files'][number] {
  const parts = file.path.split('/');
  const isInside =
    !isAbsolute(file.path) &&
    !file.path.includes('\0') &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (!isInside) throw broken(`file ${file.path}, which is not within the directory of the task`);
  const content =
    file.source?.$case === 'secret'
      ? secret(file.source.value)
      : Buffer.from(file.source?.value ?? []);
  const mode = file.mode === 0 ? DEFAULT_FILE_MODE : file.mode & PERMISSIONS;
  return { path: file.path, mode, base64: content.toString('base64') };
}

function readSecret({ secret, key }: SecretRef, tenant: string, options: PlanOptions): Buffer {
  const { site, secretsDir } = options;
  const name = `secret ${secret}/${key}`;
  if (!SECRET_PART.test(secret) || !SECRET_PART.test(key)) throw broken(name);
  const tenants = site.secrets?.[secret] ?? (site.demo && site.secrets === undefined ? ['**'] : []);
  if (!matchesAny(tenants, tenant)) throw forbidden(`${name} for tenant ${tenant}`);
  if (secretsDir === undefined) throw broken(`${name}, because there are no secrets here`);
  try {
    return readFileSync(join(secretsDir, secret, key));
  } catch (error) {
    throw broken(`${name} (${codeOf(error)})`);
  }
}
