// The log of a process: JSON lines for machines, short lines for people, on standard error, and never a secret.
import { hostname } from 'node:os';
import { pino } from 'pino';
import type { Fields, Telemetry } from '#ports/telemetry.ts';

export interface LoggerOptions {
  /** What runs: controller, agent or demo. */
  readonly process: string;
  /** Default: text on a terminal, JSON elsewhere. */
  readonly format?: 'json' | 'text' | undefined;
  readonly level?: 'info' | 'warn' | 'error' | undefined;
  /** Where lines go. Default: standard error, each before the call returns, so that the last words of a crash are there. */
  readonly write?: ((line: string) => void) | undefined;
}

export function makeLogger(options: LoggerOptions): Telemetry {
  const { format = process.stderr.isTTY ? 'text' : 'json' } = options;
  const write = options.write ?? writeToStderr();
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { process: options.process, host: hostname(), pid: process.pid },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    { write: format === 'json' ? write : (line: string) => write(toText(line)) },
  );
  const at =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, fields: Fields = {}): void => {
      if (logger.isLevelEnabled(level)) logger[level](scrub(fields), withoutSecrets(message));
    };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

const HIDDEN = '[hidden]';
const SECRET_KEY =
  /token|secret|password|passphrase|credential|authorization|cookie|private_?key|key_?pem/i;
/** Tokens of ours, and private keys, wherever they stand: an error's message may quote what it was about. */
const SECRET_VALUE =
  /isobar-[0-9a-f]{16}-[0-9a-f-]+|-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/** The fields without what nobody may read. A count or a flag about secrets is none. */
export function scrub(fields: Fields): Fields {
  const entries = Object.entries(fields).map(([key, value]) => {
    if (typeof value !== 'string') return [key, value] as const;
    return [key, SECRET_KEY.test(key) ? HIDDEN : withoutSecrets(value)] as const;
  });
  return Object.fromEntries(entries);
}

function withoutSecrets(text: string): string {
  return text.replace(SECRET_VALUE, HIDDEN);
}

/** What a person needs of a line: when, how bad, what, and the fields. Stacks go below it. */
function toText(line: string): string {
  const {
    time,
    level,
    message,
    process: _process,
    host: _host,
    pid: _pid,
    ...fields
  } = JSON.parse(line) as Readonly<Record<string, string | number | boolean>>; // a line that pino has just written
  const short: string[] = [];
  const long: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    const text = String(value);
    if (text.includes('\n')) long.push(`  ${key}: ${text.replaceAll('\n', '\n  ')}\n`);
    else short.push(`${key}=${/[\s"=]/.test(text) || text === '' ? JSON.stringify(text) : text}`);
  }
  const clock = String(time).slice(11, 23);
  const head = [clock, String(level).toUpperCase().padEnd(5), String(message), ...short].join(' ');
  return `${head}\n${long.join('')}`;
}

function writeToStderr(): (line: string) => void {
  const destination = pino.destination({ dest: 2, sync: true });
  return (line) => void destination.write(line);
}
