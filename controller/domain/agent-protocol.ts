// What an agent and a controller must agree on without saying it.

/** Version of the protocol between them. */
export const AGENT_PROTOCOL = 1;

/** How often an agent renews its lease: every 5 s, or every quarter of a lease that is shorter. */
export function heartbeatMsOf(leaseMs: number): number {
  return Math.min(5_000, leaseMs / 4);
}
