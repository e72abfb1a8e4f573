// The one error of the client: what the controller refused, or why it could not be asked.
import type { ServiceError } from '@grpc/grpc-js';
import type { QuotaViolation, Violation } from '#domain/refusal.ts';
import { decodeDetails } from './errors.ts';

/** The canonical codes in the order of their numbers. Written here, so that an error does not load a transport. */
const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** Canonical name of a gRPC code, for example `NOT_FOUND`. */
export type Code = (typeof CODES)[number];

export interface IsobarErrorFields {
  readonly code: Code;
  /** Stable UPPER_SNAKE reason of the controller, or of the client itself. Empty: the controller was not reached. */
  readonly reason?: string;
  /** Every wrong field. */
  readonly violations?: readonly Violation[];
  /** Every limit that is used up. */
  readonly quota?: readonly QuotaViolation[];
  /** What else the controller told, for example `oldest_revision`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When the same call may work. Undefined: the controller did not say. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

export class IsobarError extends Error {
  override readonly name = 'IsobarError';
  readonly code: Code;
  readonly reason: string;
  readonly violations: readonly Violation[];
  readonly quota: readonly QuotaViolation[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, fields: IsobarErrorFields) {
    super(message, { cause: fields.cause });
    this.code = fields.code;
    this.reason = fields.reason ?? '';
    this.violations = fields.violations ?? [];
    this.quota = fields.quota ?? [];
    this.metadata = fields.metadata ?? {};
    this.retryAfterMs = fields.retryAfterMs;
  }

  /** Nobody answered, as opposed to a controller that says that it cannot serve now: that one gives a reason. */
  get unreachable(): boolean {
    return this.code === 'UNAVAILABLE' && this.reason === '';
  }

  /** Whether the same call may succeed when it is made again a little later. */
  get retryable(): boolean {
    return this.retryAfterMs !== undefined || ['UNAVAILABLE', 'ABORTED'].includes(this.code);
  }
}

/** Any error of a call as an IsobarError; what is none, such as an abort of the caller's own, stays what it was. */
export function toIsobarError(error: unknown): unknown {
  if (!isServiceError(error)) return error;
  return new IsobarError(error.details, {
    ...decodeDetails(error.metadata),
    code: codeName(error.code),
    cause: error,
  });
}

export function codeName(code: number): Code {
  return CODES[code] ?? 'UNKNOWN';
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error;
}
