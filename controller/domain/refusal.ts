// "No" as a value: what any function that may refuse a caller answers. The edge turns it into a gRPC status, in one place.

/** The canonical codes that Isobar uses, with their numbers on the wire (google/rpc/code.proto). */
export const REFUSAL_CODES = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export type RefusalCode = keyof typeof REFUSAL_CODES;

/** One wrong field of a request. */
export interface Violation {
  /** Path as in the proto file, for example `groups[0].resources.cpu_millis`. */
  readonly field: string;
  /** What is wrong with it and what to do. */
  readonly description: string;
}

/** Notes one wrong field, with what is wrong and what to do. */
export type Wrong = (field: string, description: string) => void;

/** One limit that is used up. */
export interface QuotaViolation {
  /** Whose, for example `tenants/energy`. */
  readonly subject: string;
  /** Which limit, how much of it is used, what would change that. */
  readonly description: string;
}

export interface Refusal {
  readonly kind: 'refusal';
  readonly code: RefusalCode;
  /** Stable, UPPER_SNAKE, at most 63 characters: people script against it. */
  readonly reason: string;
  /** One or two sentences for people: what is wrong and what to do next. */
  readonly message: string;
  /** Every field that is wrong, for INVALID_ARGUMENT. */
  readonly violations?: readonly Violation[];
  /** For RESOURCE_EXHAUSTED. */
  readonly quota?: readonly QuotaViolation[];
  /** When the same request may work. Absent: not by waiting. */
  readonly retryAfterMs?: number;
  /** Values that a program may want; keys in the API's snake_case, for example `oldest_revision`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

type Extras = Partial<Pick<Refusal, 'violations' | 'quota' | 'retryAfterMs' | 'metadata'>>;

export function refuse(
  code: RefusalCode,
  reason: string,
  message: string,
  extras: Extras = {},
): Refusal {
  return { kind: 'refusal', code, reason, message, ...extras };
}

/** All wrong fields of a request in one refusal. */
export function refuseFields(violations: readonly Violation[]): Refusal {
  const [first] = violations;
  const more = violations.length - 1;
  const message =
    first === undefined
      ? 'The request is not valid.'
      : `${first.field}: ${first.description}${more > 0 ? ` (and ${more} more)` : ''}`;
  return refuse('INVALID_ARGUMENT', 'INVALID_FIELDS', message, { violations });
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'refusal';
}
