// What whoever runs a controller may choose of its edge, and what that means here.
import { toMs } from '#domain/durations.ts';
import type { EdgeOptions } from './edge.ts';
import { AGENT_LIFETIME_MS, PERSON_LIFETIME_MS } from './authority.ts';
import { API_RATES, ENROLMENT_RATES, type RateLimits } from './limits.ts';

/** The part of the controller's configuration that the edge reads. Durations are a number with a unit, for example `7d`. */
export interface EdgeConfig {
  readonly certificates: { readonly agents: string; readonly people: string };
  readonly limits: {
    readonly callsPerSecond: number;
    readonly callsPerSecondTogether: number;
    readonly enrolmentsPerSecond: number;
  };
  readonly log: { readonly calls: EdgeOptions['logCalls'] };
}

export interface Settings {
  readonly apiRates: RateLimits;
  readonly enrolmentRates: RateLimits;
  readonly lifetimes: Lifetimes;
  readonly logCalls: NonNullable<EdgeOptions['logCalls']>;
}

/** How long certificates last. */
export interface Lifetimes {
  readonly agentMs: number;
  readonly personMs: number;
}

export function settingsOf(config: EdgeConfig | undefined): Settings {
  if (config === undefined) {
    return {
      apiRates: API_RATES,
      enrolmentRates: ENROLMENT_RATES,
      lifetimes: { agentMs: AGENT_LIFETIME_MS, personMs: PERSON_LIFETIME_MS.usual },
      logCalls: 'failures',
    };
  }
  const { certificates, limits, log } = config;
  const { callsPerSecond, callsPerSecondTogether, enrolmentsPerSecond } = limits;
  return {
    apiRates: { each: rateOf(callsPerSecond, 2), together: rateOf(callsPerSecondTogether, 2) },
    enrolmentRates: {
      each: rateOf(enrolmentsPerSecond, 10),
      together: rateOf(enrolmentsPerSecond * 10, 4),
    },
    lifetimes: { agentMs: toMs(certificates.agents), personMs: toMs(certificates.people) },
    logCalls: log.calls ?? 'failures',
  };
}

/** A burst of so many seconds' worth. */
function rateOf(perSecond: number, burstSeconds: number) {
  return { perSecond, burst: perSecond * burstSeconds };
}
