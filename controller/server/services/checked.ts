// Handlers with their checks: a request is checked once, whole, and told of every wrong field at once. Who may not ask is told
// that first, so that nobody learns from checks what is there.
import { refuseFields, type Violation, type Wrong } from '#domain/refusal.ts';
import type { Concern } from '../authorize.ts';
import type { ServerStream, Unary } from '../call.ts';
import type { CallContext } from '../running-call.ts';

/** What a request means; `concern` is undefined when the name that says it is wrong. */
interface Checked<Parsed> {
  readonly concern: Concern | undefined;
  readonly parsed: Parsed;
}

type Check<Request, Parsed> = (request: Request, wrong: Wrong) => Checked<Parsed>;

export function unary<Request extends object, Response, Parsed>(
  check: Check<Request, Parsed>,
  handle: (parsed: Parsed, context: CallContext) => Promise<Response>,
): Unary<Request, Response> {
  const once = checkedOnce(check);
  return {
    concern: (request) => concernOf(once(request)),
    handle: async (request, context) => handle(parsedOf(once(request)), context),
  };
}

export function serverStream<Request extends object, Response, Parsed>(
  check: Check<Request, Parsed>,
  handle: (
    parsed: Parsed,
    send: (message: Response | Uint8Array, revision?: number) => Promise<void>,
    context: CallContext,
  ) => Promise<void>,
  options: Pick<ServerStream<Request, Response>, 'waitingBytes'> = {},
): ServerStream<Request, Response> {
  const once = checkedOnce(check);
  return {
    ...options,
    concern: (request) => concernOf(once(request)),
    handle: async (request, send, context) => {
      const findings = once(request);
      if (findings.violations.length > 0) return refuseFields(findings.violations);
      return handle(findings.parsed, send, context);
    },
  };
}

interface Findings<Parsed> extends Checked<Parsed> {
  readonly violations: readonly Violation[];
}

/**
 * The concern and the handler of a call look at the same request object, one right after the other: what was found is kept for that.
 * A map of requests would cost the garbage collector more than the checks cost us.
 */
function checkedOnce<Request extends object, Parsed>(
  check: Check<Request, Parsed>,
): (request: Request) => Findings<Parsed> {
  let last: { readonly request: Request; readonly findings: Findings<Parsed> } | undefined;
  return (request) => {
    const before = last;
    last = undefined;
    if (before?.request === request) return before.findings;
    const violations: Violation[] = [];
    const checked = check(request, (field, description) => violations.push({ field, description }));
    const findings = { ...checked, violations };
    last = { request, findings };
    return findings;
  };
}

function concernOf({ concern, violations }: Findings<unknown>) {
  return concern ?? refuseFields(violations);
}

function parsedOf<Parsed>({ parsed, violations }: Findings<Parsed>): Parsed {
  if (violations.length > 0) throw refuseFields(violations);
  return parsed;
}
