// A channel to the controllers: who they must be, how large messages may be, when a silent connection is dead, and which
// calls are tried again by themselves.
import { Channel, type ChannelCredentials, type ChannelOptions, experimental } from '@grpc/grpc-js';
import { CONTROLLER_NAME, targetOf } from './addresses.ts';
import type { StoredIdentity } from './identity.ts';

/** As the server's; see controller/server/limits.ts. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/**
 * Calls that change nothing: making one twice does no harm. Submissions are not among them, because without an id or a
 * key a second try makes a second job; whoever sends one with a key may try again.
 */
export const SAFE_TO_REPEAT: Readonly<Record<string, readonly string[]>> = {
  AuditService: ['ListAudit', 'VerifyAudit'],
  DataCenterService: ['GetDataCenter', 'ListDataCenters'],
  FederationService: ['GetFederation'],
  JobService: ['GetJob', 'ListJobs', 'ExplainJob', 'SimulateJobs'],
  LinkService: ['GetLink', 'ListLinks'],
  NodeService: ['GetNode', 'ListNodes'],
  RunService: ['ListRuns'],
  TenantService: ['GetTenant', 'ListTenants'],
  UsageService: ['QueryUsage'],
  UserService: ['GetUser', 'ListUsers', 'WhoAmI'],
};

/** Five tries within about three seconds: a controller that restarts is back by then, and a person still waits. */
const RETRIES = {
  maxAttempts: 5,
  initialBackoff: '0.2s',
  maxBackoff: '2s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
};

const OPTIONS: ChannelOptions = {
  // Whatever address leads there, it must be a controller of the federation.
  'grpc.ssl_target_name_override': CONTROLLER_NAME,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.initial_reconnect_backoff_ms': 500,
  // An agent's lease may be 5 s: a controller that is back is found before it matters.
  'grpc.max_reconnect_backoff_ms': 5_000,
  'grpc.service_config': JSON.stringify({
    methodConfig: [
      {
        name: Object.entries(SAFE_TO_REPEAT).flatMap(([service, methods]) =>
          methods.map((method) => ({ service: `isobar.v1.${service}`, method })),
        ),
        retryPolicy: RETRIES,
      },
    ],
  }),
  // A DNS record must not change how this client behaves.
  'grpc.service_config_disable_resolution': 1,
  // A channel is a connection: an agent's heartbeats must not share one with its logs.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
  'grpc.enable_http_proxy': 0,
};

/** Opens nothing yet: the first call connects, and tries the addresses in their order. */
export function openChannel(
  addresses: readonly string[],
  identity: StoredIdentity,
  more: ChannelOptions = {},
): Channel {
  return channelWith(
    addresses,
    experimental.createCertificateProviderChannelCredentials(identity, identity),
    more,
  );
}

/** With credentials of another kind, for enrolment. */
export function channelWith(
  addresses: readonly string[],
  credentials: ChannelCredentials,
  more: ChannelOptions = {},
): Channel {
  return new Channel(targetOf(addresses), credentials, { ...OPTIONS, ...more });
}
