// What can be configured, for both processes. One setting is one key in a YAML file, one variable in the environment and
// one flag; flags win over the environment, and that over the file.
//
//   listen:
//     api: 0.0.0.0:7420       ISOBAR_CONTROLLER_LISTEN_API       --listen-api
import { z } from 'zod';
import { toMs } from '#domain/durations.ts';
import { load, type Loaded, type Sources } from './config-layers.ts';

/** `host:port`, `[::1]:port`. */
const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/, 'must be host:port, for example 0.0.0.0:7420')
  .refine(
    // What is no address at all has been told so already.
    (text) => !(Number(text.slice(text.lastIndexOf(':') + 1)) > 65_535),
    'has a port above 65535',
  );

/** `90s`, `12h`, `30d` as milliseconds. */
function duration(least: string, most: string) {
  const [leastMs, mostMs] = [toMs(least), toMs(most)];
  return z
    .string()
    .regex(/^\d+(ms|s|m|h|d)$/, 'must be a number with a unit: ms, s, m, h or d, for example 12h')
    .refine((text) => {
      const ms = toMs(text);
      return Number.isNaN(ms) || (ms >= leastMs && ms <= mostMs);
    }, `must be from ${least} to ${most}`);
}

const path = z.string().min(1, 'must not be empty');
const log = z
  .strictObject({
    level: z.enum(['info', 'warn', 'error']).default('info'),
    /** Absent: text on a terminal, JSON elsewhere. */
    format: z.enum(['json', 'text']).optional(),
    /** Which calls get a line; see controller/server/edge.ts. */
    calls: z.enum(['all', 'failures']).default('failures'),
  })
  .prefault({});

const rate = (perSecond: number) => z.int().min(1).max(1_000_000).default(perSecond);

export const controllerSchema = z.strictObject({
  /** The log and the authority; a local disk. */
  dataDir: path.default('.isobar/controller'),
  listen: z
    .strictObject({
      /** Mutual TLS. */
      api: address.default('127.0.0.1:7420'),
      /** Where agents and people get their first certificate. */
      enrolment: address.default('127.0.0.1:7421'),
      /** /metrics, /healthz and /readyz, plain. */
      metrics: address.default('127.0.0.1:7422'),
      /** Further DNS names and addresses in the certificate, for tools that check what they dialled. */
      names: z.array(z.string().min(1)).max(64).default([]),
    })
    .prefault({}),
  retention: z
    .strictObject({
      /** How far back a watch may resume, at least; and so many records at least. */
      log: duration('1h', '365d').default('1h'),
      logRecords: z.int().min(1_000_000).max(1_000_000_000).default(1_000_000),
      /** Jobs that ended can be listed for so long. */
      archive: duration('1d', '3650d').default('30d'),
    })
    .prefault({}),
  certificates: z
    .strictObject({
      agents: duration('1h', '30d').default('7d'),
      people: duration('12h', '30d').default('7d'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      /** Of one identity. */
      callsPerSecond: rate(8_000),
      callsPerSecondTogether: rate(20_000),
      /** Of one address. */
      enrolmentsPerSecond: rate(5),
    })
    .prefault({}),
  /** Calls that are under way when the process is told to end have so long. */
  stopGrace: duration('0s', '10m').default('5s'),
  log,
});

export const agentSchema = z.strictObject({
  /** Identity, runs and logs of this data center; a local disk. */
  dataDir: path.default('.isobar/agent'),
  /** Controllers, tried in this order. */
  controllers: z
    .array(address, 'needs at least one host:port, as a list')
    .min(1, 'needs at least one host:port'),
  /** Their listeners for enrolment, until there is an identity. */
  enrolment: z.array(address).default([]),
  /** File with an enrolment token; else the variable ISOBAR_TOKEN. The token itself is no setting. */
  tokenFile: path.optional(),
  executor: z
    .strictObject({
      kind: z.enum(['local', 'kubernetes', 'slurm', 'simulated']).default('local'),
      /** Checked by the executor itself. */
      options: z.record(z.string(), z.unknown()).default({}),
    })
    .prefault({}),
  /** File with the rules of the data center's owner. */
  site: path.optional(),
  /** No site file needed: everything may run. */
  demo: z.boolean().default(false),
  /** File with the labels and devices of this machine, or made-up slices of it; absent: the whole of it, without devices. */
  nodes: path.optional(),
  /** Folder with NAME/KEY for each secret. */
  secretsDir: path.optional(),
  metrics: address.optional(),
  log,
});

export type ControllerConfig = z.output<typeof controllerSchema>;
export type AgentConfig = z.output<typeof agentSchema>;

export function loadControllerConfig(sources: Sources): Loaded<ControllerConfig> {
  return load(controllerSchema, 'ISOBAR_CONTROLLER_', sources);
}

export function loadAgentConfig(sources: Sources): Loaded<AgentConfig> {
  return load(agentSchema, 'ISOBAR_AGENT_', sources);
}
