// Colour, only for a person at a terminal (https://no-color.org).
import type { Io, Output } from './io.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'strong';

const CODES: Readonly<Record<Tone, readonly [number, number]>> = {
  good: [32, 39],
  warn: [33, 39],
  bad: [31, 39],
  dim: [2, 22],
  strong: [1, 22],
};

export interface Paint {
  readonly colours: boolean;
  (text: string, tone: Tone | undefined): string;
}

export function makePaint(output: Output, env: Io['env']): Paint {
  const colours = output.isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const paint = (text: string, tone: Tone | undefined): string => {
    if (!colours || tone === undefined || text === '') return text;
    const [on, off] = CODES[tone];
    return `\u001B[${on}m${text}\u001B[${off}m`;
  };
  return Object.assign(paint, { colours });
}

/**
 * Text from elsewhere made harmless: a label or a last line with escape sequences must not move the cursor or rename the
 * window of an operator.
 */
export function harmless(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what it is about
  return text.replaceAll(/[\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]+/g, ' ');
}
