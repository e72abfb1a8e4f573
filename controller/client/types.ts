// What the API speaks of, for those who may not import generated code.
export { AuditEntry } from '#gen/isobar/v1/audit.ts';
export { DataCenter, DataCenterClass, DataCenterState } from '#gen/isobar/v1/data_center.ts';
export { Event } from '#gen/isobar/v1/event.ts';
export { Federation } from '#gen/isobar/v1/federation.ts';
export {
  type ChangeJobsResponse,
  type Constraints,
  DependencyCondition,
  ExplainJobResponse,
  Job,
  type JobSpec,
  JobState,
  SimulateJobsResponse,
  type SubmitJobsResponse,
  type TaskGroup,
  UnreachablePolicy,
  type Verdict,
} from '#gen/isobar/v1/job.ts';
export { Link } from '#gen/isobar/v1/link.ts';
export { Node } from '#gen/isobar/v1/node.ts';
export { Classification, Placement, type Reason, Resources } from '#gen/isobar/v1/resources.ts';
export { Run, RunState } from '#gen/isobar/v1/run.ts';
export { Tenant } from '#gen/isobar/v1/tenant.ts';
export { QueryUsageResponse, type ResourceTime, type UsageRow } from '#gen/isobar/v1/usage.ts';
export { Role, User } from '#gen/isobar/v1/user.ts';
