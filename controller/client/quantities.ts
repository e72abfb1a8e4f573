// Quantities and durations as people write them, in the units of the API. Requests round up, so nobody gets less than asked for.

const CPU = /^(\d+(?:\.\d+)?)(m?)$/;

/** `2`, `0.5` or `500m` in thousandths of a CPU. Undefined when it is none of these. */
export function parseCpu(text: string | number): number | undefined {
  const match = CPU.exec(String(text).trim());
  if (match === null) return undefined;
  return roundUp(Number(match[1]) * (match[2] === 'm' ? 1 : 1000));
}

export const CPU_RULE = 'a number of CPUs such as 2, 0.5 or 500m';

const MIB = 1024 ** 2;
const SIZES: Readonly<Record<string, number>> = {
  Ki: 1024,
  Mi: MIB,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
};
const SIZE = /^(\d+(?:\.\d+)?)\s*([KMGTP]i|[kKMGTP])B?$/;

/**
 * `4Gi`, `512Mi` or `1T` in MiB. A number without a unit is refused: Kubernetes reads bytes, Slurm MiB, and a person
 * who writes `4` means gibibytes.
 */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text.trim());
  if (match === null) return undefined;
  return roundUp((Number(match[1]) * (SIZES[match[2] ?? ''] ?? 0)) / MIB);
}

export const SIZE_RULE = 'a size with its unit such as 512Mi, 4Gi or 1T';

const DURATIONS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/;

/** `90s`, `10m`, `1h30m` or `2d` in milliseconds. */
export function parseDuration(text: string | number): number | undefined {
  const plain = String(text).replaceAll(' ', '');
  if (plain === '0') return 0;
  if (!DURATION.test(plain)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of plain.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    ms += Number(amount) * (DURATIONS[unit ?? ''] ?? 0);
  }
  return Math.round(ms);
}

export const DURATION_RULE = 'a duration such as 90s, 10m or 1h30m';

/** google.protobuf.Duration, as the generated code has it. */
export interface ProtoDuration {
  seconds: number;
  nanos: number;
}

export function toDuration(ms: number): ProtoDuration {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 };
}

export function fromDuration(duration: ProtoDuration): number {
  return duration.seconds * 1000 + Math.round(duration.nanos / 1e6);
}

/** Up to a whole number; the small allowance keeps 0.1 + 0.2 from becoming one more. */
function roundUp(amount: number): number | undefined {
  const whole = Math.ceil(amount - 1e-6);
  return Number.isSafeInteger(whole) ? whole : undefined;
}
