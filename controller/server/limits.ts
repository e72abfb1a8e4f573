// Every bound of the edge, with the reasoning beside the number.
import type { ServerOptions } from '@grpc/grpc-js';

const MIB = 1024 * 1024;

/**
 * A batch is at most 10,000 jobs (SubmitJobs), and a job with a command, an environment and labels takes 0.3 to 1 KiB:
 * 10 MiB, and room. A batch of jobs with large files has to be smaller, and is refused with RESOURCE_EXHAUSTED.
 */
export const MAX_MESSAGE_BYTES = 16 * MIB;
/** A token and a certificate request. Nobody has shown a certificate there, so nobody may send much. */
export const MAX_ENROLMENT_MESSAGE_BYTES = 32 * 1024;

/** A caller that sets no deadline still gets an answer while a person would wait for it. */
export const DEFAULT_DEADLINE_MS = 30_000;
/** A longer one would only keep what it holds: whatever takes minutes is a stream. */
export const MAX_DEADLINE_MS = 300_000;

/** What may wait in memory for one stream. A watch of a busy federation makes about 1 MiB/s. */
export const MAX_WAITING_BYTES = MIB;
/**
 * For a watch much less: it can read everything again, so nothing has to wait but what fills the wire until its next turn. A
 * thousand that read nothing then hold 24 MiB at most, with the response that is on the wire of each.
 */
export const MAX_WAITING_BYTES_OF_A_WATCH = 8 * 1024;
/** A reader that takes nothing for so long is gone, or would never catch up: it resumes from where it was. */
export const READER_PATIENCE_MS = 60_000;
/** How long a status that ends a stream may wait for a reader before the stream is reset. Less than the 5 s of a revocation. */
export const STATUS_PATIENCE_MS = 2_000;

/** Streams one identity may have open: watches of many tabs and scripts, not a leak of them. */
export const MAX_STREAMS_PER_IDENTITY = 256;
/** Open streams are compared with revocations and certificates so often: well within the promised 5 s. */
export const SWEEP_INTERVAL_MS = 1_000;
/** A stream ends so long before its certificate does: time to come back with the next one. */
export const CERTIFICATE_MARGIN_MS = 60_000;

/** A second's worth of calls, refilled evenly. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface RateLimits {
  /** For each identity, or on the enrolment listener for each address. */
  readonly each: Rate;
  readonly together: Rate;
}

/** One process does about 9,000 calls/s on two cores: one caller may use most of it, a runaway script not all. */
export const API_RATES: RateLimits = {
  each: { perSecond: 8_000, burst: 16_000 },
  together: { perSecond: 20_000, burst: 40_000 },
};
/** Signing takes a fraction of a millisecond, but nobody here is known yet. A region that comes up enrols 50 a second. */
export const ENROLMENT_RATES: RateLimits = {
  each: { perSecond: 5, burst: 50 },
  together: { perSecond: 50, burst: 200 },
};

/** grpc-js limits hardly anything by default, so everything is said here. */
export function serverOptions(maxMessageBytes: number): ServerOptions {
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    // On one connection. More calls wait in the client.
    'grpc.max_concurrent_streams': 512,
    // MB that HTTP/2 may hold for one connection: two of the largest messages each way.
    'grpc-node.max_session_memory': 64,
    // A peer that vanished without a word is noticed within 50 s. Leases do not depend on it.
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.max_connection_idle_ms': 1_800_000,
    // Counters that nobody reads and that cost on every message.
    'grpc.enable_channelz': 0,
  };
}
