// What the edge stands on, in one object that is made once for each listener.
import type { Clock } from '#ports/clock.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { RefusalCode } from '#domain/refusal.ts';
import type { Role } from '#gen/isobar/v1/user.ts';
import type { ParentOf } from './authorize.ts';
import type { Peer } from './identity.ts';
import {
  CERTIFICATE_MARGIN_MS,
  READER_PATIENCE_MS,
  STATUS_PATIENCE_MS,
  type RateLimits,
} from './limits.ts';
import { OpenCalls } from './open-calls.ts';
import type { MethodPath } from './policy.ts';
import { Rates } from './rates.ts';

/** What the state knows of callers, asked at every call and so never out of date. */
export interface Directory {
  /**
   * Roles of a user, none for an agent whose data center is registered. `revoked` also for a certificate (`serial`,
   * `issueMs`) that was given out before the identity was revoked and invited again.
   */
  lookup(peer: Peer): readonly Role[] | 'revoked' | 'unknown';
  readonly parentOf: ParentOf;
}

/** Told of every call once, when it has ended. */
export type CallObserver = (method: MethodPath, code: RefusalCode | 'OK', seconds: number) => void;

export interface Edge {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly directory: Directory;
  readonly calls: OpenCalls;
  readonly rates: Rates;
  readonly observe: CallObserver;
  /**
   * `failures`: streams and what was refused. `all`: every call, for places where somebody reads them: changes are in
   * the audit anyway, and metrics count the rest.
   */
  readonly logCalls: 'all' | 'failures';
  readonly patience: {
    readonly readerMs: number;
    readonly statusMs: number;
    readonly certificateMarginMs: number;
  };
}

export type EdgeOptions = Pick<Edge, 'clock' | 'random' | 'telemetry' | 'directory' | 'observe'> & {
  readonly rates: RateLimits;
  readonly logCalls?: Edge['logCalls'];
  readonly patience?: Partial<Edge['patience']>;
};

/** One for each listener: their rates and open calls are their own. */
export function makeEdge(options: EdgeOptions): Edge {
  return {
    ...options,
    calls: new OpenCalls(),
    rates: new Rates(options.rates, options.clock.bootMs()),
    logCalls: options.logCalls ?? 'failures',
    patience: {
      readerMs: READER_PATIENCE_MS,
      statusMs: STATUS_PATIENCE_MS,
      certificateMarginMs: CERTIFICATE_MARGIN_MS,
      ...options.patience,
    },
  };
}
