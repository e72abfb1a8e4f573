// All services, ready for the two listeners.
import { tmpdir } from 'node:os';
import { AgentServiceService } from '#gen/isobar/v1/agent.ts';
import { AuditServiceService } from '#gen/isobar/v1/audit.ts';
import { DataCenterServiceService } from '#gen/isobar/v1/data_center.ts';
import { CertificateServiceService, EnrolmentServiceService } from '#gen/isobar/v1/enrolment.ts';
import { EventServiceService } from '#gen/isobar/v1/event.ts';
import { FederationServiceService } from '#gen/isobar/v1/federation.ts';
import { JobServiceService } from '#gen/isobar/v1/job.ts';
import { LinkServiceService } from '#gen/isobar/v1/link.ts';
import { NodeServiceService } from '#gen/isobar/v1/node.ts';
import { RunServiceService } from '#gen/isobar/v1/run.ts';
import { TenantServiceService } from '#gen/isobar/v1/tenant.ts';
import { UsageServiceService } from '#gen/isobar/v1/usage.ts';
import { UserServiceService } from '#gen/isobar/v1/user.ts';
import { implement, type Implemented } from './call.ts';
import { makeEdge, type CallObserver, type Edge, type EdgeOptions } from './edge.ts';
import { agentHandlers } from './services/agents.ts';
import { auditHandlers } from './services/audit.ts';
import { certificateHandlers, enrolmentHandlers } from './services/certificates.ts';
import { dataCenterHandlers } from './services/data-centers.ts';
import { directoryOf } from './services/directory.ts';
import { eventHandlers } from './services/events.ts';
import { federationHandlers } from './services/federation.ts';
import { jobHandlers } from './services/jobs.ts';
import { linkHandlers } from './services/links.ts';
import { LogRouter } from './services/log-router.ts';
import { nodeHandlers } from './services/nodes.ts';
import type { Parts } from './services/parts.ts';
import { runHandlers } from './services/runs.ts';
import { tenantHandlers } from './services/tenants.ts';
import { usageHandlers } from './services/usage.ts';
import { userHandlers } from './services/users.ts';
import { settingsOf, type EdgeConfig } from './settings.ts';

export type ServicesOptions = Omit<Parts, 'scratchDir' | 'lifetimes'> & {
  /** Where a backup lies while it is sent. Default: the system's directory for temporary files. */
  readonly scratchDir?: string;
  /** Told of every call when it has ended. */
  readonly observe?: CallObserver;
  /** Absent: the defaults of limits.ts and authority.ts. */
  readonly config?: EdgeConfig;
  /** Tests are less patient. */
  readonly patience?: EdgeOptions['patience'];
};

export interface Services {
  readonly apiEdge: Edge;
  readonly enrolmentEdge: Edge;
  /** For listenApi. */
  readonly api: readonly Implemented[];
  /** For listenEnrolment. */
  readonly enrolment: Implemented;
  /** Streams that are open on the API, for the metrics. */
  openStreams(): number;
}

export function makeServices(given: ServicesOptions): Services {
  const { scratchDir = tmpdir(), observe = () => {}, config, patience, ...rest } = given;
  const { apiRates, enrolmentRates, lifetimes, logCalls } = settingsOf(config);
  const parts: Parts = { ...rest, scratchDir, lifetimes };
  const { clock, random, telemetry, loop } = parts;
  const directory = directoryOf(loop.state);
  const options = {
    clock,
    random,
    telemetry,
    directory,
    observe,
    logCalls,
    ...(patience && { patience }),
  };
  const apiEdge = makeEdge({ ...options, rates: apiRates });
  const enrolmentEdge = makeEdge({ ...options, rates: enrolmentRates });
  const router = new LogRouter(clock);
  return {
    apiEdge,
    enrolmentEdge,
    api: [
      implement(apiEdge, AgentServiceService, agentHandlers(parts, router)),
      implement(apiEdge, AuditServiceService, auditHandlers(parts)),
      implement(apiEdge, CertificateServiceService, certificateHandlers(parts)),
      implement(apiEdge, DataCenterServiceService, dataCenterHandlers(parts)),
      implement(apiEdge, EventServiceService, eventHandlers(parts)),
      implement(apiEdge, FederationServiceService, federationHandlers(parts)),
      implement(apiEdge, JobServiceService, jobHandlers(parts, router)),
      implement(apiEdge, LinkServiceService, linkHandlers(parts)),
      implement(apiEdge, NodeServiceService, nodeHandlers(parts)),
      implement(apiEdge, RunServiceService, runHandlers(parts)),
      implement(apiEdge, TenantServiceService, tenantHandlers(parts)),
      implement(apiEdge, UsageServiceService, usageHandlers(parts)),
      implement(apiEdge, UserServiceService, userHandlers(parts, apiEdge.calls)),
    ],
    enrolment: implement(enrolmentEdge, EnrolmentServiceService, enrolmentHandlers(parts)),
    openStreams: () => apiEdge.calls.count,
  };
}
