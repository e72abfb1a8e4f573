// Who may call what: one table of method × relation → roles. What is not in a row is denied, and a method without a row
// does not compile.
import type { AgentServiceService } from '#gen/isobar/v1/agent.ts';
import type { AuditServiceService } from '#gen/isobar/v1/audit.ts';
import type { DataCenterServiceService } from '#gen/isobar/v1/data_center.ts';
import type {
  CertificateServiceService,
  EnrolmentServiceService,
} from '#gen/isobar/v1/enrolment.ts';
import type { EventServiceService } from '#gen/isobar/v1/event.ts';
import type { FederationServiceService } from '#gen/isobar/v1/federation.ts';
import type { JobServiceService } from '#gen/isobar/v1/job.ts';
import type { LinkServiceService } from '#gen/isobar/v1/link.ts';
import type { NodeServiceService } from '#gen/isobar/v1/node.ts';
import type { RunServiceService } from '#gen/isobar/v1/run.ts';
import type { TenantServiceService } from '#gen/isobar/v1/tenant.ts';
import type { UsageServiceService } from '#gen/isobar/v1/usage.ts';
import type { UserServiceService } from '#gen/isobar/v1/user.ts';

type PathsOf<S> = S extends object
  ? S[keyof S] extends infer M
    ? M extends { readonly path: infer P extends string }
      ? P
      : never
    : never
  : never;

/** The full name of a method, for example `/isobar.v1.JobService/SubmitJob`. */
export type MethodPath =
  | PathsOf<
      | AgentServiceService
      | AuditServiceService
      | CertificateServiceService
      | DataCenterServiceService
      | EnrolmentServiceService
      | EventServiceService
      | FederationServiceService
      | JobServiceService
      | LinkServiceService
      | NodeServiceService
      | RunServiceService
      | TenantServiceService
      | UsageServiceService
      | UserServiceService
    >
  | '/grpc.health.v1.Health/Check'
  | '/grpc.health.v1.Health/Watch'
  | '/grpc.health.v1.Health/List'
  | '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
  | '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo';

/** How the tenant that a request is about stands to the caller's: its own, below it, or any other. */
export type Relation = 'own' | 'descendant' | 'other' | 'federation';

/**
 * A role as the policy knows it. Roles of a tenant's user and of the federation's own users have different names, so
 * that a tenant that hands out an operator's role, by mistake or on purpose, hands out nothing.
 */
export type PolicyRole =
  | 'viewer'
  | 'auditor'
  | 'submitter'
  | 'tenant-admin'
  | 'provisioner'
  | 'operator'
  | 'federation-auditor';

/** For each relation the roles that may; a relation that is left out is denied. */
type ByRelation = { readonly [R in Relation]?: readonly PolicyRole[] };

export type Row =
  /** Every person, whatever the role. */
  | 'people'
  /** Whoever has a certificate. */
  | 'members'
  | 'agents'
  /** Only on the listener for enrolment, where nobody has a certificate yet. */
  | 'enrolment'
  | ByRelation;

const TENANT_READERS = ['viewer', 'auditor', 'submitter', 'tenant-admin'] as const;
const PROVISION: ByRelation = { federation: ['provisioner', 'operator'] };
const OPERATE: ByRelation = { federation: ['operator'] };

/** What lies in a tenant and its members read. Operators need it to drain, to explain and to help. */
const READ: ByRelation = {
  own: TENANT_READERS,
  descendant: ['tenant-admin'],
  other: ['operator'],
};
/** Jobs that exist already. Operators may stop what harms the federation. */
const CHANGE_JOBS: ByRelation = {
  own: ['submitter', 'tenant-admin'],
  descendant: ['tenant-admin'],
  other: ['operator'],
};
/** Work and data are the tenant's alone: not even an operator submits in its name or reads its output. */
const TENANT_ONLY_WORK: ByRelation = {
  own: ['submitter', 'tenant-admin'],
  descendant: ['tenant-admin'],
};
const TENANT_ONLY_OUTPUT: ByRelation = { own: TENANT_READERS, descendant: ['tenant-admin'] };
/** Whoever has any right in a tenant may know that it is there. */
const SEE_TENANT: ByRelation = {
  own: TENANT_READERS,
  descendant: ['auditor', 'tenant-admin'],
  other: ['operator', 'federation-auditor'],
};
/** Audit and usage. */
const ACCOUNT: ByRelation = {
  own: ['auditor', 'tenant-admin'],
  descendant: ['auditor', 'tenant-admin'],
  other: ['operator', 'federation-auditor'],
};
/** Users and tenants are administered from above; those of the federation itself by its operators. */
const ADMINISTER: ByRelation = {
  own: ['tenant-admin'],
  descendant: ['tenant-admin'],
  other: ['operator'],
  federation: ['operator'],
};
/** A tenant's own quota and weight are decided above it. */
const ADMINISTER_FROM_ABOVE: ByRelation = {
  descendant: ['tenant-admin'],
  other: ['operator'],
  federation: ['operator'],
};

