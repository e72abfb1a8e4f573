// The rules of a site: what a data center allows, whatever the controller thinks. They come from a file of the site's own,
// for example
//
//   demo: false
//   tenants:                       # the user that each tenant's tasks run as
//     health: { uid: 2001, gid: 2001 }
//     transport: { uid: 2002, gid: 2002 }
//   allowTenants: [health, transport]
//   allowCommands: [/usr/bin/*, python3]
//   denyImages: ['**:latest']
//   denyEnv: [LD_*]
//   secrets:                       # which tenants may use each secret
//     database: [health]
//   maxRunTime: 24h
//
// A list of allowed programs holds only together with `denyEnv: [LD_*]` and for programs that run no others.
//
// In patterns `*` stands for anything but a slash, `**` for anything.
import { z } from 'zod';
import { OwnerFileError, parseOwnerFile } from './owner-file.ts';

export interface SiteRules {
  /** For trying things out on one machine: tenants may share a user, and what is not said is allowed. */
  readonly demo: boolean;
  readonly tenants: Readonly<Record<string, { readonly uid: number; readonly gid: number }>>;
  /** Absent: all. */
  readonly allowTenants?: readonly string[];
  /** Absolute programs or names. Absent: all in a demo, otherwise none. */
  readonly allowCommands?: readonly string[];
  readonly denyImages: readonly string[];
  /** Names of variables that no task gets, even if its job sets them. */
  readonly denyEnv: readonly string[];
  /** Absent: all may use all in a demo, otherwise nobody any. */
  readonly secrets?: Readonly<Record<string, readonly string[]>>;
  /** Absent: no limit. */
  readonly maxRunMs?: number;
}

export const DEMO_SITE: SiteRules = { demo: true, tenants: {}, denyImages: [], denyEnv: [] };

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const LARGEST_ID = 2 ** 32 - 2;

const patternList = z.array(z.string().min(1));
const id = z.int().min(1).max(LARGEST_ID);
const fileSchema = z.strictObject({
  demo: z.boolean().default(false),
  tenants: z.record(z.string(), z.strictObject({ uid: id, gid: id })).default({}),
  allowTenants: patternList.optional(),
  allowCommands: patternList.optional(),
  denyImages: patternList.default([]),
  denyEnv: patternList.default([]),
  secrets: z.record(z.string(), patternList).optional(),
  maxRunTime: z
    .string()
    .regex(/^[1-9]\d*[smhd]$/, 'a number with s, m, h or d, for example 24h')
    .optional(),
});

/** Throws an OwnerFileError that names the file, the line and the field of all that is wrong. An empty file is a site that allows nothing. */
export function parseSite(text: string, file: string): SiteRules {
  const { data, lineOf } = parseOwnerFile(fileSchema, text, file, {});
  const { maxRunTime, allowTenants, allowCommands, secrets, ...rest } = data;
  const shared = sharedUser(rest.tenants);
  if (shared !== undefined) {
    throw new OwnerFileError(
      `${file}:${lineOf(['tenants', shared])}: tenants.${shared}: another tenant has the same uid; each needs its own`,
    );
  }
  return {
    ...rest,
    ...(allowTenants && { allowTenants }),
    ...(allowCommands && { allowCommands }),
    ...(secrets && { secrets }),
    ...(maxRunTime !== undefined && { maxRunMs: millisIn(maxRunTime) }),
  };
}

/** Whether one of the patterns covers the whole text. */
export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => toRegExp(pattern).test(text));
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*|\*|\?)/)
    .map(
      (part) =>
        ({ '**': '.*', '*': '[^/]*', '?': '[^/]' })[part] ??
        part.replace(/[\\^$.+()[\]{}|]/g, '\\$&'),
    )
    .join('');
  return new RegExp(`^${source}$`, 's');
}

function sharedUser(tenants: SiteRules['tenants']): string | undefined {
  const seen = new Set<number>();
  for (const [tenant, { uid }] of Object.entries(tenants)) {
    if (seen.has(uid)) return tenant;
    seen.add(uid);
  }
  return undefined;
}

function millisIn(duration: string): number {
  // The schema has seen a number and one of the units.
  const unit = duration.at(-1) as keyof typeof UNIT_MS;
  return Number(duration.slice(0, -1)) * UNIT_MS[unit];
}
