// An error as a person reads it: what is wrong, every detail, and what to do next.
import { FileError, problemText } from './file-error.ts';
import { IsobarError } from './isobar-error.ts';

export interface ErrorText {
  readonly message: string;
  /** One line for each wrong field, used-up limit or place in a file. */
  readonly details: readonly string[];
  /** Empty: the message says it. */
  readonly next: string;
}

/** By reason first, since it says more than the code. */
const NEXT_BY_REASON: Readonly<Record<string, string>> = {
  NO_CONTEXT:
    'start one with `isobar demo`, or name a controller with `isobar login` or `isobar config set-context`',
  NO_IDENTITY: 'get a certificate with `isobar login`',
  INVALID_TOKEN: 'ask for a new one: `isobar user invite` and `isobar create token` make them',
  WRONG_AUTHORITY: 'check the address of the enrolment listener',
  NO_TENANT:
    'name one with -n TENANT, or keep one with `isobar config set-context NAME --tenant TENANT`',
};

const NEXT_BY_CODE: Readonly<Record<string, string>> = {
  NOT_FOUND: 'list what there is with `isobar get`; what another tenant owns is not shown',
  PERMISSION_DENIED:
    '`isobar whoami` tells who you are, `isobar config get-contexts` as whom else you could ask',
  ABORTED: 'somebody changed it in between: read it again and repeat',
  UNAUTHENTICATED: 'your certificate is missing, ended or revoked: `isobar login` gets another',
  DEADLINE_EXCEEDED: 'the controller took too long: try again, or wait longer with --timeout',
  UNIMPLEMENTED: 'the controller is of another version: `isobar version --controller`',
  OUT_OF_RANGE: 'the log no longer keeps that revision: begin again from now',
};

export function errorText(error: unknown): ErrorText {
  if (error instanceof FileError) return fileErrorText(error);
  if (error instanceof IsobarError) return isobarErrorText(error);
  // The first line says what is wrong, further lines say it in detail.
  const [message = '', ...details] = (error instanceof Error ? error.message : String(error)).split(
    '\n',
  );
  return { message, details, next: '' };
}

function fileErrorText({ problems }: FileError): ErrorText {
  const things = problems.length === 1 ? 'one thing is' : `${problems.length} things are`;
  const [first] = problems;
  const message = `${first?.file ?? 'the file'} is not well formed: ${things} wrong`;
  return { message, details: problems.map(problemText), next: '' };
}

function isobarErrorText(error: IsobarError): ErrorText {
  const { code, reason, violations, quota } = error;
  const details = [
    ...violations.map(({ field, description }) => line(field, description)),
    ...quota.map(({ subject, description }) => line(subject, description)),
  ];
  if (error.unreachable && OTHER_AUTHORITY.test(error.message)) {
    return {
      message: 'what answers there is no controller of this federation',
      details: [rootCause(error)],
      next: 'check the address with `isobar config get-contexts`; `isobar login` gets a certificate of another federation',
    };
  }
  if (error.unreachable) {
    return {
      message: 'the controller cannot be reached',
      details: [rootCause(error)],
      next: 'is it running? `isobar doctor` looks closer, `isobar config get-contexts` tells where it is expected',
    };
  }
  return {
    // The controller puts the first field into its message, for clients that show nothing else.
    message: violations.length > 0 && repeats(error) ? 'the request is not valid' : plain(error),
    details,
    next: NEXT_BY_REASON[reason] ?? waitHint(error) ?? NEXT_BY_CODE[code] ?? '',
  };
}

/** What TLS says of a certificate that the federation's authority has not signed. */
const OTHER_AUTHORITY = /self-signed certificate|unable to (get|verify)/;

function repeats({ message, violations }: IsobarError): boolean {
  const [first] = violations;
  return first !== undefined && message.startsWith(`${first.field}:`);
}

function plain({ message, code }: IsobarError): string {
  return message === '' ? code.toLowerCase().replaceAll('_', ' ') : message;
}

function waitHint({ retryAfterMs }: IsobarError): string | undefined {
  if (retryAfterMs === undefined) return undefined;
  return `try again in ${Math.max(1, Math.ceil(retryAfterMs / 1000))} s`;
}

function rootCause({ message }: IsobarError): string {
  const connect = /connect (E[A-Z]+) (\S+?)[.),]*(?:\s|$)/.exec(message);
  if (connect !== null) return `${connect[2]}: ${connect[1]}`;
  // What grpc-js puts around it.
  return message
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/ Resolution note: $/, '');
}

function line(subject: string, description: string): string {
  return subject === '' ? description : `${subject}: ${description}`;
}
