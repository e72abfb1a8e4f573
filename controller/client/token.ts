// Enrolment tokens as their bearer sees them: `isobar-<id>-<secret>-<fingerprint>`, written by controller/server/tokens.ts.
import { readFileSync } from 'node:fs';
import { IsobarError } from './isobar-error.ts';

export interface Token {
  /** What is sent to the controller: id and secret. */
  readonly sent: string;
  /** SHA-256 of the authority's certificate, hex: whom to send it to. */
  readonly fingerprint: string;
}

/** Where a token comes from. Never from an argument: those are seen by everybody on the machine and kept by shells. */
const TOKEN_VARIABLE = 'ISOBAR_TOKEN';

/** From the file when one is named, else from the environment. */
export function readToken(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Token {
  if (file !== undefined) return parseToken(readText(file));
  const text = env[TOKEN_VARIABLE];
  if (text !== undefined && text !== '') return parseToken(text);
  throw invalid(`no token; put it into a file and name that, or into ${TOKEN_VARIABLE}`);
}

/** The text of a token is secret: no message repeats any of it. */
export function parseToken(text: string): Token {
  const parts = text.trim().split('-');
  const [isobar, id = '', secret = '', fingerprint = ''] = parts;
  if (isobar !== 'isobar') throw invalid('this is no token; a token begins with isobar-');
  const wrong =
    parts.length !== 4 ||
    !/^[0-9a-f]{16}$/.test(id) ||
    !/^[0-9a-f]{64}$/.test(secret) ||
    !/^[0-9a-f]{64}$/.test(fingerprint);
  if (wrong) {
    throw invalid(
      'the token is damaged; copy all of it: isobar- and three groups of digits and letters',
    );
  }
  return { sent: `isobar-${id}-${secret}`, fingerprint };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw invalid(`the token file ${file} cannot be read`, cause);
  }
}

function invalid(message: string, cause?: unknown): IsobarError {
  return new IsobarError(message, { code: 'INVALID_ARGUMENT', reason: 'INVALID_TOKEN', cause });
}
