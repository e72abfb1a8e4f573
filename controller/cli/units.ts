// Amounts as a person reads them: three figures are enough.

const MIB_UNITS = ['MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** `12.5`, `0.25`, `384`. */
export function cpus(millis: number): string {
  return figures(millis / 1000);
}

/** `64 GiB`, `1.5 TiB`, `0`. */
export function mib(amount: number): string {
  if (amount === 0) return '0';
  let value = amount;
  let unit = 0;
  while (value >= 1024 && unit < MIB_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${figures(value)} ${MIB_UNITS[unit]}`;
}

/** Thousandths of devices: `3.5`. */
export function devices(thousandths: number): string {
  return figures(thousandths / 1000);
}

/** `512 B`, `1.5 KiB`, `20 MiB`. */
export function bytes(amount: number): string {
  if (amount < 1024) return `${amount} B`;
  return amount < 1024 ** 2 ? `${figures(amount / 1024)} KiB` : mib(amount / 1024 ** 2);
}

/** `0.4s`, `45s`, `3m12s`, `5h12m`, `3d4h`, `90d`: never more than two units. */
export function duration(ms: number): string {
  if (ms < 0) return '0s';
  if (ms < 1000) return `${Math.round(ms / 100) / 10}s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return two(seconds, 60, 'm', 1, 's');
  if (seconds < 86_400) return two(seconds, 3600, 'h', 60, 'm');
  if (seconds < 10 * 86_400) return two(seconds, 86_400, 'd', 3600, 'h');
  return `${Math.floor(seconds / 86_400)}d`;
}

/** `42%`; a little is not nothing, and almost all is not all. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return '-';
  const share = (part / whole) * 100;
  if (share > 0 && share < 1) return '<1%';
  if (share > 99 && share < 100) return '99%';
  return `${Math.round(share)}%`;
}

/** `2026-11-21 22:06:37` in UTC: operators of several regions read the same clock. */
export function timestamp(date: Date): string {
  return date.toISOString().slice(0, 19).replace('T', ' ');
}

/** The time of a day that is still on everybody's mind, with the date otherwise. UTC as `timestamp`. */
export function clock(date: Date, now: number): string {
  const text = timestamp(date);
  return Math.abs(now - date.getTime()) < 20 * 3_600_000 ? text.slice(11) : text;
}

function two(seconds: number, big: number, bigUnit: string, small: number, smallUnit: string) {
  const rest = Math.floor((seconds % big) / small);
  return `${Math.floor(seconds / big)}${bigUnit}${rest === 0 ? '' : `${rest}${smallUnit}`}`;
}

/** At least three figures, one decimal below 1000 so that columns add up, and no zeros at the end. */
function figures(value: number): string {
  const decimals = value >= 1000 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return String(Number(value.toFixed(decimals)));
}