export const POLICY = {
  '/isobar.v1.AgentService/Connect': 'agents',
  '/isobar.v1.AgentService/AttachData': 'agents',

  '/isobar.v1.AuditService/ListAudit': ACCOUNT,
  '/isobar.v1.AuditService/ExportAudit': { federation: ['operator', 'federation-auditor'] },
  '/isobar.v1.AuditService/VerifyAudit': { federation: ['operator', 'federation-auditor'] },

  '/isobar.v1.CertificateService/RenewCertificate': 'members',

  '/isobar.v1.DataCenterService/CreateDataCenter': PROVISION,
  '/isobar.v1.DataCenterService/GetDataCenter': 'people',
  '/isobar.v1.DataCenterService/ListDataCenters': 'people',
  '/isobar.v1.DataCenterService/UpdateDataCenter': PROVISION,
  '/isobar.v1.DataCenterService/DeleteDataCenter': PROVISION,
  '/isobar.v1.DataCenterService/CordonDataCenter': OPERATE,
  '/isobar.v1.DataCenterService/UncordonDataCenter': OPERATE,
  '/isobar.v1.DataCenterService/DrainDataCenter': OPERATE,
  '/isobar.v1.DataCenterService/CreateEnrolmentToken': PROVISION,

  '/isobar.v1.EnrolmentService/Enroll': 'enrolment',
  '/isobar.v1.EnrolmentService/GetAuthority': 'enrolment',

  // Without a parent: the events of data centers, nodes and links, which every member may see.
  '/isobar.v1.EventService/WatchEvents': {
    ...READ,
    federation: [...TENANT_READERS, 'provisioner', 'operator', 'federation-auditor'],
  },

  '/isobar.v1.FederationService/GetFederation': 'people',
  '/isobar.v1.FederationService/Backup': OPERATE,

  '/isobar.v1.JobService/SubmitJob': TENANT_ONLY_WORK,
  '/isobar.v1.JobService/SubmitJobs': TENANT_ONLY_WORK,
  '/isobar.v1.JobService/SubmitJobStream': TENANT_ONLY_WORK,
  '/isobar.v1.JobService/GetJob': READ,
  '/isobar.v1.JobService/ListJobs': READ,
  '/isobar.v1.JobService/CancelJobs': CHANGE_JOBS,
  '/isobar.v1.JobService/HoldJobs': CHANGE_JOBS,
  '/isobar.v1.JobService/ReleaseJobs': CHANGE_JOBS,
  '/isobar.v1.JobService/RequeueJobs': CHANGE_JOBS,
  '/isobar.v1.JobService/ReprioritizeJobs': CHANGE_JOBS,
  '/isobar.v1.JobService/ExplainJob': READ,
  '/isobar.v1.JobService/SimulateJobs': TENANT_ONLY_WORK,
  '/isobar.v1.JobService/ReadLogs': TENANT_ONLY_OUTPUT,

  '/isobar.v1.LinkService/CreateLink': PROVISION,
  '/isobar.v1.LinkService/GetLink': 'people',
  '/isobar.v1.LinkService/ListLinks': 'people',
  '/isobar.v1.LinkService/UpdateLink': PROVISION,
  '/isobar.v1.LinkService/DeleteLink': PROVISION,

  // The totals of a data center are the sum of these, and jobs select nodes by their labels.
  '/isobar.v1.NodeService/GetNode': 'people',
  '/isobar.v1.NodeService/ListNodes': 'people',
  '/isobar.v1.NodeService/CordonNode': OPERATE,
  '/isobar.v1.NodeService/UncordonNode': OPERATE,
  '/isobar.v1.NodeService/DrainNode': OPERATE,

  '/isobar.v1.RunService/ListRuns': READ,
  // It may start a second run beside a living one: only whoever can see that a data center is dead decides that.
  '/isobar.v1.RunService/ForgetRun': { other: ['operator'] },

  // The relation is that of the new tenant's parent, or federation for a root.
  '/isobar.v1.TenantService/CreateTenant': ADMINISTER,
  '/isobar.v1.TenantService/GetTenant': SEE_TENANT,
  '/isobar.v1.TenantService/ListTenants': SEE_TENANT,
  '/isobar.v1.TenantService/UpdateTenant': ADMINISTER_FROM_ABOVE,
  '/isobar.v1.TenantService/DeleteTenant': ADMINISTER_FROM_ABOVE,

  '/isobar.v1.UsageService/QueryUsage': ACCOUNT,

  '/isobar.v1.UserService/InviteUser': ADMINISTER,
  '/isobar.v1.UserService/GetUser': ADMINISTER,
  '/isobar.v1.UserService/ListUsers': ADMINISTER,
  '/isobar.v1.UserService/RevokeUser': ADMINISTER,
  '/isobar.v1.UserService/WhoAmI': 'people',

  '/grpc.health.v1.Health/Check': 'members',
  '/grpc.health.v1.Health/Watch': 'members',
  '/grpc.health.v1.Health/List': 'members',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': 'members',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': 'members',
} satisfies Record<MethodPath, Row>;

export function isMethodPath(path: string): path is MethodPath {
  return Object.hasOwn(POLICY, path);
}

export function rowOf(method: MethodPath): Row {
  return POLICY[method];
}
